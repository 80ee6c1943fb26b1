// rt_wgmma: c = a b^T in bf16 with float32 sums, the pipeline of the sm_90 kernels in small.
//
// a [m][k], b [n][k] through tensor maps with a 128-byte swizzle, c float [m][n]. Tiles of 64 x 64 x 64, a ring of four
// stages with a full and an empty mbarrier each, one warpgroup that multiplies, one warp that copies.
// `fault` plants an error: 1 does not wait for the data, 2 gives a stage back before the product has read it.
#include "device.cuh"

struct RtWgmmaParams {
  TensorMap a, b;
  float* c;
  u32 m, n, k, fault;
};

KERNEL __launch_bounds__(160) rt_wgmma(const __grid_constant__ RtWgmmaParams p) {
#if EMU || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  constexpr u32 TILE = 64, STAGES = 4, OPERAND = TILE * TILE * 2, STAGE = 2 * OPERAND;
  DYN_SMEM(smem);
  const u32 base = smem_addr(smem), full = base + STAGES * STAGE, empty = full + STAGES * 8;
  const u32 t = threadIdx.x, warp = t >> 5, lane = t & 31, tiles = (p.n + TILE - 1) / TILE;
  const u32 m0 = blockIdx.x / tiles * TILE, n0 = blockIdx.x % tiles * TILE;
  const u32 steps = (p.k + TILE - 1) / TILE;
  if (t == 0) {
    for (u32 s = 0; s < STAGES; s++) {
      mbar_init(full + s * 8, 1);
      mbar_init(empty + s * 8, 128);
    }
    mbar_init_fence();
  }
  __syncthreads();
  if (warp == 4) {
    for (u32 step = 0; step < steps && lane == 0; step++) {
      const u32 s = step % STAGES, at = base + s * STAGE;
      mbar_wait(empty + s * 8, (step / STAGES & 1) ^ 1);
      mbar_expect_tx(full + s * 8, STAGE);
      tma_load_2d(at, &p.a, full + s * 8, (int)(step * TILE), (int)m0);
      tma_load_2d(at + OPERAND, &p.b, full + s * 8, (int)(step * TILE), (int)n0);
    }
    return;
  }
  float d[32];
#pragma unroll
  for (u32 i = 0; i < 32; i++) d[i] = 0;
  for (u32 step = 0; step < steps; step++) {
    const u32 s = step % STAGES, at = base + s * STAGE;
    if (p.fault != 1) mbar_wait(full + s * 8, step / STAGES & 1);
    wgmma_fence();
#pragma unroll
    for (u32 k = 0; k < TILE / 16; k++) {
      wgmma_bf16<64>(d, smem_desc_sw128(at + k * 32), smem_desc_sw128(at + OPERAND + k * 32), 1);
    }
    wgmma_commit();
    if (p.fault == 2) mbar_arrive(empty + s * 8);
    wgmma_wait<0>();
    if (p.fault != 2) mbar_arrive(empty + s * 8);
  }
#pragma unroll
  for (u32 i = 0; i < 32; i++) {
    const u32 m = m0 + warp * 16 + (lane >> 2) + (i >> 1 & 1) * 8, n = n0 + i / 4 * 8 + (lane & 3) * 2 + i % 2;
    if (m < p.m && n < p.n) p.c[(size_t)m * p.n + n] = d[i];
  }
#endif
}
EXPORT_KERNEL(rt_wgmma)
