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

// `row` is the first of 16 rows of class `c`, `col` the first of 64 channels. No branches but around memory: what a
// launch does not have is neutral (no residual: zeros; no gates: all set; no ReLU: a floor of minus infinity).
template <class Store, bool DGRAD>
DEV void epilogue16x64(const ConvParams& p, const float (&acc)[8][4], u32 c, u32 row, u32 col) {
  const u32 lane = threadIdx.x & 31;
  const bool gated = p.gates && row < p.class_pixels;  // tiles of padding have no words
  u32* const word = p.gates + gate_word((c * p.class_rows + row) / 16, col / 64, p.channels / 64, lane);
  const u32 rule = p.gates ? p.rule : (u32)RULE_PLAIN;
  const float floor = p.relu ? 0.f : -__uint_as_float(0x7f800000u);
  u32 bits = DGRAD ? 0xffffffffu : 0;
  if (DGRAD && gated) bits = *word;
  bool ok[2], adds[2];
  Cursor to[2], from[2];
#pragma unroll
  for (u32 h = 0; h < 2; h++) {
    const Pixel at = pixel_of(p, c, row + (lane >> 2) + 8 * h);
    ok[h] = at.valid;
    to[h] = cursor<Store>(p.out, p.out_lo, place_of(p, at) * p.channels + col);
    const u32 residual = residual_pixel(p, at);
    adds[h] = residual != NOWHERE;
    from[h] = cursor<Store>(p.residual, p.residual_lo, residual + col);
  }
  const bool has_bias = !DGRAD && p.bias;
  const Cursor bias_at = cursor<StoreF32>(p.bias, nullptr, col);
#pragma unroll
  for (u32 j = 0; j < 8; j += 2) {
    Pair bias[2] = {};
    if (!DGRAD) StoreF32::read(bias_at, j, has_bias, bias);
#pragma unroll
    for (u32 h = 0; h < 2; h++) {
      Pair v[2], add[2];
      Store::read(from[h], j, adds[h], add);
#pragma unroll
      for (u32 e = 0; e < 2; e++) {
        const float(&sum)[4] = acc[j + e];
        v[e] = {sum[2 * h] * p.out_scale, sum[2 * h + 1] * p.out_scale};
        if (!DGRAD) v[e] = {v[e].x + bias[e].x, v[e].y + bias[e].y};
        v[e] = {v[e].x + add[e].x, v[e].y + add[e].y};
        const u32 bit = 4 * (j + e) + 2 * h;
        if (DGRAD) {
          v[e] = {apply_gate(v[e].x, bits >> bit & 1, rule), apply_gate(v[e].y, bits >> bit & 2, rule)};
        } else {
          bits |= (u32)(ok[h] && v[e].x > 0.f) << bit | (u32)(ok[h] && v[e].y > 0.f) << (bit + 1);
          v[e] = {v[e].x <= floor ? floor : v[e].x, v[e].y <= floor ? floor : v[e].y};  // NaN stays, to be seen
        }
      }
      Store::template write<DGRAD>(to[h], j, ok[h], v);
    }
  }
  if (!DGRAD && gated) *word = bits;
}
