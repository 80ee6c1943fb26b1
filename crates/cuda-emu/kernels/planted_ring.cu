// planted_ring: C = A B^T by wgmma over a ring of two stages that bulk copies fill.
// bug 1: a stage is handed back before the wgmma that reads it has been waited for.
//
// A, B: 64 rows of 64 * steps bf16 (`a`, `b`: boxes of 64 x 64, 128-byte swizzle); y: 64 x 64 floats. One block: a
// warpgroup that multiplies, a warp that copies. Two stages of 16 KiB and four mbarriers.
#include "device.cuh"

struct PlantedRingParams {
  TensorMap a, b;
  float* y;
  u32 steps;
  u32 bug;
};

KERNEL __launch_bounds__(160) planted_ring(const __grid_constant__ PlantedRingParams p) {
#if EMU || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  DYN_SMEM(smem);
  const u32 t = threadIdx.x, at = smem_addr(smem), full = at + 32768, empty = full + 16;
  if (t == 0) {
    for (u32 s = 0; s < 2; s++) {
      mbar_init(full + s * 8, 1);
      mbar_init(empty + s * 8, 128);
    }
    mbar_init_fence();
  }
  __syncthreads();
  if (t == 128) {
    for (u32 k = 0; k < p.steps; k++) {
      const u32 s = k & 1, stage = at + s * 16384;
      mbar_wait(empty + s * 8, (k / 2 & 1) ^ 1);
      mbar_expect_tx(full + s * 8, 16384);
      tma_load_2d(stage, &p.a, full + s * 8, k * 64, 0);  // @copy
      tma_load_2d(stage + 8192, &p.b, full + s * 8, k * 64, 0);
    }
  } else if (t < 128) {
    float d[32];
    for (u32 i = 0; i < 32; i++) d[i] = 0.f;
    for (u32 k = 0; k < p.steps; k++) {
      const u32 s = k & 1, stage = at + s * 16384;
      mbar_wait(full + s * 8, k / 2 & 1);
      wgmma_fence();
      for (u32 i = 0; i < 4; i++) {
        wgmma_bf16<64>(d, smem_desc_sw128(stage + i * 32), smem_desc_sw128(stage + 8192 + i * 32), 1);  // @wgmma
      }
      wgmma_commit();
      if (p.bug == 1) mbar_arrive(empty + s * 8);
      wgmma_wait<0>();
      if (p.bug != 1) mbar_arrive(empty + s * 8);
    }
    for (u32 i = 0; i < 32; i++) {
      const u32 row = t / 32 * 16 + (t % 32) / 4 + (i / 2 & 1) * 8, column = i / 4 * 8 + (t & 3) * 2 + (i & 1);
      p.y[row * 64 + column] = d[i];
    }
  }
#endif
}
EXPORT_KERNEL(planted_ring)
