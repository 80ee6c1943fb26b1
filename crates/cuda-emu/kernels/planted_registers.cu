// planted_registers: the sum of eight numbers in registers. bug 1: the loop runs to nine.
//
// x: 9 u32; y: 1 u32. One thread.
#include "device.cuh"

struct PlantedRegistersParams {
  const u32* x;
  u32* y;
  u32 bug;
};

KERNEL __launch_bounds__(32) planted_registers(const __grid_constant__ PlantedRegistersParams p) {
  u32 v[8];
  for (u32 i = 0; i < 8; i++) v[i] = p.x[i];
  u32 sum = 0;
  for (u32 i = 0; i < (p.bug == 1 ? 9 : 8); i++) sum += v[i];  // @sum
  p.y[0] = sum;
}
EXPORT_KERNEL(planted_registers)
