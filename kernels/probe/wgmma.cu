// Probes of wgmma: shapes, layouts of the operands in shared memory, fragments. 128 threads (sm_90a only).
//
// in: the words of shared memory, a [64][K] first, then b [N][K], K = 16, 16, 32, 64 for swizzle 0 .. 3 (one row of the
// swizzle); then for a from registers 4 words a thread instead of a. out [128][N / 2]: d, from zero, all of K summed.
// With S = swizzle bytes / 16 (1 without): K-major rows have 16 S bytes, groups of 8 rows follow each other; without
// swizzle the two 16-byte halves of a group are 128 bytes apart. MN-major: 8 S values a row of K, groups of 8 rows
// follow each other along K, then along MN.
// opcodes sm_90a: HGMMA
#include "probe/probe.cuh"

#if EMU || defined(__CUDA_ARCH_FEAT_SM90_ALL)
template <u32 ROWS, u32 SWIZZLE, int TRANS> DEV u64 operand(u32 at, u32 step) {
  constexpr u32 S = 1u << SWIZZLE, K = SWIZZLE < 2 ? 16 : 8u << SWIZZLE, GROUP = 128 * S;
  if constexpr (TRANS != 0) {
    // Without a swizzle the two offsets change places.
    return SWIZZLE ? smem_desc(at + step * 2 * GROUP, GROUP * (K / 8), GROUP, SWIZZLE)
                   : smem_desc(at + step * 2 * GROUP, GROUP, GROUP * (K / 8), 0);
  } else {
    return SWIZZLE ? smem_desc(at + step * 32, 16, GROUP, SWIZZLE) : smem_desc(at, 128, 256, 0);
  }
}

template <int N, u32 SWIZZLE, int TRANS_B, int TRANS_A, bool REGISTERS, bool BF16>
DEV void probe(const ProbeParams& p) {
  DYN_SMEM(smem);
  constexpr u32 K = SWIZZLE < 2 ? 16 : 8u << SWIZZLE, A = REGISTERS ? 0 : 64 * K * 2, WORDS = (A + N * K * 2) / 4;
  const u32 t = threadIdx.x, base = smem_addr(smem);
  for (u32 i = t; i < WORDS; i += 128) reinterpret_cast<u32*>(smem)[i] = p.in[i];
  fence_proxy_async();
  __syncthreads();
  float d[N / 2];
#pragma unroll
  for (int i = 0; i < N / 2; i++) d[i] = 0;
  wgmma_fence();
  if constexpr (REGISTERS) {
    u32 a[4];
    for (u32 i = 0; i < 4; i++) a[i] = p.in[WORDS + t * 4 + i];
    const u64 b = operand<N, SWIZZLE, TRANS_B>(base, 0);
    if constexpr (BF16) {
      wgmma_bf16<N, TRANS_B>(d, a, b, 0);
    } else {
      wgmma_f16<N, TRANS_B>(d, a, b, 0);
    }
  } else {
#pragma unroll
    for (u32 step = 0; step < K / 16; step++) {
      const u64 a = operand<64, SWIZZLE, TRANS_A>(base, step), b = operand<N, SWIZZLE, TRANS_B>(base + A, step);
      if constexpr (BF16) {
        wgmma_bf16<N, TRANS_B, TRANS_A>(d, a, b, step != 0);
      } else {
        wgmma_f16<N, TRANS_B, TRANS_A>(d, a, b, step != 0);
      }
    }
  }
  wgmma_commit();
  wgmma_wait<0>();
#pragma unroll
  for (int i = 0; i < N / 2; i++) p.out[t * (N / 2) + i] = __float_as_uint(d[i]);
}
#define PROBE(...) probe<__VA_ARGS__>(p)
#else
#define PROBE(...)
#endif

// name, N, swizzle, transposed b, transposed a, a from registers, bf16
#define PROBE_WGMMA(name, ...) \
  KERNEL __launch_bounds__(128) name(const __grid_constant__ ProbeParams p) { PROBE(__VA_ARGS__); } \
  EXPORT_KERNEL(name)
PROBE_WGMMA(probe_wgmma_8, 8, 3, 0, 0, false, false)
PROBE_WGMMA(probe_wgmma_64, 64, 3, 0, 0, false, false)
PROBE_WGMMA(probe_wgmma_128, 128, 3, 0, 0, false, true)
PROBE_WGMMA(probe_wgmma_256, 256, 3, 0, 0, false, false)
PROBE_WGMMA(probe_wgmma_swizzle0, 64, 0, 0, 0, false, false)
PROBE_WGMMA(probe_wgmma_swizzle1, 64, 1, 0, 0, false, false)
PROBE_WGMMA(probe_wgmma_swizzle2, 96, 2, 0, 0, false, true)
PROBE_WGMMA(probe_wgmma_mn0, 64, 0, 1, 1, false, false)
PROBE_WGMMA(probe_wgmma_mn1, 64, 1, 1, 1, false, false)
PROBE_WGMMA(probe_wgmma_mn2, 64, 2, 1, 1, false, true)
PROBE_WGMMA(probe_wgmma_mn3, 128, 3, 1, 1, false, false)
PROBE_WGMMA(probe_wgmma_b_mn3, 192, 3, 1, 0, false, false)
PROBE_WGMMA(probe_wgmma_registers, 64, 1, 0, 0, true, false)
PROBE_WGMMA(probe_wgmma_registers_mn, 128, 1, 1, 0, true, true)
