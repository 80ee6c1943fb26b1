// Vector loads.
//
// 16-byte accesses go through a function of their own: a compiler for the CPU may split a struct copy, and then the
// emulator would count bank conflicts of accesses that no GPU makes.
#pragma once
#include "device.cuh"

DEV void load4(float (&to)[4], const void* from) {
  const float4 v = *static_cast<const float4*>(from);
  to[0] = v.x;
  to[1] = v.y;
  to[2] = v.z;
  to[3] = v.w;
}
DEV float2 load2(const void* from) { return *static_cast<const float2*>(from); }
