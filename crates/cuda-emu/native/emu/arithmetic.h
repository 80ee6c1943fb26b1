// Arithmetic: what is IEEE on the GPU is IEEE here; fmaf, sqrtf and the like come from <cmath>.
#pragma once

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
