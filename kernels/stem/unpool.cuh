// Back through the pool and the ReLU before it, one element of the convolution's map.
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
