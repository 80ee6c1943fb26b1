// What the gradient kernels share: back through the pool and the ReLU before it, one element of the convolution's map, and
// the sum over filter columns.
//
// Row h lies in window h / 2 and, if it is odd, also in the next. A window without a positive element is all zeros and
// its first position wins (the first outside the border, unless the border is of zeros and takes part). Only the
// rectified rule, which has no forward gate, can tell: it lets a gradient through there.
#pragma once
#include "common/gate_bit.cuh"
#include "stem/params.cuh"

DEV float unpool(const Stored& d, const u8* codes, u32 side, u32 rule, u32 border, u32 image, u32 h, u32 w, u32 c) {
  float sum = 0.0f;
  for (u32 p = h / 2; p <= (h + 1) / 2 && p < side; p++) {
    for (u32 q = w / 2; q <= (w + 1) / 2 && q < side; q++) {
      const u32 r = h + 1 - 2 * p, s = w + 1 - 2 * q;
      const u64 pixel = ((u64)image * side + p) * side + q;
      const u32 winner = codes[pixel * (STEM_C / 2) + c / 2] >> (4 * (c & 1)) & 15;
      const bool inner = border == BORDER_NOTHING;
      const bool first = (r == 0 || (inner && r == 1 && p == 0)) && (s == 0 || (inner && s == 1 && q == 0));
      if (winner == 3 * r + s || (winner == CODE_NOTHING && first && rule == RULE_RECTIFIED))
        sum += stored_get(d, pixel * STEM_C + c);
    }
  }
  return rule != RULE_PLAIN && !(sum > 0.0f) ? 0.0f : sum;
}

// The four positions (2a, 2b), (2a, 2b + 1), (2a + 1, 2b), (2a + 1, 2b + 1) in eight channels from `c` on, from the
// four windows that they lie in, each of which is read once. Zeros outside of the map, where a or b may be -1.
//
//   position   windows (p, q) and the code that means it there
//   even even  (a, b) 4
//   even odd   (a, b) 5, (a, b+1) 3
//   odd  even  (a, b) 7, (a+1, b) 1
//   odd  odd   (a, b) 8, (a, b+1) 6, (a+1, b) 2, (a+1, b+1) 0
DEV void unpool_square(float (&v)[4][8], const StemDgrad& p, u32 side, u32 image, u32 a, u32 b, u32 c) {
#pragma unroll
  for (u32 i = 0; i < 32; i++) v[i / 8][i % 8] = 0.0f;
  if (a >= side || b >= side) return;
  const u32 inner = p.border == BORDER_NOTHING;
#pragma unroll
  for (u32 window = 0; window < 4; window++) {
    const u32 down = window / 2, right = window % 2, row = a + down, column = b + right;
    if (row >= side || column >= side) continue;
    const u64 pixel = ((u64)image * side + row) * side + column;
    const u32 codes = *(const u32*)(p.codes + pixel * (STEM_C / 2) + c / 2);
    float d[8];
    stored_get8(p.d, pixel * STEM_C + c, d);
    // Whom a window of zeros means: nobody, or by the rectified rule its first position.
    const u32 first = (inner && row == 0 ? 3 : 0) + (inner && column == 0 ? 1 : 0);
    const u32 nothing = p.rule == RULE_RECTIFIED ? first : CODE_NOTHING;
#pragma unroll
    for (u32 k = 0; k < 8; k++) {
      const u32 code = codes >> (4 * k) & 15, winner = code == CODE_NOTHING ? nothing : code;
#pragma unroll
      for (u32 at = 0; at < 4; at++) {
        // Offset in the window of the position's row and column; an even one does not lie in the next window.
        const u32 y = at / 2, x = at % 2;
        if (y < down || x < right) continue;
        if (winner == 3 * (y + 1 - 2 * down) + x + 1 - 2 * right) v[at][k] += d[k];
      }
    }
  }
  if (p.rule == RULE_PLAIN) return;
#pragma unroll
  for (u32 i = 0; i < 32; i++) v[i / 8][i % 8] = v[i / 8][i % 8] > 0.0f ? v[i / 8][i % 8] : 0.0f;
}

// Element `at` (3 times the pixel of a row, plus the channel) from the products of a row with every filter column,
// `products` [q][PITCH], q from two before the first pixel's own on: the sum over all q and s with w + 3 = 2 q + s.
template <u32 PITCH>
DEV float column_sum(const float* products, u32 at) {
  // The last q has s = 0 or 1.
  const u32 last = (at / 3 + 3) / 2 + 2;
  float total = 0.0f;
#pragma unroll
  for (u32 back = 0; back < 4; back++) {
    const u32 column = last - 3 + back, s = at / 3 + 7 - 2 * column;
    if (s < 7) total += products[column * PITCH + 3 * s + at % 3];
  }
  return total;
}
