// conv / 01_tiles: float32 through shared memory, 64 outputs a lane in registers. The engine of `f32`.
//
// Computes  what params.cuh says, bit for bit as 00_naive does: the same fmaf in the same order.
// Shapes    NHWC float32; a block has 128 rows x 64 columns, a warp 32 x 64, a lane rows g, g + 8, g + 16, g + 24 and
//           the column pairs of a tensor-core accumulator. 4 stages of 16 channels, 12 KiB each.
// Bound by  FP32 FMA: forward 64 FFMA for 9 loads from shared memory (8-byte pairs of B, 16 bytes of k of A), dgrad
//           64 for 5 (16 bytes of k of both). Floor 7.0 GFLOP / 67 TFLOP/s = 0.10 ms an image each way (v1);
//           predicted 60 % of it: 0.17 ms.
// Before    00_naive. New here: reuse through shared memory and registers, copies that run ahead.
//
// opcodes all: FFMA LDGSTS LDS.128
// shared all: 49152
#include "conv/epilogue.cuh"
#include "conv/pipeline.cuh"

template <bool DGRAD>
DEV void conv_tiles(const ConvParams& p) {
  typedef Tile<DGRAD, 4, 1, 128, 64, 128, 4> T;
  DYN_SMEM(smem);
  const Place at = place_of_block<T>(p);
  const u32 lane = threadIdx.x & 31, g = lane >> 2, q = lane & 3, warp_row = threadIdx.x / 32 * 32;
  float acc[2][8][4] = {};

  pipeline<T>(p, at, smem_addr(smem), [&](u32 stage) {
    const u8* const a_tile = smem + stage;
    const u8* const b_tile = a_tile + T::A_BYTES;
#pragma unroll 1
    for (u32 chunk = 0; chunk < 4; chunk++) {  // 4 channels
      float a[4][4];                           // rows g + 8 r, channels
#pragma unroll
      for (u32 r = 0; r < 4; r++) load4(a[r], a_tile + swizzle64(warp_row + g + 8 * r, chunk));
#pragma unroll
      for (u32 j = 0; j < 8; j++) {
        float b[2][4];  // columns 8 j + 2 q and the next, channels
        if (DGRAD) {
          load4(b[0], b_tile + swizzle64(8 * j + 2 * q, chunk));
          load4(b[1], b_tile + swizzle64(8 * j + 2 * q + 1, chunk));
        } else {
#pragma unroll
          for (u32 k = 0; k < 4; k++) {
            const float2 pair = load2(b_tile + swizzle<256>(4 * chunk + k, 2 * j + (q >> 1)) + (q & 1) * 8);
            b[0][k] = pair.x;
            b[1][k] = pair.y;
          }
        }
#pragma unroll
        for (u32 k = 0; k < 4; k++) {
#pragma unroll
          for (u32 r = 0; r < 4; r++) {
            float(&to)[4] = acc[r >> 1][j];
            to[2 * (r & 1)] = fmaf(a[r][k], b[0][k], to[2 * (r & 1)]);
            to[2 * (r & 1) + 1] = fmaf(a[r][k], b[1][k], to[2 * (r & 1) + 1]);
          }
        }
      }
    }
  });
#pragma unroll
  for (u32 i = 0; i < 2; i++) epilogue16x64<StoreF32, DGRAD>(p, acc[i], at.c, at.row + warp_row + 16 * i, at.col);
}

KERNEL __launch_bounds__(128) conv_tiles_fwd(const __grid_constant__ ConvParams p) { conv_tiles<false>(p); }
EXPORT_KERNEL(conv_tiles_fwd)
KERNEL __launch_bounds__(128) conv_tiles_dgrad(const __grid_constant__ ConvParams p) { conv_tiles<true>(p); }
EXPORT_KERNEL(conv_tiles_dgrad)
