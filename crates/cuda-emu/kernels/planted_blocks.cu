// planted_blocks: every block writes its own 64 numbers. bug 1: the blocks forget who they are.
//
// y: 64 * blocks u32, y[i] = i. Blocks of 64 threads.
#include "device.cuh"

struct PlantedBlocksParams {
  u32* y;
  u32 bug;
};

KERNEL __launch_bounds__(64) planted_blocks(const __grid_constant__ PlantedBlocksParams p) {
  const u32 first = p.bug == 1 ? 0 : blockIdx.x * 64;
  p.y[first + threadIdx.x] = first + threadIdx.x;  // @store
}
EXPORT_KERNEL(planted_blocks)
