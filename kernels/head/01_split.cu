// head, split: sums are cut into pieces for the warps of a block, and four images share every weight that is read.
//
// How a sum is cut depends on the layer alone, so an image has the same bits in any batch.
// Shapes and parameters: head/params.cuh. Float32. Shared memory: forward 40 KiB, gradient 16 KiB.
// Bound by memory at batch 1 (8.2 MB of weights each way, 1.9 us at 4.3 TB/s), by L2 in a large batch (2 MB an image
// each way, 0.2 us). Predicted: 5 us each way at batch 1, 0.3 us an image at batch 256.
// opcodes all: FFMA BAR
#include "head/params.cuh"

constexpr u32 IMAGES = 4;
constexpr u32 WARPS = 16;
constexpr u32 CHANNELS = 2048;
constexpr u32 CLASSES = 1000;

// A block has 32 classes, one a lane; warp w adds up channels 128 w to 128 w + 127, and warp 0 the sums, in order.
KERNEL __launch_bounds__(512) head_dense_split(const __grid_constant__ HeadDense p) {
  DYN_SMEM(smem);
  float* const pooled = (float*)smem;               // [4][2048]
  float* const part = pooled + IMAGES * CHANNELS;   // [16][4][32]
  const u32 t = threadIdx.x, lane = t % 32, warp = t / 32;
  const u32 k = blockIdx.x * 32 + lane, n0 = blockIdx.y * IMAGES;
  for (u32 i = t; i < IMAGES * CHANNELS; i += 512) {
    pooled[i] = n0 + i / CHANNELS < p.n ? p.pooled[(u64)n0 * CHANNELS + i] : 0.0f;
  }
  __syncthreads();
  float sum[IMAGES] = {0.0f, 0.0f, 0.0f, 0.0f};
  if (k < CLASSES) {
#pragma unroll 8
    for (u32 i = 0; i < CHANNELS / WARPS; i++) {
      const u32 c = warp * (CHANNELS / WARPS) + i;
      const float w = p.weight[c * CLASSES + k];
#pragma unroll
      for (u32 m = 0; m < IMAGES; m++) sum[m] = fmaf(pooled[m * CHANNELS + c], w, sum[m]);
    }
  }
#pragma unroll
  for (u32 m = 0; m < IMAGES; m++) part[(warp * IMAGES + m) * 32 + lane] = sum[m];
  __syncthreads();
  // One thread a logit of the block.
  if (t < IMAGES * 32) {
    const u32 m = t / 32;
    if (k < CLASSES && n0 + m < p.n) {
      float total = 0.0f;
      for (u32 w = 0; w < WARPS; w++) total += part[(w * IMAGES + m) * 32 + lane];
      p.logits[(u64)(n0 + m) * CLASSES + k] = total + p.bias[k];
    }
  }
}
EXPORT_KERNEL(head_dense_split)

// A warp has one channel; lane l adds up classes l, l + 32, ..., then the lanes are added pairwise.
KERNEL __launch_bounds__(512) head_dgrad_split(const __grid_constant__ HeadDgrad p) {
  DYN_SMEM(smem);
  float* const seeds = (float*)smem;  // [4][1000]
  const u32 t = threadIdx.x, lane = t % 32, warp = t / 32;
  const u32 c = blockIdx.x * WARPS + warp, n0 = blockIdx.y * IMAGES;
  for (u32 i = t; i < IMAGES * CLASSES; i += 512) {
    seeds[i] = n0 + i / CLASSES < p.n ? p.seeds[(u64)n0 * CLASSES + i] : 0.0f;
  }
  __syncthreads();
  float sum[IMAGES] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll 4
  for (u32 k = lane; k < CLASSES; k += 32) {
    const float w = p.weight[c * CLASSES + k];
#pragma unroll
    for (u32 m = 0; m < IMAGES; m++) sum[m] = fmaf(seeds[m * CLASSES + k], w, sum[m]);
  }
#pragma unroll
  for (u32 m = 0; m < IMAGES; m++) {
#pragma unroll
    for (u32 step = 16; step > 0; step /= 2) sum[m] += __shfl_xor_sync(0xffffffffu, sum[m], step);
    if (lane == 0 && n0 + m < p.n) p.dpool[(u64)(n0 + m) * CHANNELS + c] = sum[m] / (float)p.pixels;
  }
}
EXPORT_KERNEL(head_dgrad_split)
