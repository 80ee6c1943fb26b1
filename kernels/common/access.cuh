// Vector loads.
//
// 16-byte accesses go through a function of their own: a compiler for the CPU may split a struct copy, and then the
// emulator would count bank conflicts of accesses that no GPU makes.
#pragma once
#include "device.cuh"

DEV void load4(float (&to)[4], const void* from) {
  const uint4 v = ld16(from);
  to[0] = __uint_as_float(v.x);
  to[1] = __uint_as_float(v.y);
  to[2] = __uint_as_float(v.z);
  to[3] = __uint_as_float(v.w);
}
DEV float2 load2(const void* from) {
  const uint2 v = ld8(from);
  float2 to;
  to.x = __uint_as_float(v.x);
  to.y = __uint_as_float(v.y);
  return to;
}
