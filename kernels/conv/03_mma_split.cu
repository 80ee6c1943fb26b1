// conv / 03_mma_split: the forward pass of `mixed`. Float32-grade products out of fp16 tensor cores.
//
// Computes  what params.cuh says, forward, with x = x_hi + x_lo and w = w_hi + w_lo, each an fp16:
//           x w ~ x_lo w_hi + x_hi w_lo + x_hi w_hi, in this order for every 16 channels; x_lo w_lo is below 2^-22 of
//           it.
// Sums      Tensor cores cut off what falls below their accumulator instead of rounding it, and over hundreds of steps
//           that bias would cost more than the third product earns. So an instruction's chain is short: 32 channels are
//           summed from zero, and the partial sum is added to the running one by the rounding adder of a CUDA core.
// Shapes    NHWC, two fp16 planes each; blocks of 64 x 64 (4 warps of 16 x 64) and 128 x 64 (4 warps of 32 x 64).
//           4 stages of 32 channels: 64 and 96 KiB.
// Bound by  tensor cores: three products where 02_mma has one. Floor on an H200, v1 without dead code: 20.9 GFLOP at
//           420 TFLOP/s = 50 us an image; predicted 55 % of it, 90 us.
// Before    02_mma. New here: two planes, three products.
//
// opcodes all: HMMA.16816.F32 LDSM LDGSTS FADD
// shared conv_split_fwd_64x64 all: 65536
// shared conv_split_fwd_128x64 all: 98304
#include "conv/epilogue.cuh"
#include "conv/fragments.cuh"

template <int BM, int ROWS>
DEV void conv_split(const ConvParams& p) {
  typedef Tile<false, 2, 2, BM, 64, 128, 4> T;
  DYN_SMEM(smem);
  const Place at = place_of_block<T>(p);
  const u32 warp_row = threadIdx.x / 32 * (16 * ROWS), base = smem_addr(smem);
  float acc[ROWS][8][4] = {};

  pipeline<T>(p, at, base, [&](u32 stage) {
    const u32 a_tile = base + stage, b_tile = a_tile + 2 * T::A_BYTES;
    u32 a[2][2][ROWS][4];  // 16 channels, plane, rows
#pragma unroll
    for (u32 k16 = 0; k16 < 2; k16++) {
#pragma unroll
      for (u32 i = 0; i < ROWS; i++) {
        load_a(a[k16][0][i], a_tile, warp_row + 16 * i, k16);
        load_a(a[k16][1][i], a_tile + T::A_BYTES, warp_row + 16 * i, k16);
      }
    }
#pragma unroll
    for (u32 j = 0; j < 8; j += 2) {
      float part[ROWS][2][4] = {};
#pragma unroll
      for (u32 k16 = 0; k16 < 2; k16++) {
        u32 hi[4], lo[4];
        load_b<T>(hi, b_tile, 8 * j, k16);
        load_b<T>(lo, b_tile + T::B_BYTES, 8 * j, k16);
#pragma unroll
        for (u32 e = 0; e < 2; e++) {
#pragma unroll
          for (u32 i = 0; i < ROWS; i++) mma_f16_16816(part[i][e], a[k16][1][i], hi[2 * e], hi[2 * e + 1]);
        }
#pragma unroll
        for (u32 e = 0; e < 2; e++) {
#pragma unroll
          for (u32 i = 0; i < ROWS; i++) mma_f16_16816(part[i][e], a[k16][0][i], lo[2 * e], lo[2 * e + 1]);
        }
#pragma unroll
        for (u32 e = 0; e < 2; e++) {
#pragma unroll
          for (u32 i = 0; i < ROWS; i++) mma_f16_16816(part[i][e], a[k16][0][i], hi[2 * e], hi[2 * e + 1]);
        }
      }
#pragma unroll
      for (u32 i = 0; i < ROWS; i++) {
#pragma unroll
        for (u32 e = 0; e < 2; e++) {
#pragma unroll
          for (u32 v = 0; v < 4; v++) acc[i][j + e][v] += part[i][e][v];
        }
      }
    }
  });
#pragma unroll
  for (u32 i = 0; i < ROWS; i++) {
    epilogue16x64<StoreSplit, false>(p, acc[i], at.c, at.row + warp_row + 16 * i, at.col);
  }
}

KERNEL __launch_bounds__(128) conv_split_fwd_64x64(const __grid_constant__ ConvParams p) { conv_split<64, 1>(p); }
EXPORT_KERNEL(conv_split_fwd_64x64)
KERNEL __launch_bounds__(128) conv_split_fwd_128x64(const __grid_constant__ ConvParams p) { conv_split<128, 2>(p); }
EXPORT_KERNEL(conv_split_fwd_128x64)
