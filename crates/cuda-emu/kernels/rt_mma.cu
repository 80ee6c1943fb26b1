// rt_mma: c = a b^T in bf16 with float32 sums, the pipeline of the sm_80 kernels in small.
//
// a [m][k], b [n][k], c float [m][n]; k a multiple of 8. Tiles of 64 x 64 x 32, four warps of 32 x 32, two stages of
// cp.async, rows of 64 bytes whose four chunks are rotated by row / 2 so that ldmatrix meets no bank twice.
// `fault` plants an error: 1 waits for one group too few, 2 leaves out the barrier before a stage is filled again.
#include "device.cuh"

struct RtMmaParams {
  const bf16 *a, *b;
  float* c;
  u32 m, n, k, fault;
};

constexpr int TILE = 64, DEPTH = 32, STAGE_BYTES = 2 * TILE * DEPTH * 2;

DEV u32 chunk_at(u32 tile, u32 row, u32 chunk) { return tile + row * 64 + ((chunk ^ ((row >> 1) & 3)) << 4); }

KERNEL __launch_bounds__(128) rt_mma(const __grid_constant__ RtMmaParams p) {
  DYN_SMEM(smem);
  const u32 t = threadIdx.x, lane = t & 31, warp = t >> 5, row0 = (warp & 1) * 32, col0 = (warp >> 1) * 32;
  const u32 tiles = (p.n + TILE - 1) / TILE, m0 = blockIdx.x / tiles * TILE, n0 = blockIdx.x % tiles * TILE;
  const u32 base = smem_addr(smem);
  const u32 steps = (p.k + DEPTH - 1) / DEPTH;
  float acc[2][4][4] = {};

  auto fill = [&](u32 step) {
    const u32 stage = base + step % 2 * STAGE_BYTES;
#pragma unroll
    for (u32 i = 0; i < 2; i++) {
      const u32 index = t + i * 128, row = index >> 2, chunk = index & 3, k = step * DEPTH + chunk * 8;
      const bool in_a = m0 + row < p.m && k < p.k, in_b = n0 + row < p.n && k < p.k;
      cp_async16(chunk_at(stage, row, chunk), in_a ? p.a + (size_t)(m0 + row) * p.k + k : p.a, in_a ? 16 : 0);
      cp_async16(chunk_at(stage + STAGE_BYTES / 2, row, chunk), in_b ? p.b + (size_t)(n0 + row) * p.k + k : p.b,
                 in_b ? 16 : 0);
    }
  };
  fill(0);
  cp_async_commit();
  for (u32 step = 0; step < steps; step++) {
    if (step + 1 < steps) fill(step + 1);
    cp_async_commit();
    if (p.fault == 1) {
      cp_async_wait<2>();
    } else {
      cp_async_wait<1>();
    }
    __syncthreads();
    const u32 a0 = base + step % 2 * STAGE_BYTES, b0 = a0 + STAGE_BYTES / 2;
#pragma unroll
    for (u32 half = 0; half < 2; half++) {
      u32 a[2][4], b[2][4], at[2], bt[2];
#pragma unroll
      for (u32 i = 0; i < 2; i++) {
        at[i] = chunk_at(a0, row0 + i * 16 + (lane & 15), half * 2 + (lane >> 4));
        bt[i] = chunk_at(b0, col0 + i * 16 + (lane & 7) + (lane >> 4) * 8, half * 2 + (lane >> 3 & 1));
      }
      ldmatrix_x4(a, at);
      ldmatrix_x4(b, bt);
      mma_bf16_tiles(acc, a, b);
    }
    if (p.fault != 2) __syncthreads();
  }
#pragma unroll
  for (u32 i = 0; i < 2; i++)
#pragma unroll
    for (u32 j = 0; j < 4; j++)
#pragma unroll
      for (u32 e = 0; e < 4; e++) {
        const u32 m = m0 + row0 + i * 16 + (lane >> 2) + e / 2 * 8, n = n0 + col0 + j * 8 + (lane & 3) * 2 + e % 2;
        if (m < p.m && n < p.n) p.c[(size_t)m * p.n + n] = acc[i][j][e];
      }
}
EXPORT_KERNEL(rt_mma)
