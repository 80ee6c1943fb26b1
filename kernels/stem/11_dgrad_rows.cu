// stem gradient by rows: gather over the rows of the filter, scatter over its columns.
//
//   t[h,q,j]     = sum over k and rows p with 2p + r = h + 3 of unpool(d)[p,q,k] * w[r,j,k],   j = 3 s + c < 21
//   dx[h,w,c]    = unscale * sum over q, s with 2q + s = w + 3 of t[h,q,3s+c]
//
// A block owns 16 rows x 56 columns of the picture: 12 rows x 32 columns of the convolution's map, un-pooled 16
// channels at a time into shared memory, in squares of 2 x 2. Lane = column q; a warp has two pairs of rows: a thread
// keeps 2 x 42 sums and does 294 fused multiply-adds for 5 scalar loads and 42 vector loads that all lanes share. Then
// t goes to shared memory, 8 rows at a time, and the columns are added up in the order of q.
//
// Shapes and parameters: stem/params.cuh. Float32 on CUDA cores, any storage of d. Shared memory: 35 KiB.
// Bound by arithmetic: 236 MFLOP x 1.14 an image, 4 us at 67 TFLOP/s; memory 1.1 MB, 0.3 us. Predicted: 7 us an image.
// opcodes all: FFMA LDS.128
#include "stem/unpool.cuh"

constexpr u32 PAIRS = 8;                      // pairs of rows of the picture
constexpr u32 COLUMNS = 32;                   // columns of the map, two to the left of those that are owned
constexpr u32 OWNED = COLUMNS - 4;
constexpr u32 MAP_ROWS = PAIRS + 4;           // two above the pairs' own, two below
constexpr u32 CHUNK = 16;                     // channels at a time
constexpr u32 PLANE = MAP_ROWS * COLUMNS + 1; // odd, so that channels fall into different banks
constexpr u32 J = 24;                         // 21 numbers, padded

KERNEL __launch_bounds__(128) stem_dgrad_rows(const __grid_constant__ StemDgrad p) {
  DYN_SMEM(smem);
  float* const weight = (float*)smem;              // [16][7][24]
  float* const map = weight + CHUNK * 7 * J;       // [16][12 * 32 + 1]
  float* const scatter = (float*)smem;             // [8][32][21], afterwards
  const u32 t = threadIdx.x, lane = t % 32, warp = t / 32, conv = p.side / 2, pooled = p.side / 4;
  const u32 across = (conv + OWNED - 1) / OWNED, down = (conv + PAIRS - 1) / PAIRS;
  const u32 image = blockIdx.x / (across * down);
  const u32 i0 = blockIdx.x / across % down * PAIRS, q0 = blockIdx.x % across * OWNED;

  // Sums of row pairs i0 + 2 warp and the next, even row (filter rows 1, 3, 5) and odd row (0, 2, 4, 6).
  float sum[2][2][STEM_ROW];
#pragma unroll
  for (u32 i = 0; i < 4 * STEM_ROW; i++) sum[i / (2 * STEM_ROW)][i / STEM_ROW % 2][i % STEM_ROW] = 0.0f;

  for (u32 chunk = 0; chunk < STEM_C; chunk += CHUNK) {
    __syncthreads();
    for (u32 i = t; i < CHUNK * 7 * J; i += 128) {
      const u32 k = i % CHUNK, j = i / CHUNK % J, r = i / CHUNK / J;
      weight[(k * 7 + r) * J + j] = j < STEM_ROW ? p.weight[(r * STEM_ROW + j) * STEM_C + chunk + k] : 0.0f;
    }
    for (u32 i = t; i < MAP_ROWS * COLUMNS * CHUNK / 32; i += 128) {
      // The map begins at row i0 - 2 and column q0 - 2, both even.
      const u32 b = i % (COLUMNS / 2), a = i / (COLUMNS / 2) % (MAP_ROWS / 2), c = i / (COLUMNS * MAP_ROWS / 4) * 8;
      float v[4][8];
      unpool_square(v, p, pooled, image, i0 / 2 + a - 1, q0 / 2 + b - 1, chunk + c);
#pragma unroll
      for (u32 at = 0; at < 4; at++) {
#pragma unroll
        for (u32 k = 0; k < 8; k++)
          map[(c + k) * PLANE + (2 * a + at / 2) * COLUMNS + 2 * b + at % 2] = v[at][k];
      }
    }
    __syncthreads();
    for (u32 k = 0; k < CHUNK; k++) {
      float d[5];
#pragma unroll
      for (u32 i = 0; i < 5; i++) d[i] = map[k * PLANE + (2 * warp + i + 1) * COLUMNS + lane];
#pragma unroll
      for (u32 r = 0; r < 7; r++) {
        // Pair i meets filter row r at row i + 2 - r / 2 of the map, one less if r is odd; d begins at row i - 1.
        const u32 row = r % 2 == 0 ? 3 - r / 2 : 2 - r / 2;
#pragma unroll
        for (u32 j4 = 0; j4 < STEM_ROW; j4 += 4) {
          const float4 w4 = load4(weight + (k * 7 + r) * J + j4);
          const float w[4] = {w4.x, w4.y, w4.z, w4.w};
#pragma unroll
          for (u32 e = 0; e < 4; e++) {
            if (j4 + e < STEM_ROW) {
              sum[0][1 - r % 2][j4 + e] = fmaf(d[row], w[e], sum[0][1 - r % 2][j4 + e]);
              sum[1][1 - r % 2][j4 + e] = fmaf(d[row + 1], w[e], sum[1][1 - r % 2][j4 + e]);
            }
          }
        }
      }
    }
  }

  const float unscale = p.unscale[image];
#pragma unroll
  for (u32 half = 0; half < 2; half++) {
    // Each warp's first pair, then its second.
    __syncthreads();
#pragma unroll
    for (u32 parity = 0; parity < 2; parity++) {
#pragma unroll
      for (u32 j = 0; j < STEM_ROW; j++)
        scatter[((warp * 2 + parity) * COLUMNS + lane) * STEM_ROW + j] = sum[half][parity][j];
    }
    __syncthreads();
    for (u32 i = t; i < 8 * OWNED * 6; i += 128) {
      const u32 row = i / (OWNED * 6), at = i % (OWNED * 6);
      const u32 h = 2 * (i0 + 2 * (row / 2) + half) + row % 2, w = 2 * q0 + at / 3;
      if (h >= p.side || w >= p.side) continue;
      const float total = column_sum<STEM_ROW>(scatter + row * COLUMNS * STEM_ROW, at);
      p.dx[(((u64)image * p.side + h) * p.side + w) * 3 + at % 3] = total * unscale;
    }
  }
}
EXPORT_KERNEL(stem_dgrad_rows)
