// planted_tma: a copy of one tile brought by a bulk tensor copy. bug 1: nobody waits for it; bug 2: only lane 0 of each
// warp waits and the others go on; bug 3: the mbarrier counts one arrival and gets two.
//
// x: rows of 64 bf16, described by `map` with boxes of 64 x 16 and no swizzle; y: the first 16 rows. One block of 64
// threads; 2048 bytes and an mbarrier.
#include "device.cuh"

struct PlantedTmaParams {
  TensorMap map;
  u32* y;
  u32 bug;
};

KERNEL __launch_bounds__(64) planted_tma(const __grid_constant__ PlantedTmaParams p) {
#if EMU || __CUDA_ARCH__ >= 900
  DYN_SMEM(smem);
  const u32 t = threadIdx.x, at = smem_addr(smem), full = at + 2048;
  if (t == 0) {
    mbar_init(full, 1);
    mbar_init_fence();
  }
  __syncthreads();
  if (t == 0) {
    mbar_expect_tx(full, 2048);
    if (p.bug == 3) mbar_arrive(full);  // @arrive
    tma_load_2d(at, &p.map, full, 0, 0);  // @copy
  }
  __syncthreads();
  if (p.bug == 0 || (p.bug == 2 && t % 32 == 0)) mbar_wait(full, 0);
  const u32* tile = (const u32*)smem;
  for (u32 i = t; i < 512; i += 64) p.y[i] = tile[i];  // @load
#endif
}
EXPORT_KERNEL(planted_tma)
