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
  if (!p.residual || !at.valid || odd) return NOWHERE;
  const u32 y = (at.y >> shift) * p.stride_read, x = (at.x >> shift) * p.stride_read;
  return ((at.image * p.residual_side + y) * p.residual_side + x) * p.channels;
}

// `row` is the first of 16 rows of class `c`, `col` the first of 64 channels.
template <class Store, bool DGRAD>
DEV void epilogue16x64(const ConvParams& p, const float (&acc)[8][4], u32 c, u32 row, u32 col) {
  if (row >= p.class_pixels) return;  // the same for the whole warp: tiles of padding have no words
  const u32 lane = threadIdx.x & 31;
  u32* const word = p.gates + gate_word((c * p.class_rows + row) / 16, col / 64, p.channels / 64, lane);
  const bool gated = p.gates != nullptr;
  u32 bits = DGRAD && gated ? *word : 0;
  bool ok[2];
  u32 to[2], from[2];
#pragma unroll
  for (u32 h = 0; h < 2; h++) {
    const Pixel at = pixel_of(p, c, row + (lane >> 2) + 8 * h);
    ok[h] = at.valid;
    to[h] = place_of(p, at) * p.channels + col;
    from[h] = residual_pixel(p, at);
  }
#pragma unroll
  for (u32 j = 0; j < 8; j += 2) {
    Pair bias[2] = {};
    if (!DGRAD && p.bias) StoreF32::read(p.bias, nullptr, col + 8 * j, true, bias);
#pragma unroll
    for (u32 h = 0; h < 2; h++) {
      Pair v[2], add[2];
      if (p.residual) Store::read(p.residual, p.residual_lo, from[h] + col + 8 * j, from[h] != NOWHERE, add);
#pragma unroll
      for (u32 e = 0; e < 2; e++) {
        const float(&sum)[4] = acc[j + e];
        v[e] = {sum[2 * h] * p.out_scale, sum[2 * h + 1] * p.out_scale};
        if (!DGRAD) v[e] = {v[e].x + bias[e].x, v[e].y + bias[e].y};
        if (p.residual) v[e] = {v[e].x + add[e].x, v[e].y + add[e].y};
        const u32 bit = 4 * (j + e) + 2 * h;
        if (DGRAD) {
          if (gated) v[e] = {apply_gate(v[e].x, bits >> bit & 1, p.rule), apply_gate(v[e].y, bits >> bit & 2, p.rule)};
        } else {
          if (ok[h]) bits |= (u32)(v[e].x > 0.f) << bit | (u32)(v[e].y > 0.f) << (bit + 1);
          if (p.relu) v[e] = {v[e].x <= 0.f ? 0.f : v[e].x, v[e].y <= 0.f ? 0.f : v[e].y};  // NaN stays to be seen
        }
      }
      Store::write(p.out, p.out_lo, to[h] + 8 * j, ok[h], v);
    }
  }
  if (!DGRAD && gated) *word = bits;
}
