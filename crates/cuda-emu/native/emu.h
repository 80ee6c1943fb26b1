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

namespace emu {
struct D3 { unsigned x, y, z; };
struct Ctx {              // one CUDA thread
  D3 tid, bid, bdim, gdim;
  u32 lin, warp, lane;
  void* sp;
};
extern __thread Ctx* cur;

enum Op : int { OP_SYNCWARP, OP_SHFL, OP_BALLOT, OP_LDMATRIX, OP_LDMATRIX_T, OP_MMA_BF16, OP_MMA_F16 };
struct ShflArg { u64 v; u64 out; int src; };
struct BallotArg { int pred; u32 out; };
struct LdmArg { u32 addr; u32* r; };
struct MmaArg { float* d; const u32* a; u32 b0, b1; };

u8* dyn_smem();
u32 smem_off(const void* p);
void warp_op(Op op, u32 mask, void* arg);
void barrier(u32 id, u32 nthreads, int line);
void cp_async16(u32 dst, const void* src, u32 bytes);
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

struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) uint4 { u32 x, y, z, w; };
struct alignas(8) uint2 { u32 x, y; };
struct alignas(8) float2 { float x, y; };

#define __syncthreads() emu::barrier(0, 0, __LINE__)
DEV void bar_sync(u32 id, u32 n) { emu::barrier(id, n, 0); }
DEV void __syncwarp(u32 m = 0xffffffffu) { emu::warp_op(emu::OP_SYNCWARP, m, nullptr); }
template <class T> DEV T emu_shfl(u32 m, T v, int src) {
  emu::ShflArg a{0, 0, src}; static_assert(sizeof(T) <= 8, ""); memcpy(&a.v, &v, sizeof(T));
  emu::warp_op(emu::OP_SHFL, m, &a); memcpy(&v, &a.out, sizeof(T)); return v;
}
template <class T> DEV T __shfl_sync(u32 m, T v, int src, int w = 32) { int l = emu::cur->lane; return emu_shfl(m, v, (l & ~(w - 1)) | (src & (w - 1))); }
template <class T> DEV T __shfl_xor_sync(u32 m, T v, int x, int w = 32) { int l = emu::cur->lane, s = l ^ x; return emu_shfl(m, v, (s & ~(w - 1)) > (l & ~(w - 1)) ? l : s); }
template <class T> DEV T __shfl_down_sync(u32 m, T v, int d, int w = 32) { int l = emu::cur->lane; return emu_shfl(m, v, (l & (w - 1)) + d >= w ? l : l + d); }
template <class T> DEV T __shfl_up_sync(u32 m, T v, int d, int w = 32) { int l = emu::cur->lane; return emu_shfl(m, v, (l & (w - 1)) - d < 0 ? l : l - d); }
DEV u32 __ballot_sync(u32 m, int p) { emu::BallotArg a{p != 0, 0}; emu::warp_op(emu::OP_BALLOT, m, &a); return a.out; }
DEV int __any_sync(u32 m, int p) { return __ballot_sync(m, p) != 0; }
DEV int __all_sync(u32 m, int p) { return __ballot_sync(m, p) == m; }
DEV int __popc(u32 v) { return __builtin_popcount(v); }
DEV u32 __float_as_uint(float f) { u32 u; memcpy(&u, &f, 4); return u; }
DEV float __uint_as_float(u32 u) { float f; memcpy(&f, &u, 4); return f; }
template <class T> DEV T __ldg(const T* p) { return *p; }
DEV int atomicAdd(int* p, int v) { emu::atomic_note(p, 4); return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
DEV u32 atomicAdd(u32* p, u32 v) { emu::atomic_note(p, 4); return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
DEV float atomicAdd(float* p, float v) {
  emu::atomic_note(p, 4);
  u32 o = __atomic_load_n((u32*)p, __ATOMIC_RELAXED), n;
  do n = __float_as_uint(__uint_as_float(o) + v); while (!__atomic_compare_exchange_n((u32*)p, &o, n, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return __uint_as_float(o);
}

DEV u32 smem_addr(const void* p) { return emu::smem_off(p); }
DEV float bf16_to_f32(bf16 v) { return __uint_as_float((u32)v.x << 16); }
DEV bf16 f32_to_bf16(float f) {
  u32 u = __float_as_uint(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return bf16{0x7fff};
  return bf16{(u16)((u + 0x7fff + ((u >> 16) & 1)) >> 16)};
}
DEV float f16_to_f32(f16 v) { _Float16 h; memcpy(&h, &v, 2); return (float)h; }
DEV f16 f32_to_f16(float f) { _Float16 h = (_Float16)f; f16 v; memcpy(&v, &h, 2); return v; }
DEV u32 pack_f16(float lo, float hi) { return (u32)f32_to_f16(lo).x | ((u32)f32_to_f16(hi).x << 16); }
DEV u32 pack_bf16(float lo, float hi) { return (u32)f32_to_bf16(lo).x | ((u32)f32_to_bf16(hi).x << 16); }

DEV void cp_async16(u32 d, const void* s, u32 b) { emu::cp_async16(d, s, b); }
DEV void cp_async_commit() { emu::cp_async_commit(); }
template <int N> DEV void cp_async_wait() { emu::cp_async_wait(N); }
DEV void ldmatrix_x4(u32 (&r)[4], u32 a) { emu::LdmArg x{a, r}; emu::warp_op(emu::OP_LDMATRIX, 0xffffffffu, &x); }
DEV void ldmatrix_x4_trans(u32 (&r)[4], u32 a) { emu::LdmArg x{a, r}; emu::warp_op(emu::OP_LDMATRIX_T, 0xffffffffu, &x); }
DEV void mma_f16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { emu::MmaArg x{d, a, b0, b1}; emu::warp_op(emu::OP_MMA_F16, 0xffffffffu, &x); }
DEV void mma_bf16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { emu::MmaArg x{d, a, b0, b1}; emu::warp_op(emu::OP_MMA_BF16, 0xffffffffu, &x); }
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
