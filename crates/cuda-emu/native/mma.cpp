// mma.sync: d[16][8] += a[16][K] * b[K][8] with float32 sums, K = 16 for f16 and bf16, 8 for tf32; or a grid of them.
//
// Fragments, with g = lane / 4 and c = lane % 4 (PTX manual, "Matrix fragments for mma.m16n8k16"):
//   a (16 bits)  pairs (g, 2c), (g+8, 2c), (g, 2c+8), (g+8, 2c+8)    b  pairs (2c, g), (2c+8, g), along K
//   a (tf32)     (g, c), (g+8, c), (g, c+4), (g+8, c+4)              b  (c, g), (c+4, g)
//   d            (g, 2c), (g, 2c+1), (g+8, 2c), (g+8, 2c+1)
// All fragments are turned into float32 matrices once, then multiplied eight columns at a time; a sum runs over K
// upwards.
#include "runtime.h"
#include "vector8.h"

namespace emu {
namespace {
constexpr int M = 16, N = 8, MOST_K = 16, MOST_ROWS = 16, MOST_COLS = 32;

// One warp's operands as matrices.
struct Operands {
  alignas(32) float a[MOST_ROWS][M][MOST_K];
  alignas(32) float b[MOST_COLS][MOST_K][N];
};

const MmaArg& arg_of(const Meeting& m, u32 lane) { return *static_cast<const MmaArg*>(m.arg[lane]); }

void unpack_sixteen(const Meeting& m, int rows, int cols, bool bf16, Operands& o) {
  alignas(32) u16 half[M][MOST_K];
  for (int i = 0; i < rows; i++) {
    for (u32 lane = 0; lane < WARP; lane++) {
      const u32* a = arg_of(m, lane).a + 4 * i;
      const u32 g = lane >> 2, k = (lane & 3) * 2;
      memcpy(&half[g][k], &a[0], 4);
      memcpy(&half[g + 8][k], &a[1], 4);
      memcpy(&half[g][k + 8], &a[2], 4);
      memcpy(&half[g + 8][k + 8], &a[3], 4);
    }
    for (int r = 0; r < M; r++) {
      store8(o.a[i][r], to_vec8(half[r], bf16));
      store8(o.a[i][r] + 8, to_vec8(half[r] + 8, bf16));
    }
  }
  for (int j = 0; j < cols; j++) {
    u16 column[MOST_K][N];
    for (u32 lane = 0; lane < WARP; lane++) {
      const u32* b = arg_of(m, lane).b + 2 * j;
      const u32 g = lane >> 2, k = (lane & 3) * 2;
      column[k][g] = (u16)b[0];
      column[k + 1][g] = (u16)(b[0] >> 16);
      column[k + 8][g] = (u16)b[1];
      column[k + 9][g] = (u16)(b[1] >> 16);
    }
    for (int k = 0; k < 16; k++) store8(o.b[j][k], to_vec8(column[k], bf16));
  }
}

// The tensor cores look at the upper 19 bits only.
float tf32(u32 bits) { return __uint_as_float(bits & ~0x1fffu); }

void unpack_tf32(const Meeting& m, Operands& o) {
  for (u32 lane = 0; lane < WARP; lane++) {
    const MmaArg& arg = arg_of(m, lane);
    const u32 g = lane >> 2, c = lane & 3;
    o.a[0][g][c] = tf32(arg.a[0]);
    o.a[0][g + 8][c] = tf32(arg.a[1]);
    o.a[0][g][c + 4] = tf32(arg.a[2]);
    o.a[0][g + 8][c + 4] = tf32(arg.a[3]);
    o.b[0][c][g] = tf32(arg.b[0]);
    o.b[0][c + 4][g] = tf32(arg.b[1]);
  }
}

// d += a * b for eight rows at a time: eight sums under way hide the latency of the multiply-add.
template <int K> void multiply(const float (&a)[M][MOST_K], const float (&b)[MOST_K][N], float (&d)[M][N]) {
  for (int r0 = 0; r0 < M; r0 += 8) {
    Vec8 sum[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; r++) sum[r] = load8(d[r0 + r]);
    for (int k = 0; k < K; k++) {
      const Vec8 row = load8(b[k]);
#pragma GCC unroll 8
      for (int r = 0; r < 8; r++) sum[r] = multiply_add(broadcast(a[r0 + r][k]), row, sum[r]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < 8; r++) store8(d[r0 + r], sum[r]);
  }
}
}  // namespace

void run_mma(Worker& w, Meeting& m) {
  const int rows = arg_of(m, 0).rows, cols = arg_of(m, 0).cols;
  if (rows > MOST_ROWS || cols > MOST_COLS) fail("a tile of %d x %d mma: at most 16 x 32", rows, cols);
  static_assert(sizeof(Operands) <= sizeof w.scratch, "");
  Operands& o = *reinterpret_cast<Operands*>(w.scratch);
  if (m.op == OP_MMA_TF32) {
    unpack_tf32(m, o);
  } else {
    unpack_sixteen(m, rows, cols, m.op == OP_MMA_BF16, o);
  }
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < cols; j++) {
      alignas(32) float d[M][N];
      const int at = (i * cols + j) * 4;
      for (u32 lane = 0; lane < WARP; lane++) {
        const float* from = arg_of(m, lane).d + at;
        const u32 g = lane >> 2, n = (lane & 3) * 2;
        memcpy(&d[g][n], from, 8);
        memcpy(&d[g + 8][n], from + 2, 8);
      }
      if (m.op == OP_MMA_TF32) {
        multiply<8>(o.a[i], o.b[j], d);
      } else {
        multiply<16>(o.a[i], o.b[j], d);
      }
      for (u32 lane = 0; lane < WARP; lane++) {
        float* to = arg_of(m, lane).d + at;
        const u32 g = lane >> 2, n = (lane & 3) * 2;
        memcpy(to, &d[g][n], 8);
        memcpy(to + 2, &d[g + 8][n], 8);
      }
    }
  }
  w.stats.mma += (u64)(rows * cols);
}
}  // namespace emu
