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

DEV float4 load4(const float* p) { return *(const float4*)p; }
DEV void store4(float* p, float4 v) { *(float4*)p = v; }

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
  if (t.kind == STORED_BF16) return float2{bf16_to_f32(bf16{(u16)a}), bf16_to_f32(bf16{(u16)(a >> 16)})};
  const float2 hi = float2{f16_to_f32(f16{(u16)a}), f16_to_f32(f16{(u16)(a >> 16)})};
  if (t.kind == STORED_F16) return hi;
  const u32 b = *(const u32*)((const u16*)t.b + i);
  return float2{hi.x + f16_to_f32(f16{(u16)b}), hi.y + f16_to_f32(f16{(u16)(b >> 16)})};
}

// What is left of x after its fp16 part.
DEV float f16_rest(float x) { return x - f16_to_f32(f32_to_f16(x)); }

// Clamped to what 16 bits can hold, so that rounding makes no infinity; a NaN stays one.
DEV float stored_finite(u32 kind, float v) {
  const float most = kind == STORED_BF16 ? __uint_as_float(0x7f7f0000u) : 65504.0f;
  return v > most ? most : v < -most ? -most : v;
}

// Elements i and i + 1, rounded to what is stored; what is finite stays finite; i is even.
DEV void stored_put2(const Stored& t, u64 i, float2 v) {
  if (t.kind == STORED_F32) {
    *(float2*)((float*)t.a + i) = v;
    return;
  }
  v = float2{stored_finite(t.kind, v.x), stored_finite(t.kind, v.y)};
  if (t.kind == STORED_BF16) {
    *(u32*)((u16*)t.a + i) = pack_bf16(v.x, v.y);
  } else {
    *(u32*)((u16*)t.a + i) = pack_f16(v.x, v.y);
    if (t.kind == STORED_SPLIT) *(u32*)((u16*)t.b + i) = pack_f16(f16_rest(v.x), f16_rest(v.y));
  }
}
