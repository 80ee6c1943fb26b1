// Bits: the same bits as another type, counting, reversing, wide products.
#pragma once

template <class To, class From> DEV To emu_bits(From v) {
  static_assert(sizeof(To) == sizeof(From), "");
  To r; __builtin_memcpy(&r, &v, sizeof r); return r;
}
DEV u32 __float_as_uint(float f) { return emu_bits<u32>(f); }
DEV int __float_as_int(float f) { return emu_bits<int>(f); }
DEV float __uint_as_float(u32 u) { return emu_bits<float>(u); }
DEV float __int_as_float(int u) { return emu_bits<float>(u); }
DEV long long __double_as_longlong(double d) { return emu_bits<long long>(d); }
DEV double __longlong_as_double(long long v) { return emu_bits<double>(v); }
DEV int __double2hiint(double d) { return (int)(emu_bits<u64>(d) >> 32); }
DEV int __double2loint(double d) { return (int)emu_bits<u64>(d); }
DEV double __hiloint2double(int hi, int lo) { return emu_bits<double>((u64)(u32)hi << 32 | (u32)lo); }
DEV int __popc(u32 v) { return __builtin_popcount(v); }
DEV int __popcll(u64 v) { return __builtin_popcountll(v); }
DEV int __clz(int v) { return v ? __builtin_clz((u32)v) : 32; }
DEV int __clzll(long long v) { return v ? __builtin_clzll((u64)v) : 64; }
DEV int __ffs(int v) { return __builtin_ffs(v); }
DEV int __ffsll(long long v) { return __builtin_ffsll(v); }
DEV u32 __brev(u32 v) {
  v = (v >> 1 & 0x55555555u) | (v & 0x55555555u) << 1;
  v = (v >> 2 & 0x33333333u) | (v & 0x33333333u) << 2;
  v = (v >> 4 & 0x0f0f0f0fu) | (v & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(v);
}
DEV u64 __brevll(u64 v) { return (u64)__brev((u32)v) << 32 | __brev((u32)(v >> 32)); }
DEV u32 __umulhi(u32 a, u32 b) { return (u32)((u64)a * b >> 32); }
DEV int __mulhi(int a, int b) { return (int)((i64)a * b >> 32); }
DEV u64 __umul64hi(u64 a, u64 b) { return (u64)((unsigned __int128)a * b >> 64); }
DEV u32 __byte_perm(u32 a, u32 b, u32 s) {
  u64 v = (u64)b << 32 | a; u32 r = 0;
  for (int i = 0; i < 4; i++) {
    u32 n = s >> 4 * i & 15, byte = (u32)(v >> 8 * (n & 7)) & 0xff;
    if (n & 8) byte = byte & 0x80 ? 0xff : 0;
    r |= byte << 8 * i;
  }
  return r;
}
DEV u32 __funnelshift_l(u32 lo, u32 hi, u32 s) { return (u32)(((u64)hi << 32 | lo) << (s & 31) >> 32); }
DEV u32 __funnelshift_r(u32 lo, u32 hi, u32 s) { return (u32)(((u64)hi << 32 | lo) >> (s & 31)); }
