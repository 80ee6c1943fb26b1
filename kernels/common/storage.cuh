// How a tensor's elements are stored: from and to float32, in the order of mma.m16n8 accumulators.
//
// Of a row of 16 channels, two column tiles of 8, lane q of a quad (four neighbouring lanes) owns channels 2 q, 2 q + 1
// and 8 + 2 q, 8 + 2 q + 1. `read(at, j, ok, v)` fetches them for column tiles j and j + 1 of the row that `at` points
// to, zeros unless `ok`; `write` is the inverse. j is a constant, so it costs no address arithmetic. All lanes of a
// warp must call them together; a quad agrees on row and ok.
//
// float32: a lane's two channels are 8 bytes, a quad's 32: a whole sector. 16 bits: they would be 4 bytes and half a
// sector, so neighbours swap one pair: even lanes move four channels of the first tile, odd lanes of the second, and an
// access is 8 bytes a lane, 32 contiguous bytes a quad.
//
// 16-bit stores of gradients (GRADIENT) keep finite what is finite: beyond the range stands the largest value there is,
// not an infinity that would turn into NaN at the next product with zero. Activations beyond the range become infinite
// or NaN and stay so up to the logits, where the host sees that the network overflowed.
#pragma once
#include "common/access.cuh"

// Channels 2 q and 2 q + 1 of a tile of 8.
struct Pair {
  float x, y;
};

template <bool GRADIENT>
DEV float within(float v, float most) {
  return !GRADIENT ? v : v > most ? most : v < -most ? -most : v;
}

// A row of a tensor, and this lane's place in it; `lo` belongs to split tensors.
struct Cursor {
  u8 *at, *lo;
};

template <class Store>
DEV Cursor cursor(const void* plane, const void* plane_lo, u32 element) {
  const u64 bytes = (u64)(element + Store::lane()) * Store::BYTES;
  return {(u8*)plane + bytes, (u8*)plane_lo + bytes};
}

struct StoreF32 {
  static constexpr u32 BYTES = 4;
  static DEV_MEMBER u32 lane() { return 2 * (threadIdx.x & 3); }
  static DEV_MEMBER void read(const Cursor& from, u32 j, bool ok, Pair (&v)[2]) {
#pragma unroll
    for (u32 e = 0; e < 2; e++) {
      v[e] = {0.f, 0.f};
      if (ok) {
        const float2 two = *reinterpret_cast<const float2*>(from.at + 32 * (j + e));
        v[e] = {two.x, two.y};
      }
    }
  }
  template <bool GRADIENT>
  static DEV_MEMBER void write(const Cursor& to, u32 j, bool ok, const Pair (&v)[2]) {
#pragma unroll
    for (u32 e = 0; e < 2; e++) {
      float2 two;
      two.x = v[e].x;
      two.y = v[e].y;
      if (ok) *reinterpret_cast<float2*>(to.at + 32 * (j + e)) = two;
    }
  }
};

// A lane's two words of 16-bit values, one a tile of 8 channels, from and to four neighbouring channels of one tile.
DEV u32 lane16() { return 8 * (threadIdx.x & 1) + 2 * (threadIdx.x & 2); }

DEV void read_words(const u8* from, bool ok, u32 (&word)[2]) {
  uint2 four;
  four.x = four.y = 0;
  if (ok) four = *reinterpret_cast<const uint2*>(from);
  const bool odd = threadIdx.x & 1;
  const u32 theirs = __shfl_xor_sync(0xffffffffu, odd ? four.x : four.y, 1);
  word[0] = odd ? theirs : four.x;
  word[1] = odd ? four.y : theirs;
}

DEV void write_words(u8* to, bool ok, const u32 (&word)[2]) {
  const bool odd = threadIdx.x & 1;
  const u32 theirs = __shfl_xor_sync(0xffffffffu, odd ? word[0] : word[1], 1);
  uint2 four;
  four.x = odd ? theirs : word[0];
  four.y = odd ? word[1] : theirs;
  if (ok) *reinterpret_cast<uint2*>(to) = four;
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
  static constexpr u32 BYTES = 2;
  static DEV_MEMBER u32 lane() { return lane16(); }
  static DEV_MEMBER void read(const Cursor& from, u32 j, bool ok, Pair (&v)[2]) {
    u32 word[2];
    read_words(from.at + 16 * j, ok, word);
    v[0] = Type::unpack(word[0]);
    v[1] = Type::unpack(word[1]);
  }
  template <bool GRADIENT>
  static DEV_MEMBER void write(const Cursor& to, u32 j, bool ok, const Pair (&v)[2]) {
    u32 word[2];
#pragma unroll
    for (u32 e = 0; e < 2; e++) {
      word[e] = Type::pack(within<GRADIENT>(v[e].x, Type::most()), within<GRADIENT>(v[e].y, Type::most()));
    }
    write_words(to.at + 16 * j, ok, word);
  }
};

// Two fp16 planes: x = hi + lo, hi = fp16(x), lo = fp16(x - hi).
struct StoreSplit {
  static constexpr u32 BYTES = 2;
  static DEV_MEMBER u32 lane() { return lane16(); }
  static DEV_MEMBER void read(const Cursor& from, u32 j, bool ok, Pair (&v)[2]) {
    u32 hi[2], lo[2];
    read_words(from.at + 16 * j, ok, hi);
    read_words(from.lo + 16 * j, ok, lo);
#pragma unroll
    for (u32 e = 0; e < 2; e++) {
      const Pair h = F16::unpack(hi[e]), l = F16::unpack(lo[e]);
      v[e] = {h.x + l.x, h.y + l.y};
    }
  }
  template <bool GRADIENT>
  static DEV_MEMBER void write(const Cursor& to, u32 j, bool ok, const Pair (&v)[2]) {
    u32 hi[2], lo[2];
#pragma unroll
    for (u32 e = 0; e < 2; e++) {
      const float x = within<GRADIENT>(v[e].x, F16::most()), y = within<GRADIENT>(v[e].y, F16::most());
      hi[e] = F16::pack(x, y);
      const Pair h = F16::unpack(hi[e]);
      lo[e] = F16::pack(x - h.x, y - h.y);
    }
    write_words(to.at + 16 * j, ok, hi);
    write_words(to.lo + 16 * j, ok, lo);
  }
};
