// planted_divergent: a sum of two halves of a block. bug 1: each half waits at a barrier of its own.
//
// y: 64 floats, y[t] = t + (63 - t). One block of 64 threads; 256 bytes of shared memory.
#include "device.cuh"

struct PlantedDivergentParams {
  float* y;
  u32 bug;
};

KERNEL __launch_bounds__(64) planted_divergent(const __grid_constant__ PlantedDivergentParams p) {
  DYN_SMEM(smem);
  float* row = (float*)smem;
  const u32 t = threadIdx.x;
  row[t] = (float)t;
  if (p.bug != 1) {
    __syncthreads();
  } else if (t < 32) {
    __syncthreads();  // @first
  } else {
    __syncthreads();  // @second
  }
  p.y[t] = row[t] + row[63 - t];
}
EXPORT_KERNEL(planted_divergent)
