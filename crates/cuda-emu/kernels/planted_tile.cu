// planted_tile: a tile of 8 x 8 floats, transposed through shared memory. bug 1: its last row is never filled.
//
// x, y: 64 floats. One block of 64 threads; 256 bytes of shared memory.
#include "device.cuh"

struct PlantedTileParams {
  const float* x;
  float* y;
  u32 bug;
};

KERNEL __launch_bounds__(64) planted_tile(const __grid_constant__ PlantedTileParams p) {
  DYN_SMEM(smem);
  float* tile = (float*)smem;
  const u32 t = threadIdx.x, rows = p.bug == 1 ? 7 : 8;
  if (t / 8 < rows) tile[t] = p.x[t];
  __syncthreads();
  p.y[t] = tile[t % 8 * 8 + t / 8];  // @load
}
EXPORT_KERNEL(planted_tile)
