// fill: y[i] = value.
//
// One thread an element. Bound by memory: 4 bytes written an element.
// opcodes all: STG
#include "device.cuh"

struct FillParams {
  float* y;
  u32 n;
  float value;
};

KERNEL __launch_bounds__(256) fill(const __grid_constant__ FillParams p) {
  const u32 i = blockIdx.x * 256 + threadIdx.x;
  if (i < p.n) p.y[i] = p.value;
}
EXPORT_KERNEL(fill)
