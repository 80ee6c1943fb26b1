// Gates of ReLUs: one bit an output, in the order of the accumulators of mma.m16n8, and what a gradient does at them.
//
// A warp's tile of 16 rows x 64 channels is one word a lane: bit 4 j + 2 h + e is row lane/4 + 8 h,
// channel 8 j + 2 (lane % 4) + e. Words of a tile are contiguous: 128 bytes.
#pragma once
#include "common/access.cuh"

enum Rule : u32 { RULE_PLAIN = 0, RULE_GUIDED = 1, RULE_RECTIFIED = 2 };

// Index of a lane's word for the tile of rows `row_tile` (row / 16) and channels `group` (channel / 64).
DEV u32 gate_word(u32 row_tile, u32 group, u32 groups, u32 lane) { return (row_tile * groups + group) * 32 + lane; }

// plain: g where the bit is set; guided: also g > 0; rectified: g > 0 alone. NaN passes as a positive gradient does.
DEV float apply_gate(float g, u32 bit, u32 rule) {
  const bool passes = (rule == RULE_RECTIFIED || bit) && (rule == RULE_PLAIN || !(g <= 0.f));
  return passes ? g : 0.f;
}
