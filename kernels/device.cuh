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
// The host may align it more strictly (128): it comes first in every structure of parameters.
struct alignas(64) TensorMap { u64 opaque[16]; };
static_assert(sizeof(TensorMap) == 128, "as the driver has it");

#if EMU
#include "emu.h"
#else
#define DEV static __device__ __forceinline__
// A member function of a struct; `static` before it where it is one.
#define DEV_MEMBER __device__ __forceinline__
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

// --- conversions: to nearest, ties to even ------------------------------------------------------------------------
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

// --- cp.async: global -> shared beside the program; `bytes` are copied, the rest of the size is zeros -------------
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

// --- ldmatrix: 8x8 tiles of 16 bits into mma fragments; lane i of group j gives the address of row i of tile j ----
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

// --- mma.sync: d[16][8] += a[16][K] * b[K][8], float32 sums -------------------------------------------------------
// Fragments: g = lane / 4, c = lane % 4. d: (g, 2c), (g, 2c+1), (g+8, 2c), (g+8, 2c+1).
DEV void mma_f16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
DEV void mma_bf16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
// tf32: a0 (g, c), a1 (g+8, c), a2 (g, c+4), a3 (g+8, c+4); b0 (c, g), b1 (c+4, g); one value a register.
DEV void mma_tf32_1688(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
               "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
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

// --- barriers -----------------------------------------------------------------------------------------------------
// Named barrier: `threads` threads (a multiple of 32) of the block meet at `id` (1..15).
DEV void bar_sync(u32 id, u32 threads) { asm volatile("bar.sync %0, %1;" :: "r"(id), "r"(threads) : "memory"); }
// Counts as having come without waiting for the others.
DEV void bar_arrive(u32 id, u32 threads) { asm volatile("bar.arrive %0, %1;" :: "r"(id), "r"(threads) : "memory"); }

// --- programmatic dependent launch: nothing below sm_90 -----------------------------------------------------------
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
// --- mbarrier: a phase ends when all arrivals and all announced bytes have come -----------------------------------
DEV void mbar_init(u32 bar, u32 count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(bar), "r"(count) : "memory");
}
// Makes fresh mbarriers visible to the copy engine.
DEV void mbar_init_fence() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
// Arrives and announces bytes.
DEV void mbar_expect_tx(u32 bar, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(bar), "r"(bytes) : "memory");
}
DEV void mbar_arrive(u32 bar) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(bar) : "memory"); }
// Waits for the end of the phase with this parity (the first phase has parity 0).
DEV void mbar_wait(u32 bar, u32 parity) {
  u32 done;
  do {
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                 : "=r"(done) : "r"(bar), "r"(parity) : "memory");
  } while (!done);
}
// Makes this thread's ordinary accesses of shared memory visible to the copy engine and to wgmma.
DEV void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// --- bulk tensor copies: one thread asks, an mbarrier counts the bytes --------------------------------------------
DEV void tma_prefetch(const TensorMap* m) { asm volatile("prefetch.tensormap [%0];" :: "l"(m) : "memory"); }
#define TMA_LOAD(dim, at) \
  "cp.async.bulk.tensor." dim ".shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, " at "], [%2];"
DEV void tma_load_2d(u32 dst, const TensorMap* m, u32 bar, int c0, int c1) {
  asm volatile(TMA_LOAD("2d", "{%3,%4}") :: "r"(dst), "l"(m), "r"(bar), "r"(c0), "r"(c1) : "memory");
}
DEV void tma_load_3d(u32 dst, const TensorMap* m, u32 bar, int c0, int c1, int c2) {
  asm volatile(TMA_LOAD("3d", "{%3,%4,%5}") :: "r"(dst), "l"(m), "r"(bar), "r"(c0), "r"(c1), "r"(c2) : "memory");
}
DEV void tma_load_4d(u32 dst, const TensorMap* m, u32 bar, int c0, int c1, int c2, int c3) {
  asm volatile(TMA_LOAD("4d", "{%3,%4,%5,%6}")
               :: "r"(dst), "l"(m), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}
// A run of pixels of an NHWC tensor from (w, h, n) on, each read (dw, dh) further right and down.
DEV void tma_load_im2col(u32 dst, const TensorMap* m, u32 bar, int c, int w, int h, int n, u16 dw, u16 dh) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes "
               "[%0], [%1, {%3,%4,%5,%6}], [%2], {%7,%8};"
               :: "r"(dst), "l"(m), "r"(bar), "r"(c), "r"(w), "r"(h), "r"(n), "h"(dw), "h"(dh) : "memory");
}
DEV void tma_store_2d(const TensorMap* m, u32 src, int c0, int c1) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2,%3}], [%1];"
               :: "l"(m), "r"(src), "r"(c0), "r"(c1) : "memory");
}
DEV void tma_store_4d(const TensorMap* m, u32 src, int c0, int c1, int c2, int c3) {
  asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2,%3,%4,%5}], [%1];"
               :: "l"(m), "r"(src), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}
