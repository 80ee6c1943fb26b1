// From a stage in shared memory to the operands of mma.m16n8k16.
//
// A 16 x 16: four 8 x 8 matrices, rows 0-7 / 8-15 of channels 0-7, then of channels 8-15.
// B 16 x 8, two column tiles at once: r[0], r[1] for columns 0-7 and r[2], r[3] for columns 8-15. Dgrad's weights have
// k contiguous, as the instruction wants them; forward's have columns contiguous, and ldmatrix transposes on the way.
#pragma once
#include "conv/pipeline.cuh"

// Rows `row`.. and channels 16 `k16`.. of the A tile at `tile`.
DEV void load_a(u32 (&r)[4], u32 tile, u32 row, u32 k16) {
  const u32 lane = threadIdx.x & 31;
  ldmatrix_x4(r, tile + swizzle64(row + (lane & 15), 2 * k16 + (lane >> 4)));
}

// Columns `col`.. (16 of them) and channels 16 `k16`.. of the B tile at `tile`.
template <class T>
DEV void load_b(u32 (&r)[4], u32 tile, u32 col, u32 k16) {
  const u32 lane = threadIdx.x & 31;
  if (T::DGRAD) {
    ldmatrix_x4(r, tile + swizzle64(col + (lane & 7) + (lane >> 4) * 8, 2 * k16 + (lane >> 3 & 1)));
  } else {
    ldmatrix_x4_trans(r, tile + swizzle<T::BN * T::BYTES>(16 * k16 + (lane & 15), col / 8 + (lane >> 4)));
  }
}
