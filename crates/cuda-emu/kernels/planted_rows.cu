// planted_rows: a copy of rows, in tiles of 8 rows. bug 1: rows past the last are not left out.
//
// x, y: rows x 32 floats. One thread an element of a tile, blocks of 256 threads.
#include "device.cuh"

struct PlantedRowsParams {
  const float* x;
  float* y;
  u32 rows;
  u32 bug;
};

KERNEL __launch_bounds__(256) planted_rows(const __grid_constant__ PlantedRowsParams p) {
  const u32 row = blockIdx.x * 8 + threadIdx.x / 32, column = threadIdx.x % 32;
  if (row >= p.rows && p.bug != 1) return;
  p.y[row * 32 + column] = p.x[row * 32 + column];  // @copy
}
EXPORT_KERNEL(planted_rows)