DEV void tma_store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
// Until at most N groups of this thread are still being read from shared memory; until they are written altogether.
template <int N> DEV void tma_store_wait_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" :: "n"(N) : "memory");
}
template <int N> DEV void tma_store_wait() { asm volatile("cp.async.bulk.wait_group %0;" :: "n"(N) : "memory"); }
#endif

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
// --- wgmma: d[64][N] (+)= a[64][16] * b[16][N] by a warpgroup of 128 threads, asynchronous ------------------------
DEV void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEV void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> DEV void wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(N) : "memory"); }
template <int N> DEV void reg_dec() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(N)); }
template <int N> DEV void reg_inc() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(N)); }

// Operand lists of N / 8 groups of four registers.
#define WG_R1 "%0,%1,%2,%3"
#define WG_R2 WG_R1 ",%4,%5,%6,%7"
#define WG_R3 WG_R2 ",%8,%9,%10,%11"
#define WG_R4 WG_R3 ",%12,%13,%14,%15"
#define WG_R5 WG_R4 ",%16,%17,%18,%19"
#define WG_R6 WG_R5 ",%20,%21,%22,%23"
#define WG_R7 WG_R6 ",%24,%25,%26,%27"
#define WG_R8 WG_R7 ",%28,%29,%30,%31"
#define WG_R9 WG_R8 ",%32,%33,%34,%35"
#define WG_R10 WG_R9 ",%36,%37,%38,%39"
#define WG_R11 WG_R10 ",%40,%41,%42,%43"
#define WG_R12 WG_R11 ",%44,%45,%46,%47"
#define WG_R13 WG_R12 ",%48,%49,%50,%51"
#define WG_R14 WG_R13 ",%52,%53,%54,%55"
#define WG_R15 WG_R14 ",%56,%57,%58,%59"
#define WG_R16 WG_R15 ",%60,%61,%62,%63"
#define WG_R17 WG_R16 ",%64,%65,%66,%67"
#define WG_R18 WG_R17 ",%68,%69,%70,%71"
#define WG_R19 WG_R18 ",%72,%73,%74,%75"
#define WG_R20 WG_R19 ",%76,%77,%78,%79"
#define WG_R21 WG_R20 ",%80,%81,%82,%83"
#define WG_R22 WG_R21 ",%84,%85,%86,%87"
#define WG_R23 WG_R22 ",%88,%89,%90,%91"
#define WG_R24 WG_R23 ",%92,%93,%94,%95"
#define WG_R25 WG_R24 ",%96,%97,%98,%99"
#define WG_R26 WG_R25 ",%100,%101,%102,%103"
#define WG_R27 WG_R26 ",%104,%105,%106,%107"
#define WG_R28 WG_R27 ",%108,%109,%110,%111"
#define WG_R29 WG_R28 ",%112,%113,%114,%115"
#define WG_R30 WG_R29 ",%116,%117,%118,%119"
#define WG_R31 WG_R30 ",%120,%121,%122,%123"
#define WG_R32 WG_R31 ",%124,%125,%126,%127"
#define WG_D1 "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
#define WG_D2 WG_D1, "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
#define WG_D3 WG_D2, "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11])
#define WG_D4 WG_D3, "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15])
#define WG_D5 WG_D4, "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19])
#define WG_D6 WG_D5, "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23])
#define WG_D7 WG_D6, "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27])
#define WG_D8 WG_D7, "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
#define WG_D9 WG_D8, "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35])
#define WG_D10 WG_D9, "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39])
#define WG_D11 WG_D10, "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43])
#define WG_D12 WG_D11, "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47])
#define WG_D13 WG_D12, "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51])
#define WG_D14 WG_D13, "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55])
#define WG_D15 WG_D14, "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59])
#define WG_D16 WG_D15, "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])
#define WG_D17 WG_D16, "+f"(d[64]), "+f"(d[65]), "+f"(d[66]), "+f"(d[67])
#define WG_D18 WG_D17, "+f"(d[68]), "+f"(d[69]), "+f"(d[70]), "+f"(d[71])
#define WG_D19 WG_D18, "+f"(d[72]), "+f"(d[73]), "+f"(d[74]), "+f"(d[75])
#define WG_D20 WG_D19, "+f"(d[76]), "+f"(d[77]), "+f"(d[78]), "+f"(d[79])
#define WG_D21 WG_D20, "+f"(d[80]), "+f"(d[81]), "+f"(d[82]), "+f"(d[83])
#define WG_D22 WG_D21, "+f"(d[84]), "+f"(d[85]), "+f"(d[86]), "+f"(d[87])
#define WG_D23 WG_D22, "+f"(d[88]), "+f"(d[89]), "+f"(d[90]), "+f"(d[91])
#define WG_D24 WG_D23, "+f"(d[92]), "+f"(d[93]), "+f"(d[94]), "+f"(d[95])
#define WG_D25 WG_D24, "+f"(d[96]), "+f"(d[97]), "+f"(d[98]), "+f"(d[99])
#define WG_D26 WG_D25, "+f"(d[100]), "+f"(d[101]), "+f"(d[102]), "+f"(d[103])
#define WG_D27 WG_D26, "+f"(d[104]), "+f"(d[105]), "+f"(d[106]), "+f"(d[107])
#define WG_D28 WG_D27, "+f"(d[108]), "+f"(d[109]), "+f"(d[110]), "+f"(d[111])
#define WG_D29 WG_D28, "+f"(d[112]), "+f"(d[113]), "+f"(d[114]), "+f"(d[115])
#define WG_D30 WG_D29, "+f"(d[116]), "+f"(d[117]), "+f"(d[118]), "+f"(d[119])
#define WG_D31 WG_D30, "+f"(d[120]), "+f"(d[121]), "+f"(d[122]), "+f"(d[123])
#define WG_D32 WG_D31, "+f"(d[124]), "+f"(d[125]), "+f"(d[126]), "+f"(d[127])

