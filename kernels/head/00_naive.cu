// head, naive: one thread an output of each step, all sums in the order of their index.
//
// Shapes and parameters: head/params.cuh. Float32; x in any storage.
// Bound by latency: 2048 dependent multiply-adds a logit, and as many for the whole layer's weights, read once an image
// (8.2 MB, 1.9 us at 4.3 TB/s).
// opcodes all: FFMA
#include "head/params.cuh"

KERNEL __launch_bounds__(256) head_pool(const __grid_constant__ HeadPool p) {
  const u64 i = 2 * ((u64)blockIdx.x * 256 + threadIdx.x);
  if (i >= (u64)p.n * p.channels) return;
  const u64 from = i / p.channels * p.pixels * p.channels + i % p.channels;
  float2 sum = float2{0.0f, 0.0f};
  for (u32 pixel = 0; pixel < p.pixels; pixel++) {
    const float2 x = stored_get2(p.x, from + (u64)pixel * p.channels);
    sum.x += x.x;
    sum.y += x.y;
  }
  *(float2*)(p.pooled + i) = float2{sum.x / (float)p.pixels, sum.y / (float)p.pixels};
}
EXPORT_KERNEL(head_pool)

KERNEL __launch_bounds__(256) head_dense_naive(const __grid_constant__ HeadDense p) {
  const u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
  if (i >= (u64)p.n * p.classes) return;
  const u32 k = (u32)(i % p.classes);
  const float* const pooled = p.pooled + i / p.classes * p.channels;
  float sum = p.bias[k];
  for (u32 c = 0; c < p.channels; c++) sum = fmaf(pooled[c], p.weight[(u64)c * p.classes + k], sum);
  p.logits[i] = sum;
}
EXPORT_KERNEL(head_dense_naive)

KERNEL __launch_bounds__(256) head_dgrad_naive(const __grid_constant__ HeadDgrad p) {
  const u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
  if (i >= (u64)p.n * p.channels) return;
  const float* const weight = p.weight + i % p.channels * p.classes;
  const float* const seed = p.seeds + i / p.channels * p.classes;
  float sum = 0.0f;
  for (u32 k = 0; k < p.classes; k++) sum = fmaf(seed[k], weight[k], sum);
  p.dpool[i] = sum / (float)p.pixels;
}
EXPORT_KERNEL(head_dgrad_naive)
