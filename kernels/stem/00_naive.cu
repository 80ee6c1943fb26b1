// stem, naive: one thread an element of the pooled map; it recomputes all nine convolutions under its window.
//
// Shapes and parameters: stem/params.cuh. Any storage of the output; arithmetic in float32.
// Bound by arithmetic: nine times 236 MFLOP an image, 32 us at 67 TFLOP/s; loads are not staged, so expect 10 % of it.
// opcodes all: FFMA STG.E.64
#include "stem/params.cuh"

// bias + convolution at (h, w), channels k and k + 1.
DEV float2 stem_conv(const StemForward& p, u32 image, u32 h, u32 w, u32 k) {
  float2 sum = float2{0.0f, 0.0f};
  for (u32 r = 0; r < 7; r++) {
    for (u32 j = 0; j < STEM_ROW; j++) {
      // Unsigned: what lies above or left of the picture is as large as what lies below or right of it.
      const u32 y = 2 * h + r - 3, at = 6 * w + j - 9;
      float x = 0.0f;
      if (y < p.side && at < 3 * p.side) {
        const u32 element = y * 3 * p.side + at;
        const float4 four = sample4(p.from, p.side * p.side * 3, image, element / 4);
        x = element % 4 == 0 ? four.x : element % 4 == 1 ? four.y : element % 4 == 2 ? four.z : four.w;
      }
      const float2 weight = *(const float2*)(p.weight + (r * STEM_ROW + j) * STEM_C + k);
      sum = float2{fmaf(x, weight.x, sum.x), fmaf(x, weight.y, sum.y)};
    }
  }
  return float2{sum.x + p.bias[k], sum.y + p.bias[k + 1]};
}

KERNEL __launch_bounds__(256, 1) stem_forward_naive(const __grid_constant__ StemForward p) {
  const u32 pooled = p.side / 4, conv = p.side / 2;
  // Two channels a thread, because two codes share a byte.
  const u64 item = (u64)blockIdx.x * 256 + threadIdx.x;
  const u32 c = (u32)(item % (STEM_C / 2)) * 2;
  const u64 pixel = item / (STEM_C / 2);
  if (pixel >= (u64)p.n * pooled * pooled) return;
  const u32 image = (u32)(pixel / (pooled * pooled)), row = (u32)(pixel / pooled % pooled);
  const u32 column = (u32)(pixel % pooled);
  Best best = best_of_none();
  for (u32 position = 0; position < 9; position++) {
    const u32 h = 2 * row + position / 3 - 1, w = 2 * column + position % 3 - 1;
    if (h >= conv || w >= conv) continue;
    best_meet(best, position, stem_conv(p, image, h, w, c));
  }
  best_store(best, p, pixel, c);
}
EXPORT_KERNEL(stem_forward_naive)
