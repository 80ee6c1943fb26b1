// How a tensor's elements are stored: from and to float32, in the order of mma.m16n8 accumulators.
//
// In a row of 16 channels, two column tiles of 8, lane q of a quad (four neighbouring lanes) owns channels 2 q, 2 q + 1
// and 8 + 2 q, 8 + 2 q + 1. `read(plane, plane_lo, i, ok, v)` fetches them for the row whose channel 0 is element i,
// zeros unless `ok`; `write` is the inverse. All lanes of a warp must call them together; a quad agrees on i and ok.
//
// float32: a lane's two channels are 8 bytes, a quad's 32: a whole sector. 16 bits: they would be 4 bytes and half a
// sector, so neighbours swap one pair: even lanes move four channels of the first tile, odd lanes of the second, and an
// access is 8 bytes a lane, 32 contiguous bytes a quad.
//
// 16-bit stores keep finite what is finite: a gradient beyond the range becomes the largest value there is, not an
// infinity that would turn into NaN at the next product with zero. NaN stays NaN.
#pragma once
#include "common/access.cuh"

// Channels 2 q and 2 q + 1 of a tile of 8.
struct Pair {
  float x, y;
};

DEV float clamp_to(float v, float most) { return v > most ? most : v < -most ? -most : v; }

struct StoreF32 {
  static DEV_MEMBER void read(const void* plane, const void*, u32 i, bool ok, Pair (&v)[2]) {
    const float* const from = static_cast<const float*>(plane) + i + 2 * (threadIdx.x & 3);
#pragma unroll
    for (u32 tile = 0; tile < 2; tile++) {
      v[tile] = {0.f, 0.f};
      if (ok) {
        const float2 two = *reinterpret_cast<const float2*>(from + 8 * tile);
        v[tile] = {two.x, two.y};
      }
    }
  }
  static DEV_MEMBER void write(void* plane, void*, u32 i, bool ok, const Pair (&v)[2]) {
    float* const to = static_cast<float*>(plane) + i + 2 * (threadIdx.x & 3);
#pragma unroll
    for (u32 tile = 0; tile < 2; tile++) {
      float2 two;
      two.x = v[tile].x;
      two.y = v[tile].y;
      if (ok) *reinterpret_cast<float2*>(to + 8 * tile) = two;
    }
  }
};

// The two words of a lane, one a tile of 8 channels, to and from the row of 16 channels at element i.
DEV u32 sixteen_place(u32 i) { return i + 8 * (threadIdx.x & 1) + 2 * (threadIdx.x & 2); }

DEV void read_words(const void* plane, u32 i, bool ok, u32 (&word)[2]) {
  uint2 four;
  four.x = four.y = 0;
  if (ok) four = *reinterpret_cast<const uint2*>(static_cast<const u16*>(plane) + sixteen_place(i));
  const bool odd = threadIdx.x & 1;
  const u32 theirs = __shfl_xor_sync(0xffffffffu, odd ? four.x : four.y, 1);
  word[0] = odd ? theirs : four.x;
  word[1] = odd ? four.y : theirs;
}

DEV void write_words(void* plane, u32 i, bool ok, const u32 (&word)[2]) {
  const bool odd = threadIdx.x & 1;
  const u32 theirs = __shfl_xor_sync(0xffffffffu, odd ? word[0] : word[1], 1);
  uint2 four;
  four.x = odd ? theirs : word[0];
  four.y = odd ? word[1] : theirs;
  if (ok) *reinterpret_cast<uint2*>(static_cast<u16*>(plane) + sixteen_place(i)) = four;
}

struct F16 {
  static DEV_MEMBER float most() { return 65504.f; }
  static DEV_MEMBER u32 pack(float x, float y) { return pack_f16(x, y); }
  static DEV_MEMBER Pair unpack(u32 v) { return {f16_to_f32(f16{(u16)v}), f16_to_f32(f16{(u16)(v >> 16)})}; }
};

struct Bf16 {
  static DEV_MEMBER float most() { return __uint_as_float(0x7f7f0000u); }
  static DEV_MEMBER u32 pack(float x, float y) { return pack_bf16(x, y); }
  static DEV_MEMBER Pair unpack(u32 v) { return {__uint_as_float(v << 16), __uint_as_float(v & 0xffff0000u)}; }
};

template <class Type>
struct Store16 {
  static DEV_MEMBER void read(const void* plane, const void*, u32 i, bool ok, Pair (&v)[2]) {
    u32 word[2];
    read_words(plane, i, ok, word);
    v[0] = Type::unpack(word[0]);
    v[1] = Type::unpack(word[1]);
  }
  static DEV_MEMBER void write(void* plane, void*, u32 i, bool ok, const Pair (&v)[2]) {
    u32 word[2];
#pragma unroll
    for (u32 tile = 0; tile < 2; tile++) {
      word[tile] = Type::pack(clamp_to(v[tile].x, Type::most()), clamp_to(v[tile].y, Type::most()));
    }
    write_words(plane, i, ok, word);
  }
};

// Two fp16 planes: x = hi + lo, hi = fp16(x), lo = fp16(x - hi).
struct StoreSplit {
  static DEV_MEMBER void read(const void* plane, const void* plane_lo, u32 i, bool ok, Pair (&v)[2]) {
    u32 hi[2], lo[2];
    read_words(plane, i, ok, hi);
    read_words(plane_lo, i, ok, lo);
#pragma unroll
    for (u32 tile = 0; tile < 2; tile++) {
      const Pair h = F16::unpack(hi[tile]), l = F16::unpack(lo[tile]);
      v[tile] = {h.x + l.x, h.y + l.y};
    }
  }
  static DEV_MEMBER void write(void* plane, void* plane_lo, u32 i, bool ok, const Pair (&v)[2]) {
    u32 hi[2], lo[2];
#pragma unroll
    for (u32 tile = 0; tile < 2; tile++) {
      const float x = clamp_to(v[tile].x, F16::most()), y = clamp_to(v[tile].y, F16::most());
      hi[tile] = F16::pack(x, y);
      const Pair h = F16::unpack(hi[tile]);
      lo[tile] = F16::pack(x - h.x, y - h.y);
    }
    write_words(plane, i, ok, hi);
    write_words(plane_lo, i, ok, lo);
  }
};
