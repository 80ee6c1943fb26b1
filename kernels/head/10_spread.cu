// head, spread: the gradient of the mean goes to every pixel, scaled per image by a power of two and gated.
//
//   dz[pixel,c] = gate(dpool[c] * 2^s),   unscale = 2^-s,   s such that the largest |dpool| falls into a chosen binade
//
// A block has one image and seven of its pixels; it looks for the largest |dpool| itself (8 KB, from L2), so there is
// no pass of its own for it. No gradient at all, or one that is not finite, gets s = 0.
//
// Shapes and parameters: head/params.cuh. Bound by memory: 0.2 to 0.4 MB written an image and 12.5 KB of gates read,
// 0.1 us at 4.3 TB/s. Predicted: 0.15 us an image.
// opcodes all: SHFL LDS.128 STG.E.64
#include "head/params.cuh"

constexpr u32 PIXELS = 7;

KERNEL __launch_bounds__(256) head_spread(const __grid_constant__ HeadSpread p) {
  DYN_SMEM(smem);
  u32* const part = (u32*)smem;  // [8]
  const u32 t = threadIdx.x, image = blockIdx.y;
  const float* const dpool = p.dpool + (u64)image * p.channels;
  // Sizes of floats compare as their bits do; a NaN is larger than all of them.
  u32 largest = 0;
  for (u32 c = t; c < p.channels; c += 256) {
    const u32 size = __float_as_uint(dpool[c]) & 0x7fffffffu;
    largest = size > largest ? size : largest;
  }
  for (u32 step = 16; step > 0; step /= 2) {
    const u32 other = __shfl_xor_sync(0xffffffffu, largest, step);
    largest = other > largest ? other : largest;
  }
  if (t % 32 == 0) part[t / 32] = largest;
  __syncthreads();
  for (u32 w = 0; w < 8; w++) largest = part[w] > largest ? part[w] : largest;
  int s = 0;
  if (p.scaled && largest != 0 && largest < 0x7f800000u) {
    // Subnormal numbers count as the smallest normal ones; both 2^s and 2^-s are normal.
    const int exponent = (int)(largest >> 23) > 0 ? (int)(largest >> 23) : 1;
    s = p.binade - (exponent - 127);
    s = s > 126 ? 126 : s < -126 ? -126 : s;
  }
  const float scale = __uint_as_float((u32)(127 + s) << 23);
  if (blockIdx.x == 0 && t == 0) p.unscale[image] = __uint_as_float((u32)(127 - s) << 23);

  for (u32 i = t; i < PIXELS * p.channels / 2; i += 256) {
    const u32 pixel = blockIdx.x * PIXELS + i / (p.channels / 2), c = i % (p.channels / 2) * 2;
    if (pixel >= p.pixels) break;
    const u32 row = image * p.pixels + pixel;
    float2 g = float2{dpool[c] * scale, dpool[c + 1] * scale};
    if (p.gates) {
      const u32 word = p.gates[gate_word(row, p.channels, c)], bit = gate_bit(row, c);
      g.x = gate_apply(p.rule, word >> bit & 1, g.x);
      g.y = gate_apply(p.rule, word >> bit & 2, g.y);
    }
    stored_put_gradient2(p.dz, (u64)row * p.channels + c, g);
  }
}
EXPORT_KERNEL(head_spread)
