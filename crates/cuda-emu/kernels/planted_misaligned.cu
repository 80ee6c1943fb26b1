// planted_misaligned: pairs of 16-bit numbers stored as one word. bug 1: the words start at an odd element.
//
// y: 66 u16, of which the first 64 (bug: the second to the 65th) are written. One block of 32 threads.
#include "device.cuh"

struct PlantedMisalignedParams {
  u16* y;
  u32 bug;
};

KERNEL __launch_bounds__(32) planted_misaligned(const __grid_constant__ PlantedMisalignedParams p) {
  const u32 t = threadIdx.x, first = t * 2 + (p.bug == 1);
  *(u32*)(p.y + first) = 2 * t | (2 * t + 1) << 16;  // @store
}
EXPORT_KERNEL(planted_misaligned)
