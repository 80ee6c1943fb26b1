// Single gate bits out of words that are kept in mma accumulator-fragment order, and what a rule does with one.
//
// Rows are grouped by 16, channels by 64; a lane's word holds rows (lane >> 2) and (lane >> 2) + 8 of columns
// 8 j + 2 (lane & 3) and the next, j < 8: bit 4 j + 2 h + e for row half h and column parity e.
#pragma once
#include "device.cuh"

enum Rule : u32 { RULE_PLAIN = 0, RULE_GUIDED = 1, RULE_RECTIFIED = 2 };
enum RowOrder : u32 { ORDER_RASTER = 0, ORDER_PARITY = 1 };

// Row of pixel (image, y, x) of a tensor [n, side, side]. By parity: class 2 (y & 1) + (x & 1) first, each class
// padded to a multiple of 128 rows; side is even then.
DEV u32 gate_row(u32 order, u32 n, u32 side, u32 image, u32 y, u32 x) {
  if (order == ORDER_RASTER) return (image * side + y) * side + x;
  const u32 half = side / 2, rows = (n * half * half + 127) / 128 * 128;
  return (2 * (y & 1) + (x & 1)) * rows + (image * half + y / 2) * half + x / 2;
}

DEV u64 gate_word(u32 row, u32 channels, u32 c) {
  const u32 lane = (row & 7) * 4 + (c & 7) / 2;
  return ((u64)(row / 16) * (channels / 64) + c / 64) * 32 + lane;
}

DEV u32 gate_bit(u32 row, u32 c) { return (c & 63) / 8 * 4 + (row & 15) / 8 * 2 + (c & 1); }

// g after the gate: `open` is whether the ReLU let the activation through.
DEV float gate_apply(u32 rule, u32 open, float g) {
  if (rule != RULE_PLAIN && !(g > 0.0f)) g = 0.0f;
  return rule == RULE_RECTIFIED || open ? g : 0.0f;
}
