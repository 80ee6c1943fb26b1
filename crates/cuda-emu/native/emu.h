// CPU side of device.cuh: every CUDA thread is a fiber. Included only when the kernel is compiled as plain C++.
#pragma once
#include <cstddef>
#include <cstring>
#include <cmath>
#include <utility>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
#define DEV static inline
#define DEV_MEMBER inline

namespace emu {
struct D3 { unsigned x, y, z; };
struct Ctx {              // one CUDA thread
  D3 tid, bid, bdim, gdim;
  u32 lin, warp, lane;
  void* sp;
};
extern __thread Ctx* cur;

enum Op : int { OP_SYNCWARP, OP_SHFL, OP_BALLOT, OP_LDMATRIX, OP_LDMATRIX_T, OP_MMA_BF16, OP_MMA_F16, OP_MMA_TF32, OP_REDUCE };
struct ShflArg { u64 v; u64 out; int src; };
struct BallotArg { int pred; u32 out; };
struct LdmArg { u32 addr; u32* r; int tiles; };
struct ReduceArg { u32 v, out; int kind; };
struct MmaArg { float* d; const u32* a; u32 b0, b1; };

u8* dyn_smem();
u32 smem_off(const void* p);
void warp_op(Op op, u32 mask, void* arg);
void barrier(u32 id, u32 nthreads, int line);
void cp_async(u32 dst, const void* src, u32 size, u32 bytes);
void bar_arrive(u32 id, u32 nthreads);
void note_access(const void* p, unsigned bytes, int write, const void* pc);
[[noreturn]] void fail(const char* fmt, ...);
void cp_async_commit();
void cp_async_wait(int n);
void mbar_init(u32 bar, u32 count);
void mbar_expect_tx(u32 bar, u32 bytes);
void mbar_arrive(u32 bar);
void mbar_wait(u32 bar, u32 parity);
void fence_proxy_async();
void tma_load(u32 dst, const void* map, u32 bar, const int* coord, int rank);
void wgmma(float* d, int n, u64 da, u64 db, int acc);
void wgmma_fence();
void wgmma_commit();
void wgmma_wait(int n);
void atomic_note(const void* p, unsigned bytes);

#define EMU_NOSAN __attribute__((no_sanitize("thread", "address")))
template <class... A, std::size_t... I>
EMU_NOSAN inline void call_(void (*f)(A...), void** p, std::index_sequence<I...>) { f(*static_cast<std::remove_cv_t<A>*>(p[I])...); }
template <class... A>
EMU_NOSAN inline void call(void (*f)(A...), void** p) { call_(f, p, std::index_sequence_for<A...>{}); }
}

#define threadIdx (emu::cur->tid)
#define blockIdx (emu::cur->bid)
#define blockDim (emu::cur->bdim)
#define gridDim (emu::cur->gdim)
#define warpSize 32
#define DYN_SMEM(name) u8* const name = emu::dyn_smem()
#define KERNEL static void
#ifdef EMU_CHECKED      // same kernel, instrumented build
#define EMU_ENTRY(k) emu_checked_##k
#define EMU_IS_CHECKED 1
#else
#define EMU_ENTRY(k) emu_entry_##k
#define EMU_IS_CHECKED 0
#endif
namespace emu {
struct Register { Register(const char* name, int checked, void (*entry)(void**), int nargs, const u32* sizes); };
template <class... A> struct ArgSizes { static constexpr u32 value[sizeof...(A) + 1] = {(u32)sizeof(A)..., 0}; };
template <class... A> Register register_kernel(const char* name, int checked, void (*entry)(void**), void (*)(A...)) { return Register(name, checked, entry, sizeof...(A), ArgSizes<A...>::value); }
}
#define EXPORT_KERNEL(k) extern "C" EMU_NOSAN void EMU_ENTRY(k)(void** p) { emu::call(&k, p); } static emu::Register emu_register_##k = emu::register_kernel(#k, EMU_IS_CHECKED, EMU_ENTRY(k), &k);

