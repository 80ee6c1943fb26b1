// Eight floats at a time, through the compiler's vector extension: AVX2 where there is AVX2, correct everywhere.
#pragma once
#include <cstring>
#include "device.cuh"
#if defined(__F16C__) && defined(__AVX2__)
#include <immintrin.h>
#endif

namespace emu {
typedef float Vec8 __attribute__((vector_size(32)));

inline Vec8 broadcast(float v) { return Vec8{v, v, v, v, v, v, v, v}; }
inline Vec8 load8(const float* p) {
  Vec8 v;
  memcpy(&v, p, sizeof v);
  return v;
}
inline void store8(float* p, Vec8 v) { memcpy(p, &v, sizeof v); }
// a * b + c. Products of 16-bit and of tf32 floats are exact in float32, so it does not matter whether it is fused.
inline Vec8 multiply_add(Vec8 a, Vec8 b, Vec8 c) {
#if defined(__FMA__) && defined(__AVX2__)
  return (Vec8)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}
inline Vec8 f16_to_vec8(const u16* p) {
#if defined(__F16C__) && defined(__AVX2__)
  return (Vec8)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#else
  Vec8 v;
  for (int i = 0; i < 8; i++) v[i] = f16_to_f32(f16{p[i]});
  return v;
#endif
}
inline Vec8 bf16_to_vec8(const u16* p) {
  u32 bits[8];
  for (int i = 0; i < 8; i++) bits[i] = (u32)p[i] << 16;
  Vec8 v;
  memcpy(&v, bits, sizeof v);
  return v;
}
inline Vec8 to_vec8(const u16* p, bool bf16) { return bf16 ? bf16_to_vec8(p) : f16_to_vec8(p); }
}  // namespace emu
