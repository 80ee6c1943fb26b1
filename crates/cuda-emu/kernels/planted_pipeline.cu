// planted_pipeline: sums of rotated rows through a two-stage cp.async pipeline.
// bug 1: the second barrier of a step is missing; bug 2: the wait leaves one group too many under way.
//
// x: steps rows of 256 floats; y: 256 floats, y[4t + i] = sum over rows of x[(4(t + 33) + i) % 256].
// One block of 64 threads; two stages of 1024 bytes.
#include "device.cuh"

struct PlantedPipelineParams {
  const float* x;
  float* y;
  u32 steps;
  u32 bug;
};

KERNEL __launch_bounds__(64) planted_pipeline(const __grid_constant__ PlantedPipelineParams p) {
  DYN_SMEM(smem);
  const u32 t = threadIdx.x, at = smem_addr(smem), other = (t + 33) % 64;
  float sum[4] = {0.f, 0.f, 0.f, 0.f};
  cp_async16(at + t * 16, p.x + t * 4, 16);
  cp_async_commit();
  for (u32 k = 0; k < p.steps; k++) {
    if (k + 1 < p.steps) cp_async16(at + ((k + 1) & 1) * 1024 + t * 16, p.x + (k + 1) * 256 + t * 4, 16);  // @copy
    cp_async_commit();
    if (p.bug == 2) {
      cp_async_wait<2>();
    } else {
      cp_async_wait<1>();
    }
    __syncthreads();
    const float* row = (const float*)(smem + (k & 1) * 1024);
    for (u32 i = 0; i < 4; i++) sum[i] += row[other * 4 + i];  // @load
    if (p.bug != 1) __syncthreads();
  }
  for (u32 i = 0; i < 4; i++) p.y[t * 4 + i] = sum[i];
}
EXPORT_KERNEL(planted_pipeline)