// CASE(N, N / 8, numbers of the operands behind d ..., type) for every N.
#define WGMMA_EACH(CASE, T) \
  CASE(8, 1, 4, 5, 6, 7, 8, 9, 10, T) CASE(16, 2, 8, 9, 10, 11, 12, 13, 14, T) \
  CASE(24, 3, 12, 13, 14, 15, 16, 17, 18, T) CASE(32, 4, 16, 17, 18, 19, 20, 21, 22, T) \
  CASE(40, 5, 20, 21, 22, 23, 24, 25, 26, T) CASE(48, 6, 24, 25, 26, 27, 28, 29, 30, T) \
  CASE(56, 7, 28, 29, 30, 31, 32, 33, 34, T) CASE(64, 8, 32, 33, 34, 35, 36, 37, 38, T) \
  CASE(72, 9, 36, 37, 38, 39, 40, 41, 42, T) CASE(80, 10, 40, 41, 42, 43, 44, 45, 46, T) \
  CASE(88, 11, 44, 45, 46, 47, 48, 49, 50, T) CASE(96, 12, 48, 49, 50, 51, 52, 53, 54, T) \
  CASE(104, 13, 52, 53, 54, 55, 56, 57, 58, T) CASE(112, 14, 56, 57, 58, 59, 60, 61, 62, T) \
  CASE(120, 15, 60, 61, 62, 63, 64, 65, 66, T) CASE(128, 16, 64, 65, 66, 67, 68, 69, 70, T) \
  CASE(136, 17, 68, 69, 70, 71, 72, 73, 74, T) CASE(144, 18, 72, 73, 74, 75, 76, 77, 78, T) \
  CASE(152, 19, 76, 77, 78, 79, 80, 81, 82, T) CASE(160, 20, 80, 81, 82, 83, 84, 85, 86, T) \
  CASE(168, 21, 84, 85, 86, 87, 88, 89, 90, T) CASE(176, 22, 88, 89, 90, 91, 92, 93, 94, T) \
  CASE(184, 23, 92, 93, 94, 95, 96, 97, 98, T) CASE(192, 24, 96, 97, 98, 99, 100, 101, 102, T) \
  CASE(200, 25, 100, 101, 102, 103, 104, 105, 106, T) CASE(208, 26, 104, 105, 106, 107, 108, 109, 110, T) \
  CASE(216, 27, 108, 109, 110, 111, 112, 113, 114, T) CASE(224, 28, 112, 113, 114, 115, 116, 117, 118, T) \
  CASE(232, 29, 116, 117, 118, 119, 120, 121, 122, T) CASE(240, 30, 120, 121, 122, 123, 124, 125, 126, T) \
  CASE(248, 31, 124, 125, 126, 127, 128, 129, 130, T) CASE(256, 32, 128, 129, 130, 131, 132, 133, 134, T)
