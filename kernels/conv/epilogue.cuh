// What follows the sum, on accumulators in the order of mma.m16n8: lane owns rows lane/4 and lane/4 + 8 of a tile of 16
// rows, and channels 8 j + 2 (lane % 4) and the next one for j = 0..7.
//
//   forward  v = acc * out_scale + bias[col] + residual;  gate = v > 0;  out = relu ? max(v, 0) : v
//   dgrad    g = acc * out_scale + residual;              out = rule(g, gate)
//
// The gate is taken from the float32 value, before rounding. Bits of a lane's 32 values are one word: gates are written
// and read as 128 contiguous bytes a warp. The residual may lie where the output goes: a lane reads an element before
// it writes it, and no other lane touches it.
#pragma once
#include "common/gates.cuh"
#include "common/storage.cuh"
#include "conv/rows.cuh"

// Element of channel 0 of the residual's pixel, or NOWHERE.
DEV u32 residual_pixel(const ConvParams& p, const Pixel& at) {
  const u32 shift = p.stride_write - 1, odd = (at.y | at.x) & shift;
  if (!p.residual || odd) return NOWHERE;
  const u32 y = (at.y >> shift) * p.stride_read, x = (at.x >> shift) * p.stride_read;
  return ((at.image * p.residual_side + y) * p.residual_side + x) * p.channels;
}

// `row` is the first of 16 rows of class `c`, `col` the first of 64 channels.
template <class Store, bool DGRAD>
DEV void epilogue16x64(const ConvParams& p, const float (&acc)[8][4], u32 c, u32 row, u32 col) {
  if (row >= p.class_pixels) return;  // the same for the whole warp: tiles of padding have no words
  const u32 lane = threadIdx.x & 31, quad = 2 * (lane & 3);
  u32* const word = p.gates + gate_word((c * p.class_rows + row) / 16, col / 64, p.channels / 64, lane);
  const bool gated = p.gates != nullptr;
  u32 bits = DGRAD && gated ? *word : 0;
#pragma unroll
  for (u32 h = 0; h < 2; h++) {
    const Pixel at = pixel_of(p, c, row + (lane >> 2) + 8 * h);
    if (!at.valid) continue;
    const u32 to = place_of(p, at) * p.channels + col + quad, from = residual_pixel(p, at);
#pragma unroll
    for (u32 j = 0; j < 8; j++) {
      Pair v = {acc[j][2 * h] * p.out_scale, acc[j][2 * h + 1] * p.out_scale};
      if (!DGRAD && p.bias) {
        const float2 bias = *reinterpret_cast<const float2*>(p.bias + col + 8 * j + quad);
        v.x += bias.x;
        v.y += bias.y;
      }
      if (from != NOWHERE) {
        const Pair r = Store::read(p.residual, p.residual_lo, from + col + 8 * j + quad);
        v.x += r.x;
        v.y += r.y;
      }
      const u32 bit = 4 * j + 2 * h;
      if (DGRAD) {
        if (gated) {
          v.x = apply_gate(v.x, bits >> bit & 1, p.rule);
          v.y = apply_gate(v.y, bits >> (bit + 1) & 1, p.rule);
        }
      } else {
        bits |= (u32)(v.x > 0.f) << bit | (u32)(v.y > 0.f) << (bit + 1);
        if (p.relu) {  // NaN stays, so that it is seen
          v.x = v.x <= 0.f ? 0.f : v.x;
          v.y = v.y <= 0.f ? 0.f : v.y;
        }
      }
      Store::write(p.out, p.out_lo, to + 8 * j, v);
    }
  }
  if (!DGRAD && gated) *word = bits;
}
