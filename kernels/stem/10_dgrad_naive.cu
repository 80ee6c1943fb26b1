// stem gradient, naive: one thread a pixel of the picture; it gathers over the filter, un-pooling as it goes.
//
//   dx[h,w,c] = unscale * sum over r,s,k of unpool(d)[p,q,k] * w[r,s,c,k],   2p + r = h + 3,   2q + s = w + 3
//
// Shapes and parameters: stem/params.cuh. Arithmetic in float32. Bound by loads: every element of the convolution's
// map is un-pooled for each of the 12 pixels that it reaches; expect 50 us an image.
// opcodes all: FFMA
#include "stem/unpool.cuh"

KERNEL __launch_bounds__(256) stem_dgrad_naive(const __grid_constant__ StemDgrad p) {
  const u64 pixel = (u64)blockIdx.x * 256 + threadIdx.x;
  if (pixel >= (u64)p.n * p.side * p.side) return;
  const u32 image = (u32)(pixel / (p.side * p.side)), h = (u32)(pixel / p.side % p.side), w = (u32)(pixel % p.side);
  const u32 conv = p.side / 2, pooled = p.side / 4;
  float sum[3] = {0.0f, 0.0f, 0.0f};
  for (u32 r = (h + 1) & 1; r < 7; r += 2) {
    const u32 y = (h + 3 - r) / 2;
    if (h + 3 < r || y >= conv) continue;
    for (u32 s = (w + 1) & 1; s < 7; s += 2) {
      const u32 x = (w + 3 - s) / 2;
      if (w + 3 < s || x >= conv) continue;
      for (u32 k = 0; k < STEM_C; k++) {
        const float d = unpool(p.d, p.codes, pooled, p.rule, p.border, image, y, x, k);
        for (u32 c = 0; c < 3; c++) sum[c] = fmaf(d, p.weight[(r * STEM_ROW + 3 * s + c) * STEM_C + k], sum[c]);
      }
    }
  }
  for (u32 c = 0; c < 3; c++) p.dx[pixel * 3 + c] = sum[c] * p.unscale[image];
}
EXPORT_KERNEL(stem_dgrad_naive)