// --- vector types -------------------------------------------------------------------------------------------------
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct float3 { float x, y, z; };
struct alignas(16) double2 { double x, y; };
struct alignas(16) uint4 { u32 x, y, z, w; };
struct alignas(8) uint2 { u32 x, y; };
struct uint3 { u32 x, y, z; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct int3 { int x, y, z; };
struct alignas(4) uchar4 { u8 x, y, z, w; };
struct alignas(8) ushort4 { u16 x, y, z, w; };
struct alignas(4) ushort2 { u16 x, y; };
DEV float2 make_float2(float x, float y) { return {x, y}; }
DEV float3 make_float3(float x, float y, float z) { return {x, y, z}; }
DEV float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
DEV double2 make_double2(double x, double y) { return {x, y}; }
DEV uint2 make_uint2(u32 x, u32 y) { return {x, y}; }
DEV uint3 make_uint3(u32 x, u32 y, u32 z) { return {x, y, z}; }
DEV uint4 make_uint4(u32 x, u32 y, u32 z, u32 w) { return {x, y, z, w}; }
DEV int2 make_int2(int x, int y) { return {x, y}; }
DEV int3 make_int3(int x, int y, int z) { return {x, y, z}; }
DEV int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
DEV uchar4 make_uchar4(u8 x, u8 y, u8 z, u8 w) { return {x, y, z, w}; }
DEV ushort2 make_ushort2(u16 x, u16 y) { return {x, y}; }
DEV ushort4 make_ushort4(u16 x, u16 y, u16 z, u16 w) { return {x, y, z, w}; }

// --- bits ---------------------------------------------------------------------------------------------------------
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

// --- arithmetic: what is IEEE on the GPU is IEEE here; fmaf, sqrtf and the like come from <cmath> -----------------
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

// --- memory -------------------------------------------------------------------------------------------------------
// The checked build must see one access of 16 bytes, not the pieces that the compiler would make of it.
#ifdef EMU_CHECKED
#define EMU_MEM static __attribute__((noinline, no_sanitize("thread"), unused))
#define EMU_NOTE(p, n, w) emu::note_access(p, n, w, __builtin_return_address(0))
#else
#define EMU_MEM static inline
#define EMU_NOTE(p, n, w) ((u64)(p) & (n - 1) ? emu::fail("a %d-byte access at %p, which is not a multiple of it", n, p) : (void)0)
#endif
EMU_MEM uint4 ld16(const void* p) { EMU_NOTE(p, 16, 0); uint4 v; __builtin_memcpy(&v, p, 16); return v; }
EMU_MEM void st16(void* p, uint4 v) { EMU_NOTE(p, 16, 1); __builtin_memcpy(p, &v, 16); }
EMU_MEM uint2 ld8(const void* p) { EMU_NOTE(p, 8, 0); uint2 v; __builtin_memcpy(&v, p, 8); return v; }
EMU_MEM void st8(void* p, uint2 v) { EMU_NOTE(p, 8, 1); __builtin_memcpy(p, &v, 8); }
#define ldg16 ld16
#define ldg8 ld8
#define ld16_stream ld16
#define st16_stream st16
template <class T> DEV T __ldg(const T* p) { return *p; }
template <class T> DEV T __ldcg(const T* p) { return *p; }
template <class T> DEV T __ldcs(const T* p) { return *p; }
template <class T> DEV void __stcg(T* p, T v) { *p = v; }
template <class T> DEV void __stcs(T* p, T v) { *p = v; }
DEV void __threadfence() {}
DEV void __threadfence_block() {}
DEV void __nanosleep(u32) {}
DEV void grid_wait() {}
DEV void grid_launch_next() {}

// --- atomics ------------------------------------------------------------------------------------------------------
// Carried out by a loop over compare-and-swap: `next` of the old value.
template <class T, class F> EMU_MEM T emu_atomic(T* p, F next) {
  emu::note_access(p, sizeof(T), 2, __builtin_return_address(0));
  typedef std::conditional_t<sizeof(T) == 8, u64, u32> Word;
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "");
  Word* w = reinterpret_cast<Word*>(p);
  Word old = __atomic_load_n(w, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(w, &old, emu_bits<Word>(next(emu_bits<T>(old))), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
  return emu_bits<T>(old);
}
#define EMU_ATOMIC(T) \
  DEV T atomicAdd(T* p, T v) { return emu_atomic(p, [v](T o) { return (T)(o + v); }); } \
  DEV T atomicExch(T* p, T v) { return emu_atomic(p, [v](T) { return v; }); }
#define EMU_ATOMIC_INT(T) EMU_ATOMIC(T) \
  DEV T atomicMax(T* p, T v) { return emu_atomic(p, [v](T o) { return o > v ? o : v; }); } \
  DEV T atomicMin(T* p, T v) { return emu_atomic(p, [v](T o) { return o < v ? o : v; }); } \
  DEV T atomicAnd(T* p, T v) { return emu_atomic(p, [v](T o) { return (T)(o & v); }); } \
  DEV T atomicOr(T* p, T v) { return emu_atomic(p, [v](T o) { return (T)(o | v); }); } \
  DEV T atomicXor(T* p, T v) { return emu_atomic(p, [v](T o) { return (T)(o ^ v); }); } \
  DEV T atomicCAS(T* p, T c, T v) { return emu_atomic(p, [c, v](T o) { return o == c ? v : o; }); }
EMU_ATOMIC(float)
EMU_ATOMIC(double)
EMU_ATOMIC_INT(int)
EMU_ATOMIC_INT(u32)
EMU_ATOMIC_INT(u64)
DEV int atomicSub(int* p, int v) { return atomicAdd(p, -v); }
DEV u32 atomicSub(u32* p, u32 v) { return atomicAdd(p, 0u - v); }

// --- the block and the warp ---------------------------------------------------------------------------------------
#define __syncthreads() emu::barrier(0, 0, __LINE__)
DEV void bar_sync(u32 id, u32 n) { emu::barrier(id, n, 0); }
DEV void bar_arrive(u32 id, u32 n) { emu::bar_arrive(id, n); }
DEV void __syncwarp(u32 m = 0xffffffffu) { emu::warp_op(emu::OP_SYNCWARP, m, nullptr); }
template <class T> DEV T emu_shfl(u32 m, T v, int src) {
  emu::ShflArg a{0, 0, src}; static_assert(sizeof(T) <= 8, ""); __builtin_memcpy(&a.v, &v, sizeof(T));
  emu::warp_op(emu::OP_SHFL, m, &a); __builtin_memcpy(&v, &a.out, sizeof(T)); return v;
}
template <class T> DEV T __shfl_sync(u32 m, T v, int src, int w = 32) { int l = emu::cur->lane; return emu_shfl(m, v, (l & ~(w - 1)) | (src & (w - 1))); }
template <class T> DEV T __shfl_xor_sync(u32 m, T v, int x, int w = 32) { int l = emu::cur->lane, s = l ^ x; return emu_shfl(m, v, (s & ~(w - 1)) > (l & ~(w - 1)) ? l : s); }
template <class T> DEV T __shfl_down_sync(u32 m, T v, int d, int w = 32) { int l = emu::cur->lane; return emu_shfl(m, v, (l & (w - 1)) + d >= w ? l : l + d); }
template <class T> DEV T __shfl_up_sync(u32 m, T v, int d, int w = 32) { int l = emu::cur->lane; return emu_shfl(m, v, (l & (w - 1)) - d < 0 ? l : l - d); }
DEV u32 __ballot_sync(u32 m, int p) { emu::BallotArg a{p != 0, 0}; emu::warp_op(emu::OP_BALLOT, m, &a); return a.out; }
DEV int __any_sync(u32 m, int p) { return __ballot_sync(m, p) != 0; }
DEV int __all_sync(u32 m, int p) { return __ballot_sync(m, p) == m; }
DEV u32 emu_reduce(u32 m, u32 v, int kind) { emu::ReduceArg a{v, 0, kind}; emu::warp_op(emu::OP_REDUCE, m, &a); return a.out; }
DEV u32 __reduce_add_sync(u32 m, u32 v) { return emu_reduce(m, v, 0); }
DEV int __reduce_add_sync(u32 m, int v) { return (int)emu_reduce(m, (u32)v, 0); }
DEV u32 __reduce_max_sync(u32 m, u32 v) { return emu_reduce(m, v, 1); }
DEV int __reduce_max_sync(u32 m, int v) { return (int)emu_reduce(m, (u32)v, 2); }
DEV u32 __reduce_min_sync(u32 m, u32 v) { return emu_reduce(m, v, 3); }
DEV int __reduce_min_sync(u32 m, int v) { return (int)emu_reduce(m, (u32)v, 4); }
DEV u32 __reduce_and_sync(u32 m, u32 v) { return emu_reduce(m, v, 5); }
DEV u32 __reduce_or_sync(u32 m, u32 v) { return emu_reduce(m, v, 6); }
DEV u32 __reduce_xor_sync(u32 m, u32 v) { return emu_reduce(m, v, 7); }
DEV u32 smem_addr(const void* p) { return emu::smem_off(p); }

// --- conversions --------------------------------------------------------------------------------------------------
DEV float bf16_to_f32(bf16 v) { return __uint_as_float((u32)v.x << 16); }
DEV bf16 f32_to_bf16(float f) {
  u32 u = __float_as_uint(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return bf16{0x7fff};
  return bf16{(u16)((u + 0x7fff + ((u >> 16) & 1)) >> 16)};
}
DEV float f16_to_f32(f16 v) { return (float)emu_bits<_Float16>(v.x); }
DEV f16 f32_to_f16(float f) { return f != f ? f16{0x7fff} : f16{emu_bits<u16>((_Float16)f)}; }
DEV u32 pack_f16(float lo, float hi) { return (u32)f32_to_f16(lo).x | ((u32)f32_to_f16(hi).x << 16); }
DEV u32 pack_bf16(float lo, float hi) { return (u32)f32_to_bf16(lo).x | ((u32)f32_to_bf16(hi).x << 16); }
DEV u32 f32_to_tf32(float f) {
  u32 u = __float_as_uint(f);
  if ((u & 0x7f800000u) == 0x7f800000u) return u & 0x007fffffu ? 0x7fffffffu : u;
  return (u + 0x1000u) & ~0x1fffu;
}

// --- copies, fragments, tensor cores ------------------------------------------------------------------------------
DEV void cp_async4(u32 d, const void* s, u32 b) { emu::cp_async(d, s, 4, b); }
DEV void cp_async8(u32 d, const void* s, u32 b) { emu::cp_async(d, s, 8, b); }
DEV void cp_async16(u32 d, const void* s, u32 b) { emu::cp_async(d, s, 16, b); }
DEV void cp_async_commit() { emu::cp_async_commit(); }
template <int N> DEV void cp_async_wait() { emu::cp_async_wait(N); }
DEV void emu_ldmatrix(emu::Op op, u32* r, u32 a, int tiles) { emu::LdmArg x{a, r, tiles}; emu::warp_op(op, 0xffffffffu, &x); }
DEV void ldmatrix_x1(u32& r, u32 a) { emu_ldmatrix(emu::OP_LDMATRIX, &r, a, 1); }
DEV void ldmatrix_x1_trans(u32& r, u32 a) { emu_ldmatrix(emu::OP_LDMATRIX_T, &r, a, 1); }
DEV void ldmatrix_x2(u32 (&r)[2], u32 a) { emu_ldmatrix(emu::OP_LDMATRIX, r, a, 2); }
DEV void ldmatrix_x2_trans(u32 (&r)[2], u32 a) { emu_ldmatrix(emu::OP_LDMATRIX_T, r, a, 2); }
DEV void ldmatrix_x4(u32 (&r)[4], u32 a) { emu_ldmatrix(emu::OP_LDMATRIX, r, a, 4); }
DEV void ldmatrix_x4_trans(u32 (&r)[4], u32 a) { emu_ldmatrix(emu::OP_LDMATRIX_T, r, a, 4); }
DEV void mma_f16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { emu::MmaArg x{d, a, b0, b1}; emu::warp_op(emu::OP_MMA_F16, 0xffffffffu, &x); }
DEV void mma_bf16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { emu::MmaArg x{d, a, b0, b1}; emu::warp_op(emu::OP_MMA_BF16, 0xffffffffu, &x); }
DEV void mma_tf32_1688(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { emu::MmaArg x{d, a, b0, b1}; emu::warp_op(emu::OP_MMA_TF32, 0xffffffffu, &x); }
template <int I, int J> DEV void mma_f16_tiles(float (&d)[I][2 * J][4], const u32 (&a)[I][4], const u32 (&b)[J][4]) {
  for (int i = 0; i < I; i++) for (int j = 0; j < 2 * J; j++) mma_f16_16816(d[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
}
template <int I, int J> DEV void mma_bf16_tiles(float (&d)[I][2 * J][4], const u32 (&a)[I][4], const u32 (&b)[J][4]) {
  for (int i = 0; i < I; i++) for (int j = 0; j < 2 * J; j++) mma_bf16_16816(d[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
}
template <int N> DEV void ldmatrix_x4(u32 (&r)[N][4], const u32 (&a)[N]) { for (int i = 0; i < N; i++) ldmatrix_x4(r[i], a[i]); }
template <int N> DEV void ldmatrix_x4_trans(u32 (&r)[N][4], const u32 (&a)[N]) { for (int i = 0; i < N; i++) ldmatrix_x4_trans(r[i], a[i]); }
DEV void mbar_init(u32 b, u32 c) { emu::mbar_init(b, c); }
DEV void mbar_init_fence() {}
DEV void mbar_expect_tx(u32 b, u32 n) { emu::mbar_expect_tx(b, n); }
DEV void mbar_arrive(u32 b) { emu::mbar_arrive(b); }
DEV void mbar_wait(u32 b, u32 p) { emu::mbar_wait(b, p); }
DEV void fence_proxy_async() { emu::fence_proxy_async(); }
DEV void tma_load_2d(u32 d, const TensorMap* m, u32 b, int c0, int c1) { int c[2] = {c0, c1}; emu::tma_load(d, m, b, c, 2); }
DEV void wgmma_fence() { emu::wgmma_fence(); }
DEV void wgmma_commit() { emu::wgmma_commit(); }
template <int N> DEV void wgmma_wait() { emu::wgmma_wait(N); }
template <int N> DEV void reg_dec() {}
template <int N> DEV void reg_inc() {}
DEV u64 smem_desc_sw128(u32 addr) { return (u64)((addr & 0x3FFFF) >> 4) | ((u64)1 << 16) | ((u64)(1024 >> 4) << 32) | ((u64)1 << 62); }
DEV void wgmma_m64n64k16(float (&d)[32], u64 da, u64 db, int acc) { emu::wgmma(d, 64, da, db, acc); }
