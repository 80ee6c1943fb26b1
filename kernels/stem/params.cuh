// Parameters of the stem's kernels and the shapes they share.
//
// Forward:  y[p,q,k] = relu(bias[k] + sum over r,s,c of x[2p+r-3, 2q+s-3, c] * w[r,s,c,k]),  then max over 3x3/2.
// Rows and columns: `side` of the picture, side / 2 of the convolution, side / 4 of the pool; side is a multiple of 4.
#pragma once
#include "sample/sampler.cuh"

enum PoolBorder : u32 { BORDER_ZERO = 0, BORDER_NOTHING = 1 };

constexpr u32 STEM_C = 64;        // channels of the output
constexpr u32 STEM_ROW = 21;      // floats under one row of the filter: 7 pixels of 3 channels
constexpr u32 CODE_NOTHING = 15;  // of a window in which nothing is positive

struct StemForward {
  Sampler from;
  const float* weight;  // [7][21][64]
  const float* bias;    // [64]
  const void* packed;   // tensor cores: fp16 or bf16, hi then lo, in the order of 02_mma
  Stored out;           // [n, side/4, side/4, 64]
  u8* codes;            // [n, side/4, side/4, 32]: two channels a byte, the even one in the low half
  u32 n, side;
  float out_scale;
  u32 pad;
};

struct StemDgrad {
  Stored d;              // [n, side/4, side/4, 64], of the pool's output
  const u8* codes;       // as above
  const float* weight;   // [7][21][64]
  const void* packed;    // tensor cores: fp16 or bf16 in the order of 12_dgrad_mma
  const float* unscale;  // [n]
  float* dx;             // [n, side, side, 3], overwritten
  u32 n, side;
  u32 rule, border;
  float out_scale;
  u32 pad;
};

// The winner of a window in two channels. Starting from zero decides nothing but who is CODE_NOTHING.
struct Best {
  float x, y;
  u32 code_x, code_y;
};

DEV Best best_of_none() { return Best{0.0f, 0.0f, CODE_NOTHING, CODE_NOTHING}; }

DEV void best_meet(Best& best, u32 position, float2 v) {
  // A NaN wins over everything, so that it is seen.
  if (v.x > best.x || v.x != v.x) {
    best.x = v.x;
    best.code_x = position;
  }
  if (v.y > best.y || v.y != v.y) {
    best.y = v.y;
    best.code_y = position;
  }
}

DEV void best_store(const Best& best, const StemForward& p, u64 pixel, u32 c) {
  stored_put2(p.out, pixel * STEM_C + c, float2{best.x, best.y});
  p.codes[pixel * (STEM_C / 2) + c / 2] = (u8)(best.code_x | best.code_y << 4);
}

// The 3x3/2 max-pool of a tile of the convolution in shared memory: TILE x TILE pooled pixels from (p0, q0) on, of
// channels half .. half + HALF. `map` is [MAP][MAP][PITCH], its first row and column one before pixel (2 p0, 2 q0).
// Two channels a thread, because two codes share a byte.
template <u32 TILE, u32 MAP, u32 HALF, u32 PITCH, u32 THREADS>
DEV void pool_tile(const StemForward& p, const float* map, u32 image, u32 p0, u32 q0, u32 half) {
  const u32 conv = p.side / 2, pooled = p.side / 4;
  for (u32 i = threadIdx.x; i < TILE * TILE * (HALF / 2); i += THREADS) {
    const u32 c = i % (HALF / 2) * 2, row = i / (HALF / 2) / TILE, column = i / (HALF / 2) % TILE;
    if (p0 + row >= pooled || q0 + column >= pooled) continue;
    Best best = best_of_none();
#pragma unroll
    for (u32 position = 0; position < 9; position++) {
      const u32 h = 2 * row + position / 3, w = 2 * column + position % 3;
      if (2 * p0 + h - 1 >= conv || 2 * q0 + w - 1 >= conv) continue;
      best_meet(best, position, *(const float2*)(map + (h * MAP + w) * PITCH + c));
    }
    best_store(best, p, ((u64)image * pooled + p0 + row) * pooled + q0 + column, half + c);
  }
}
