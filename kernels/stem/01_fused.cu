// stem, fused: convolution, bias, ReLU and pool of a tile in one block; the convolution's map never leaves the chip.
//
// A block owns 8 x 8 pooled pixels: 17 x 17 of the convolution (13 % of them shared with neighbours) over 39 rows of
// 40 pixels. The picture's part is staged once (copies are sampled there), then 32 channels at a time: weights staged,
// the map kept in shared memory, pooled, stored with its codes.
// A thread has 5 positions x 8 channels: 40 fused multiply-adds for 5 scalar and 2 vector loads from shared memory.
//
// Shapes and parameters: stem/params.cuh. Any storage of the output; float32 on CUDA cores, sums in the order of
// 00_naive and so the same bits. Shared memory: 73 KiB.
// Bound by arithmetic: 236 MFLOP x 1.25 (halo, ragged last round) an image, 4.4 us at 67 TFLOP/s; memory 1.1 to
// 1.5 MB, 0.3 us. Predicted: 7 us an image.
// opcodes all: FFMA LDS.128 STS.128 STG.E.64
#include "stem/params.cuh"

constexpr u32 TILE = 8;                        // pooled rows and columns
constexpr u32 MAP = 2 * TILE + 1;              // rows and columns of the convolution
constexpr u32 ROWS = 2 * MAP + 5;              // rows of the picture
constexpr u32 PITCH = 120;                     // floats of a staged row: from one float before pixel 4 q0 - 5 on
constexpr u32 HALF = 32;                       // channels at a time
constexpr u32 PER_THREAD = 5;                  // positions
constexpr u32 LANES = 64;                      // threads side by side over positions; 4 groups of 8 channels

KERNEL __launch_bounds__(256) stem_forward_fused(const __grid_constant__ StemForward p) {
  DYN_SMEM(smem);
  float* const picture = (float*)smem;               // [39][120]
  float* const weight = picture + ROWS * PITCH;      // [147][32]
  float* const map = weight + 7 * STEM_ROW * HALF;   // [289][32]
  const u32 t = threadIdx.x, pooled = p.side / 4;
  const u32 tiles = (pooled + TILE - 1) / TILE;
  const u32 image = blockIdx.x / (tiles * tiles);
  const u32 p0 = blockIdx.x / tiles % tiles * TILE, q0 = blockIdx.x % tiles * TILE;

  for (u32 i = t; i < ROWS * (PITCH / 4); i += 256) {
    // Rows and groups of four outside the picture are zeros; unsigned, so that before the first is after the last.
    const u32 y = 4 * p0 + i / (PITCH / 4) - 5, group = 3 * q0 + i % (PITCH / 4) - 4;
    float4 v = float4{0.0f, 0.0f, 0.0f, 0.0f};
    if (y < p.side && group < p.side * 3 / 4)
      v = sample4(p.from, p.side * p.side * 3, image, y * (p.side * 3 / 4) + group);
    store4(picture + 4 * i, v);
  }

  const u32 group = t % 4, lane = t / 4;
  for (u32 half = 0; half < STEM_C; half += HALF) {
    for (u32 i = t; i < 7 * STEM_ROW * (HALF / 4); i += 256) {
      store4(weight + 4 * i, load4(p.weight + i / (HALF / 4) * STEM_C + half + i % (HALF / 4) * 4));
    }
    __syncthreads();

    float sum[PER_THREAD][8];
    const float* from[PER_THREAD];
#pragma unroll
    for (u32 m = 0; m < PER_THREAD; m++) {
      // Positions past the end repeat the last one and are not stored.
      const u32 at = lane + LANES * m < MAP * MAP ? lane + LANES * m : MAP * MAP - 1;
      from[m] = picture + at / MAP * 2 * PITCH + at % MAP * 6 + 1;
#pragma unroll
      for (u32 k = 0; k < 8; k++) sum[m][k] = 0.0f;
    }
    for (u32 r = 0; r < 7; r++) {
#pragma unroll 3
      for (u32 j = 0; j < STEM_ROW; j++) {
        const float4 w0 = load4(weight + (r * STEM_ROW + j) * HALF + 8 * group);
        const float4 w1 = load4(weight + (r * STEM_ROW + j) * HALF + 8 * group + 4);
#pragma unroll
        for (u32 m = 0; m < PER_THREAD; m++) {
          const float x = from[m][r * PITCH + j];
          sum[m][0] = fmaf(x, w0.x, sum[m][0]);
          sum[m][1] = fmaf(x, w0.y, sum[m][1]);
          sum[m][2] = fmaf(x, w0.z, sum[m][2]);
          sum[m][3] = fmaf(x, w0.w, sum[m][3]);
          sum[m][4] = fmaf(x, w1.x, sum[m][4]);
          sum[m][5] = fmaf(x, w1.y, sum[m][5]);
          sum[m][6] = fmaf(x, w1.z, sum[m][6]);
          sum[m][7] = fmaf(x, w1.w, sum[m][7]);
        }
      }
    }
    const float4 b0 = load4(p.bias + half + 8 * group), b1 = load4(p.bias + half + 8 * group + 4);
#pragma unroll
    for (u32 m = 0; m < PER_THREAD; m++) {
      if (lane + LANES * m < MAP * MAP) {
        float* const to = map + (lane + LANES * m) * HALF + 8 * group;
        store4(to, float4{sum[m][0] + b0.x, sum[m][1] + b0.y, sum[m][2] + b0.z, sum[m][3] + b0.w});
        store4(to + 4, float4{sum[m][4] + b1.x, sum[m][5] + b1.y, sum[m][6] + b1.z, sum[m][7] + b1.w});
      }
    }
    __syncthreads();

    pool_tile<TILE, MAP, HALF, HALF, 256>(p, map, image, p0, q0, half);
    // The next half's weights may be staged while others pool; its map is written after the barrier that follows.
  }
}
EXPORT_KERNEL(stem_forward_fused)
