// device: the layer under every kernel, with two halves of one meaning.
//
// GPU half (below): compiled by NVRTC or nvcc, needs no CUDA header, holds all inline PTX of the project, one small
// function an instruction. CPU half (crates/cuda-emu/native/emu.h): the same functions on the emulator.
// What NVRTC itself provides (threadIdx, shuffles, atomics, fmaf, __float_as_uint, uint4 ...) is not repeated here;
// the CPU half provides it.
#pragma once
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define EMU 0
#else
#define EMU 1
#endif

typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
struct alignas(2) bf16 { u16 x; };
struct alignas(2) f16 { u16 x; };
struct alignas(64) TensorMap { u64 opaque[16]; };

#if EMU
#include "emu.h"
#else
#define DEV static __device__ __forceinline__
// A static member function of a struct.
#define DEV_MEMBER static __device__ __forceinline__
#define DYN_SMEM(name) extern __shared__ __align__(1024) u8 name[]
#define EXPORT_KERNEL(k)
#define KERNEL extern "C" __global__ void

// Address of a pointer into shared memory as the instructions below want it.
DEV u32 smem_addr(const void* p) { return (u32)__cvta_generic_to_shared(p); }

// --- memory: one access of 16 or 8 bytes, global or shared; the address must be a multiple of the size -------------
DEV uint4 ld16(const void* p) { return *static_cast<const uint4*>(p); }
DEV void st16(void* p, uint4 v) { *static_cast<uint4*>(p) = v; }
DEV uint2 ld8(const void* p) { return *static_cast<const uint2*>(p); }
DEV void st8(void* p, uint2 v) { *static_cast<uint2*>(p) = v; }
// Global memory that no thread of the launch writes: through the read-only path.
DEV uint4 ldg16(const void* p) { return __ldg(static_cast<const uint4*>(p)); }
DEV uint2 ldg8(const void* p) { return __ldg(static_cast<const uint2*>(p)); }
// Touched once: first out of the cache.
DEV uint4 ld16_stream(const void* p) { return __ldcs(static_cast<const uint4*>(p)); }
DEV void st16_stream(void* p, uint4 v) { __stcs(static_cast<uint4*>(p), v); }

// --- conversions: to nearest, ties to even --------------------------------------------------------------------------
DEV float bf16_to_f32(bf16 v) { return __uint_as_float((u32)v.x << 16); }
DEV bf16 f32_to_bf16(float f) { bf16 r; asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r.x) : "f"(f)); return r; }
DEV float f16_to_f32(f16 v) { float r; asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(v.x)); return r; }
DEV f16 f32_to_f16(float f) { f16 r; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r.x) : "f"(f)); return r; }
DEV u32 pack_bf16(float lo, float hi) {
  u32 r; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo)); return r;
}
DEV u32 pack_f16(float lo, float hi) {
  u32 r; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo)); return r;
}
// To tf32 (10 bits of fraction), ties away from zero; the result is a float's bits.
DEV u32 f32_to_tf32(float f) { u32 r; asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(f)); return r; }

// --- cp.async: global -> shared beside the program; `bytes` are copied, the rest of the size is zeros ---------------
DEV void cp_async4(u32 dst, const void* src, u32 bytes) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" :: "r"(dst), "l"(src), "r"(bytes) : "memory");
}
DEV void cp_async8(u32 dst, const void* src, u32 bytes) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" :: "r"(dst), "l"(src), "r"(bytes) : "memory");
}
DEV void cp_async16(u32 dst, const void* src, u32 bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" :: "r"(dst), "l"(src), "r"(bytes) : "memory");
}
DEV void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most N of this thread's newest groups are under way.
template <int N> DEV void cp_async_wait() { asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory"); }

// --- ldmatrix: 8x8 tiles of 16 bits into mma fragments; lane i of group j gives the address of row i of tile j ------
DEV void ldmatrix_x1(u32& r, u32 a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(r) : "r"(a) : "memory");
}
DEV void ldmatrix_x1_trans(u32& r, u32 a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];" : "=r"(r) : "r"(a) : "memory");
}
DEV void ldmatrix_x2(u32 (&r)[2], u32 a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1]) : "r"(a) : "memory");
}
DEV void ldmatrix_x2_trans(u32 (&r)[2], u32 a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1]) : "r"(a) : "memory");
}
DEV void ldmatrix_x4(u32 (&r)[4], u32 a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a) : "memory");
}
DEV void ldmatrix_x4_trans(u32 (&r)[4], u32 a) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a) : "memory");
}

