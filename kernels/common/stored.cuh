// Tensors as they are stored: float, 16 bits, or split into two fp16 planes whose sum is the value.
#pragma once
#include "device.cuh"

enum StoredKind : u32 { STORED_F32 = 0, STORED_F16 = 1, STORED_BF16 = 2, STORED_SPLIT = 3 };

// Addresses of the plane, or of hi and lo. Rust: `ops::stored::Stored`.
struct Stored {
  void* a;
  void* b;
  u32 kind;
  u32 pad;
};

DEV float4 load4(const float* p) {
  const uint4 v = ld16(p);
  return float4{__uint_as_float(v.x), __uint_as_float(v.y), __uint_as_float(v.z), __uint_as_float(v.w)};
}
DEV void store4(float* p, float4 v) {
  uint4 bits;
  bits.x = __float_as_uint(v.x);
  bits.y = __float_as_uint(v.y);
  bits.z = __float_as_uint(v.z);
  bits.w = __float_as_uint(v.w);
  st16(p, bits);
}

DEV float stored_get(const Stored& t, u64 i) {
  if (t.kind == STORED_F32) return ((const float*)t.a)[i];
  if (t.kind == STORED_F16) return f16_to_f32(((const f16*)t.a)[i]);
  if (t.kind == STORED_BF16) return bf16_to_f32(((const bf16*)t.a)[i]);
  return f16_to_f32(((const f16*)t.a)[i]) + f16_to_f32(((const f16*)t.b)[i]);
}

// Elements i and i + 1; i is even.
DEV float2 stored_get2(const Stored& t, u64 i) {
  if (t.kind == STORED_F32) return *(const float2*)((const float*)t.a + i);
  const u32 a = *(const u32*)((const u16*)t.a + i);
  if (t.kind == STORED_BF16) return bf16x2_to_f32(a);
  const float2 hi = f16x2_to_f32(a);
  if (t.kind == STORED_F16) return hi;
  const float2 lo = f16x2_to_f32(*(const u32*)((const u16*)t.b + i));
  return float2{hi.x + lo.x, hi.y + lo.y};
}

// Elements i to i + 7; i is a multiple of 8.
DEV void stored_get8(const Stored& t, u64 i, float (&v)[8]) {
  if (t.kind == STORED_F32) {
#pragma unroll
    for (u32 j = 0; j < 8; j += 4) {
      const float4 four = load4((const float*)t.a + i + j);
      v[j] = four.x;
      v[j + 1] = four.y;
      v[j + 2] = four.z;
      v[j + 3] = four.w;
    }
    return;
  }
  for (u32 plane = 0; plane < (t.kind == STORED_SPLIT ? 2 : 1); plane++) {
    const uint4 bits = ld16((const u16*)(plane ? t.b : t.a) + i);
    const u32 words[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
    for (u32 j = 0; j < 8; j += 2) {
      const float2 two = t.kind == STORED_BF16 ? bf16x2_to_f32(words[j / 2]) : f16x2_to_f32(words[j / 2]);
      v[j] = plane ? v[j] + two.x : two.x;
      v[j + 1] = plane ? v[j + 1] + two.y : two.y;
    }
  }
}

// Elements i and i + 1, rounded to what is stored; beyond its range they become infinite or NaN; i is even.
DEV void stored_put2(const Stored& t, u64 i, float2 v) {
  if (t.kind == STORED_F32) {
    *(float2*)((float*)t.a + i) = v;
  } else if (t.kind == STORED_BF16) {
    *(u32*)((u16*)t.a + i) = pack_bf16(v.x, v.y);
  } else {
    const u32 hi = pack_f16(v.x, v.y);
    *(u32*)((u16*)t.a + i) = hi;
    if (t.kind == STORED_SPLIT) {
      const float2 part = f16x2_to_f32(hi);
      *(u32*)((u16*)t.b + i) = pack_f16(v.x - part.x, v.y - part.y);
    }
  }
}

// The same for a gradient, which stays finite where it is finite.
DEV void stored_put_gradient2(const Stored& t, u64 i, float2 v) {
  if (t.kind == STORED_BF16) v = float2{clamp_bf16(v.x), clamp_bf16(v.y)};
  if (t.kind == STORED_F16 || t.kind == STORED_SPLIT) v = float2{clamp_f16(v.x), clamp_f16(v.y)};
  stored_put2(t, i, v);
}
