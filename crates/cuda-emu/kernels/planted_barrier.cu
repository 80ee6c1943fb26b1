// planted_barrier: y reversed through shared memory. bug 1: no barrier between the stores and the loads.
// (The row is zeroed first: else the bug would show as a read of what was never written.)
//
// x, y: 64 floats. One block of 64 threads; 256 bytes of shared memory.
#include "device.cuh"

struct PlantedBarrierParams {
  const float* x;
  float* y;
  u32 bug;
};

KERNEL __launch_bounds__(64) planted_barrier(const __grid_constant__ PlantedBarrierParams p) {
  DYN_SMEM(smem);
  float* row = (float*)smem;
  const u32 t = threadIdx.x;
  row[t] = 0.f;
  __syncthreads();
  row[t] = p.x[t];  // @store
  if (p.bug != 1) __syncthreads();
  p.y[t] = row[63 - t];  // @load
}
EXPORT_KERNEL(planted_barrier)
