// convert: between floats and what is stored, and gates applied to a gradient that has none yet.
//
// Two channels a thread. Bound by memory: each element is read once and written once; 4.3 TB/s.
// opcodes all: LDG.E.64 STG.E.64
#include "common/gate_bit.cuh"
#include "common/stored.cuh"

struct ConvertPack {
  const float* x;  // [len]
  Stored y;        // [len]
  u64 len;         // even
};

// y = x, rounded or split; what is finite stays finite.
KERNEL __launch_bounds__(256) convert_pack(const __grid_constant__ ConvertPack p) {
  const u64 i = 2 * ((u64)blockIdx.x * 256 + threadIdx.x);
  if (i >= p.len) return;
  stored_put2(p.y, i, *(const float2*)(p.x + i));
}
EXPORT_KERNEL(convert_pack)

struct ConvertUnpack {
  Stored x;              // [n, len]
  const float* unscale;  // [n], or null
  float* y;              // [n, len]
  u64 len;               // of an image, even
  u32 n, pad;
};

// y = x * unscale.
KERNEL __launch_bounds__(256) convert_unpack(const __grid_constant__ ConvertUnpack p) {
  const u64 i = 2 * ((u64)blockIdx.x * 256 + threadIdx.x);
  if (i >= p.n * p.len) return;
  const float scale = p.unscale ? p.unscale[i / p.len] : 1.0f;
  const float2 v = stored_get2(p.x, i);
  *(float2*)(p.y + i) = float2{v.x * scale, v.y * scale};
}
EXPORT_KERNEL(convert_unpack)

struct ConvertGate {
  Stored g;          // [n, side, side, channels], in place
  const u32* gates;  // of the same tensor
  u32 n, side, channels, order;
  u32 rule, pad;
};

// g = gate(g).
KERNEL __launch_bounds__(256) convert_gate(const __grid_constant__ ConvertGate p) {
  const u64 i = 2 * ((u64)blockIdx.x * 256 + threadIdx.x);
  const u64 pixel = i / p.channels;
  if (pixel >= (u64)p.n * p.side * p.side) return;
  const u32 c = (u32)(i % p.channels), x = (u32)(pixel % p.side), y = (u32)(pixel / p.side % p.side);
  const u32 row = gate_row(p.order, p.n, p.side, (u32)(pixel / ((u64)p.side * p.side)), y, x);
  const u32 word = p.gates[gate_word(row, p.channels, c)], bit = gate_bit(row, c);
  const float2 g = stored_get2(p.g, i);
  stored_put_gradient2(p.g, i, float2{gate_apply(p.rule, word >> bit & 1, g.x), gate_apply(p.rule, word >> bit & 2, g.y)});
}
EXPORT_KERNEL(convert_gate)
