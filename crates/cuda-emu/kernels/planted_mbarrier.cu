// planted_mbarrier: a block meets at an mbarrier. bug 1: it counts one arrival too few and lets threads go
// early; bug 2: it is used by threads for which its initialisation has not happened yet.
//
// y: 64 u32, y[t] = t ^ 63. One block of 64 threads; 256 bytes and an mbarrier.
#include "device.cuh"

struct PlantedMbarrierParams {
  u32* y;
  u32 bug;
};

KERNEL __launch_bounds__(64) planted_mbarrier(const __grid_constant__ PlantedMbarrierParams p) {
#if EMU || __CUDA_ARCH__ >= 900
  DYN_SMEM(smem);
  u32* row = (u32*)smem;
  const u32 t = threadIdx.x, met = smem_addr(smem) + 256;
  if (t == 0) {
    mbar_init(met, p.bug == 1 ? 63 : 64);  // @init
    mbar_init_fence();
  }
  if (p.bug == 2) {
    __syncwarp();
  } else {
    __syncthreads();
  }
  row[t] = t;  // @store
  mbar_arrive(met);  // @arrive
  mbar_wait(met, 0);
  p.y[t] = row[t ^ 63];  // @load
#endif
}
EXPORT_KERNEL(planted_mbarrier)
