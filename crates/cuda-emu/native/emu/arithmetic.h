// Arithmetic: what is IEEE on the GPU is IEEE here; fmaf, sqrtf and the like come from <cmath>.
#pragma once

// The GPU's minimum and maximum: of a number and NaN (also a signalling one) the number, and -0 is below +0. The C
// library leaves both open.
DEV float emu_fminf(float a, float b) {
  if (a != a) return b;
  if (b != b) return a;
  if (a == b) return __uint_as_float(__float_as_uint(a) | __float_as_uint(b));
  return a < b ? a : b;
}
DEV float emu_fmaxf(float a, float b) {
  if (a != a) return b;
  if (b != b) return a;
  if (a == b) return __uint_as_float(__float_as_uint(a) & __float_as_uint(b));
  return a > b ? a : b;
}
DEV double emu_fmin(double a, double b) {
  if (a != a) return b;
  if (b != b) return a;
  if (a == b) return emu_bits<double>(emu_bits<u64>(a) | emu_bits<u64>(b));
  return a < b ? a : b;
}
DEV double emu_fmax(double a, double b) {
  if (a != a) return b;
  if (b != b) return a;
  if (a == b) return emu_bits<double>(emu_bits<u64>(a) & emu_bits<u64>(b));
  return a > b ? a : b;
}
#define fminf(a, b) emu_fminf(a, b)
#define fmaxf(a, b) emu_fmaxf(a, b)
#define fmin(a, b) emu_fmin(a, b)
#define fmax(a, b) emu_fmax(a, b)
DEV int min(int a, int b) { return a < b ? a : b; }
DEV u32 min(u32 a, u32 b) { return a < b ? a : b; }
DEV u32 min(int a, u32 b) { return min((u32)a, b); }
DEV u32 min(u32 a, int b) { return min(a, (u32)b); }
DEV i64 min(i64 a, i64 b) { return a < b ? a : b; }
DEV u64 min(u64 a, u64 b) { return a < b ? a : b; }
DEV float min(float a, float b) { return fminf(a, b); }
DEV double min(double a, double b) { return fmin(a, b); }
DEV int max(int a, int b) { return a > b ? a : b; }
DEV u32 max(u32 a, u32 b) { return a > b ? a : b; }
DEV u32 max(int a, u32 b) { return max((u32)a, b); }
DEV u32 max(u32 a, int b) { return max(a, (u32)b); }
DEV i64 max(i64 a, i64 b) { return a > b ? a : b; }
DEV u64 max(u64 a, u64 b) { return a > b ? a : b; }
DEV float max(float a, float b) { return fmaxf(a, b); }
DEV double max(double a, double b) { return fmax(a, b); }
DEV float __fadd_rn(float a, float b) { return a + b; }
DEV float __fsub_rn(float a, float b) { return a - b; }
DEV float __fmul_rn(float a, float b) { return a * b; }
DEV float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
DEV float __fdiv_rn(float a, float b) { return a / b; }
DEV float __frcp_rn(float a) { return 1.0f / a; }
DEV float __fsqrt_rn(float a) { return sqrtf(a); }
DEV double __dadd_rn(double a, double b) { return a + b; }
DEV double __dsub_rn(double a, double b) { return a - b; }
DEV double __dmul_rn(double a, double b) { return a * b; }
DEV double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
DEV double __ddiv_rn(double a, double b) { return a / b; }
DEV double __dsqrt_rn(double a) { return sqrt(a); }
DEV int __float2int_rn(float a) { return (int)rintf(a); }
DEV int __float2int_rz(float a) { return (int)a; }
DEV float __int2float_rn(int a) { return (float)a; }
DEV float __uint2float_rn(u32 a) { return (float)a; }
DEV float __saturatef(float a) { return a != a ? 0.0f : a < 0.0f ? 0.0f : a > 1.0f ? 1.0f : a; }