#define WGMMA_SHARED(n, k, r0, r1, r2, r3, r4, r5, r6, T) \
  if constexpr (N == n) asm volatile("{ .reg .pred p; setp.ne.b32 p, %" #r2 ", 0;\n" \
    "wgmma.mma_async.sync.aligned.m64n" #n "k16.f32." T "." T " {" WG_R##k "}, %" #r0 ", %" #r1 ", p, 1, 1, %" #r3 \
    ", %" #r4 "; }" : WG_D##k : "l"(a), "l"(b), "r"(accumulate), "n"(TRANS_A), "n"(TRANS_B));
#define WGMMA_REGISTERS(n, k, r0, r1, r2, r3, r4, r5, r6, T) \
  if constexpr (N == n) asm volatile("{ .reg .pred p; setp.ne.b32 p, %" #r5 ", 0;\n" \
    "wgmma.mma_async.sync.aligned.m64n" #n "k16.f32." T "." T " {" WG_R##k "}, {%" #r0 ", %" #r1 ", %" #r2 ", %" #r3 \
    "}, %" #r4 ", p, 1, 1, %" #r6 "; }" \
    : WG_D##k : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(accumulate), "n"(TRANS_B));

// `a` and `b` as descriptors (smem_desc), or `a` as fragments as in mma_f16_16816. TRANS: the operand is MN-major in
// shared memory, that is, 16 rows of M or N values. accumulate = 0 forgets what d holds. d is not to be touched before
// wgmma_wait.
template <int N, int TRANS_B = 0, int TRANS_A = 0>
DEV void wgmma_f16(float (&d)[N / 2], u64 a, u64 b, int accumulate) {
  WGMMA_EACH(WGMMA_SHARED, "f16")
}
template <int N, int TRANS_B = 0, int TRANS_A = 0>
DEV void wgmma_bf16(float (&d)[N / 2], u64 a, u64 b, int accumulate) {
  WGMMA_EACH(WGMMA_SHARED, "bf16")
}
template <int N, int TRANS_B = 0> DEV void wgmma_f16(float (&d)[N / 2], const u32 (&a)[4], u64 b, int accumulate) {
  WGMMA_EACH(WGMMA_REGISTERS, "f16")
}
template <int N, int TRANS_B = 0> DEV void wgmma_bf16(float (&d)[N / 2], const u32 (&a)[4], u64 b, int accumulate) {
  WGMMA_EACH(WGMMA_REGISTERS, "bf16")
}
#endif
#endif

// --- both halves --------------------------------------------------------------------------------------------------
#define F32_MAX 3.402823466e+38f
#define F16_MAX 65504.0f
#define BF16_MAX 3.3895313892515355e+38f
// Into the finite range of the 16-bit type; NaN stays NaN.
DEV float clamp_f16(float v) { return v > F16_MAX ? F16_MAX : v < -F16_MAX ? -F16_MAX : v; }
DEV float clamp_bf16(float v) { return v > BF16_MAX ? BF16_MAX : v < -BF16_MAX ? -BF16_MAX : v; }
// The two halves of a packed pair: x is the low one.
DEV float2 f16x2_to_f32(u32 v) { return make_float2(f16_to_f32(f16{(u16)v}), f16_to_f32(f16{(u16)(v >> 16)})); }
DEV float2 bf16x2_to_f32(u32 v) { return make_float2(__uint_as_float(v << 16), __uint_as_float(v & 0xffff0000u)); }
// Descriptor of a wgmma operand: start address, offset from one group of 8 along K (or of a swizzle's width along MN)
// to the next, offset from one group of 8 rows to the next, swizzle as in tensor maps (0 none, 1 32 bytes, 2 64, 3
// 128).
DEV u64 smem_desc(u32 addr, u32 leading, u32 stride, u32 swizzle) {
  return (u64)((addr & 0x3ffff) >> 4) | (u64)(leading >> 4) << 16 | (u64)(stride >> 4) << 32 |
         (u64)((4 - swizzle) & 3) << 62;
}
// The usual one: K-major rows of 64 values, 128-byte swizzle.
DEV u64 smem_desc_sw128(u32 addr) { return smem_desc(addr, 16, 1024, 3); }