// --- mma.sync: d[16][8] += a[16][K] * b[K][8], float32 sums -----------------------------------------------------------
// Fragments: g = lane / 4, c = lane % 4. d: (g, 2c), (g, 2c+1), (g+8, 2c), (g+8, 2c+1).
DEV void mma_f16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
DEV void mma_bf16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
// tf32: a0 (g, c), a1 (g+8, c), a2 (g, c+4), a3 (g+8, c+4); b0 (c, g), b1 (c+4, g); one value a register.
DEV void mma_tf32_1688(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// The same for a warp's tile of I x 2J small tiles: d[i][j] += a[i] * b[j], where b[j/2] holds the fragments of two
// tiles as ldmatrix_x4 gives them; and N ldmatrix in a row. On the GPU these are the plain loops. The emulator makes
// one meeting of the warp of each, so a kernel that uses them instead of its own loops runs several times faster there.
template <int I, int J> DEV void mma_f16_tiles(float (&d)[I][2 * J][4], const u32 (&a)[I][4], const u32 (&b)[J][4]) {
#pragma unroll
  for (int i = 0; i < I; i++)
#pragma unroll
    for (int j = 0; j < 2 * J; j++) mma_f16_16816(d[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
}
template <int I, int J> DEV void mma_bf16_tiles(float (&d)[I][2 * J][4], const u32 (&a)[I][4], const u32 (&b)[J][4]) {
#pragma unroll
  for (int i = 0; i < I; i++)
#pragma unroll
    for (int j = 0; j < 2 * J; j++) mma_bf16_16816(d[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
}
template <int N> DEV void ldmatrix_x4(u32 (&r)[N][4], const u32 (&a)[N]) {
#pragma unroll
  for (int i = 0; i < N; i++) ldmatrix_x4(r[i], a[i]);
}
template <int N> DEV void ldmatrix_x4_trans(u32 (&r)[N][4], const u32 (&a)[N]) {
#pragma unroll
  for (int i = 0; i < N; i++) ldmatrix_x4_trans(r[i], a[i]);
}

// --- barriers -----------------------------------------------------------------------------------------------------------
// Named barrier: `threads` threads (a multiple of 32) of the block meet at `id` (1..15).
DEV void bar_sync(u32 id, u32 threads) { asm volatile("bar.sync %0, %1;" :: "r"(id), "r"(threads) : "memory"); }
// Counts as having come without waiting for the others.
DEV void bar_arrive(u32 id, u32 threads) { asm volatile("bar.arrive %0, %1;" :: "r"(id), "r"(threads) : "memory"); }

// --- programmatic dependent launch: nothing below sm_90 -------------------------------------------------------------
// Waits until everything that the launches before wrote can be read.
DEV void grid_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// Lets the next launch start its blocks.
DEV void grid_launch_next() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

#if __CUDA_ARCH__ >= 900
DEV void mbar_init(u32 bar, u32 count) { asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(bar), "r"(count) : "memory"); }
DEV void mbar_init_fence() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
DEV void mbar_expect_tx(u32 bar, u32 bytes) { asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(bar), "r"(bytes) : "memory"); }
DEV void mbar_arrive(u32 bar) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(bar) : "memory"); }
DEV void mbar_wait(u32 bar, u32 parity) {
  u32 done;
  do {
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                 : "=r"(done) : "r"(bar), "r"(parity) : "memory");
  } while (!done);
}
DEV void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
DEV void tma_load_2d(u32 dst, const TensorMap* m, u32 bar, int c0, int c1) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3,%4}], [%2];"
               :: "r"(dst), "l"(m), "r"(bar), "r"(c0), "r"(c1) : "memory");
}
#endif
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
DEV void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEV void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> DEV void wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(N) : "memory"); }
template <int N> DEV void reg_dec() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(N)); }
template <int N> DEV void reg_inc() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(N)); }
// shared-memory matrix descriptor: K-major, 128-byte swizzle, 8-row groups 1024 bytes apart
DEV u64 smem_desc_sw128(u32 addr) {
  return (u64)((addr & 0x3FFFF) >> 4) | ((u64)1 << 16) | ((u64)(1024 >> 4) << 32) | ((u64)1 << 62);
}
DEV void wgmma_m64n64k16(float (&d)[32], u64 da, u64 db, int accumulate) {
  asm volatile("{ .reg .pred p; setp.ne.b32 p, %34, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
    "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, "
    "%32, %33, p, 1, 1, 0, 0; }"
    : "+f"(d[0]),"+f"(d[1]),"+f"(d[2]),"+f"(d[3]),"+f"(d[4]),"+f"(d[5]),"+f"(d[6]),"+f"(d[7]),
      "+f"(d[8]),"+f"(d[9]),"+f"(d[10]),"+f"(d[11]),"+f"(d[12]),"+f"(d[13]),"+f"(d[14]),"+f"(d[15]),
      "+f"(d[16]),"+f"(d[17]),"+f"(d[18]),"+f"(d[19]),"+f"(d[20]),"+f"(d[21]),"+f"(d[22]),"+f"(d[23]),
      "+f"(d[24]),"+f"(d[25]),"+f"(d[26]),"+f"(d[27]),"+f"(d[28]),"+f"(d[29]),"+f"(d[30]),"+f"(d[31])
    : "l"(da), "l"(db), "r"(accumulate));
}
#endif
#endif

// --- both halves ------------------------------------------------------------------------------------------------------
#define F32_MAX 3.402823466e+38f
#define F16_MAX 65504.0f
#define BF16_MAX 3.3895313892515355e+38f
// Into the finite range of the 16-bit type; NaN stays NaN.
DEV float clamp_f16(float v) { return v > F16_MAX ? F16_MAX : v < -F16_MAX ? -F16_MAX : v; }
DEV float clamp_bf16(float v) { return v > BF16_MAX ? BF16_MAX : v < -BF16_MAX ? -BF16_MAX : v; }
// The two halves of a packed pair: x is the low one.
DEV float2 f16x2_to_f32(u32 v) { return make_float2(f16_to_f32(f16{(u16)v}), f16_to_f32(f16{(u16)(v >> 16)})); }
DEV float2 bf16x2_to_f32(u32 v) { return make_float2(__uint_as_float(v << 16), __uint_as_float(v & 0xffff0000u)); }
