// planted_shuffle: the sum of a warp. bug 1: one lane does not take part, though the mask names it.
//
// y: 32 u32, each 496. One block of 32 threads.
#include "device.cuh"

struct PlantedShuffleParams {
  u32* y;
  u32 bug;
};

KERNEL __launch_bounds__(32) planted_shuffle(const __grid_constant__ PlantedShuffleParams p) {
  const u32 t = threadIdx.x;
  if (p.bug == 1 && t == 17) return;
  u32 sum = t;
  for (u32 step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);  // @shuffle
  p.y[t] = sum;
}
EXPORT_KERNEL(planted_shuffle)
