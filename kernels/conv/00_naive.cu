// conv / 00_naive: the sum as it is written, in float32, straight from global memory.
//
// Computes  what params.cuh says, forward and dgrad, everything that follows included.
// Shapes    NHWC float32; a warp has 16 rows (pixels) x 64 columns (channels), a lane the 32 outputs that a tensor-core
//           accumulator would give it, so that gate words come out in their order; a block 64 x 64.
// Bound by  L1: 17 loads for 16 multiply-adds, weights read once by every row of lanes.
//           Floor 7.0 GFLOP / 67 TFLOP/s = 0.10 ms an image each way (v1); predicted 4 TFLOP/s, 1.7 ms.
// Pair      01_tiles must agree with it bit for bit: same order, same fmaf.
//
// opcodes all: FFMA
#include "conv/epilogue.cuh"
#include "conv/taps.cuh"

template <bool DGRAD>
DEV void conv_naive(const ConvParams& p) {
  const u32 c = p.parity ? 3 - blockIdx.z : 0;
  const u32 row = blockIdx.y * 64 + threadIdx.x / 32 * 16, col = blockIdx.x * 64, lane = threadIdx.x & 31;
  float acc[8][4] = {};
  const Pixel at[2] = {pixel_of(p, c, row + lane / 4), pixel_of(p, c, row + lane / 4 + 8)};
  Walk<DGRAD> walk;
  walk.start(p, c);
  while (!walk.done(p)) {
    const ConvTerm& t = p.term[walk.term];
    const float* const a = static_cast<const float*>(t.a);
    const float* const w = static_cast<const float*>(t.w) + walk.tap(p) * t.channels * p.channels;
    const u32 first = col + 2 * (lane & 3);
#pragma unroll
    for (u32 h = 0; h < 2; h++) {
      const u32 source = source_pixel<DGRAD>(t, at[h], walk.ky, walk.kx);
      if (source == NOWHERE) continue;
      for (u32 k = 0; k < t.channels; k++) {
        const float x = a[source + k];
#pragma unroll
        for (u32 j = 0; j < 8; j++) {
#pragma unroll
          for (u32 e = 0; e < 2; e++) {
            const u32 n = first + 8 * j + e;
            const float y = w[DGRAD ? n * t.channels + k : k * p.channels + n];
            acc[j][2 * h + e] = fmaf(x, y, acc[j][2 * h + e]);
          }
        }
      }
    }
    walk.advance(p, c, t.channels);
  }
  epilogue16x64<StoreF32, DGRAD>(p, acc, c, row, col);
}

KERNEL __launch_bounds__(128) conv_naive_fwd(const __grid_constant__ ConvParams p) { conv_naive<false>(p); }
EXPORT_KERNEL(conv_naive_fwd)
KERNEL __launch_bounds__(128) conv_naive_dgrad(const __grid_constant__ ConvParams p) { conv_naive<true>(p); }
EXPORT_KERNEL(conv_naive_dgrad)
