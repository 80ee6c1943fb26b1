// The 16-bit kernels of 02_mma.cu and 02_mma_bf16.cu: the inner product is an instruction.
#pragma once
#include "conv/epilogue.cuh"
#include "conv/fragments.cuh"

struct MathF16 {
  typedef Store16<F16> Store;
  static DEV_MEMBER void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_f16_16816(d, a, b0, b1); }
};
struct MathBf16 {
  typedef Store16<Bf16> Store;
  static DEV_MEMBER void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_bf16_16816(d, a, b0, b1); }
};

// A warp has ROWS x 16 rows and 64 columns.
template <class Math, bool DGRAD, int BM, int BN, int ROWS>
DEV void conv_mma(const ConvParams& p) {
  constexpr int WARPS_M = BM / (16 * ROWS);
  typedef Tile<DGRAD, 2, 1, BM, BN, 32 * WARPS_M * (BN / 64), 4> T;
  DYN_SMEM(smem);
  const Place at = place_of_block<T>(p);
  const u32 warp = threadIdx.x / 32, warp_row = warp % WARPS_M * (16 * ROWS), warp_col = warp / WARPS_M * 64;
  const u32 base = smem_addr(smem);
  float acc[ROWS][8][4] = {};

  pipeline<T>(p, at, base, [&](u32 stage) {
    const u32 a_tile = base + stage, b_tile = a_tile + T::A_BYTES;
#pragma unroll
    for (u32 k16 = 0; k16 < 2; k16++) {
      u32 a[ROWS][4];
#pragma unroll
      for (u32 i = 0; i < ROWS; i++) load_a(a[i], a_tile, warp_row + 16 * i, k16);
#pragma unroll
      for (u32 j = 0; j < 8; j += 2) {
        u32 b[4];
        load_b<T>(b, b_tile, warp_col + 8 * j, k16);
#pragma unroll
        for (u32 i = 0; i < ROWS; i++) {
          Math::mma(acc[i][j], a[i], b[0], b[1]);
          Math::mma(acc[i][j + 1], a[i], b[2], b[3]);
        }
      }
    }
  });
#pragma unroll
  for (u32 i = 0; i < ROWS; i++) {
    epilogue16x64<typename Math::Store, DGRAD>(p, acc[i], at.c, at.row + warp_row + 16 * i, at.col + warp_col);
  }
}

// A kernel of its own for a direction and a tile; a name cannot be made by a template.
#define CONV_MMA(name, Math, DGRAD, BM, BN, ROWS)                                                          \
  KERNEL __launch_bounds__(BM / (16 * ROWS) * (BN / 64) * 32) name(const __grid_constant__ ConvParams p) { \
    conv_mma<Math, DGRAD, BM, BN, ROWS>(p);                                                                \
  }                                                                                                        \
  EXPORT_KERNEL(name)
