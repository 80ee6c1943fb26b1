// planted_shared: neighbours through shared memory with one element of border. bug 1: the border has no room.
//
// x, y: 64 floats, y[t] = x[t] + x[(t + 1) % 64]. One block of 64 threads; 260 bytes of shared memory, or
// 256 with the bug.
#include "device.cuh"

struct PlantedSharedParams {
  const float* x;
  float* y;
};

KERNEL __launch_bounds__(64) planted_shared(const __grid_constant__ PlantedSharedParams p) {
  DYN_SMEM(smem);
  float* row = (float*)smem;
  const u32 t = threadIdx.x;
  row[t] = p.x[t];
  if (t == 0) row[64] = p.x[0];  // @store
  __syncthreads();
  p.y[t] = row[t] + row[t + 1];
}
EXPORT_KERNEL(planted_shared)
