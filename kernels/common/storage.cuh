// How a tensor's elements are stored: pairs of neighbouring channels in and out of float32.
//
// A storage type has `read(plane, plane_lo, i)`, which gives elements i and i + 1 as float32, and `write`, the inverse;
// i is even. 16-bit stores keep finite what is finite: a gradient beyond the range becomes the largest value there is,
// not an infinity that would turn into NaN at the next product with zero. NaN stays NaN.
#pragma once
#include "common/access.cuh"

struct Pair {
  float x, y;
};

DEV float clamp_to(float v, float most) { return v > most ? most : v < -most ? -most : v; }

struct StoreF32 {
  static DEV_MEMBER Pair read(const void* plane, const void*, u32 i) {
    const float2 v = *reinterpret_cast<const float2*>(static_cast<const float*>(plane) + i);
    return {v.x, v.y};
  }
  static DEV_MEMBER void write(void* plane, void*, u32 i, Pair v) {
    float2 to;
    to.x = v.x;
    to.y = v.y;
    *reinterpret_cast<float2*>(static_cast<float*>(plane) + i) = to;
  }
};

DEV Pair unpack_f16(u32 v) { return {f16_to_f32(f16{(u16)v}), f16_to_f32(f16{(u16)(v >> 16)})}; }
DEV Pair unpack_bf16(u32 v) { return {__uint_as_float(v << 16), __uint_as_float(v & 0xffff0000u)}; }

DEV u32 word_at(const void* plane, u32 i) { return *reinterpret_cast<const u32*>(static_cast<const u16*>(plane) + i); }
DEV void set_word(void* plane, u32 i, u32 v) { *reinterpret_cast<u32*>(static_cast<u16*>(plane) + i) = v; }

struct StoreF16 {
  static DEV_MEMBER Pair read(const void* plane, const void*, u32 i) {
    return unpack_f16(word_at(plane, i));
  }
  static DEV_MEMBER void write(void* plane, void*, u32 i, Pair v) {
    set_word(plane, i, pack_f16(clamp_to(v.x, 65504.f), clamp_to(v.y, 65504.f)));
  }
};

struct StoreBf16 {
  static DEV_MEMBER Pair read(const void* plane, const void*, u32 i) {
    return unpack_bf16(word_at(plane, i));
  }
  static DEV_MEMBER void write(void* plane, void*, u32 i, Pair v) {
    const float most = __uint_as_float(0x7f7f0000u);
    set_word(plane, i, pack_bf16(clamp_to(v.x, most), clamp_to(v.y, most)));
  }
};

// Two fp16 planes: x = hi + lo.
struct StoreSplit {
  static DEV_MEMBER Pair read(const void* plane, const void* plane_lo, u32 i) {
    const Pair hi = unpack_f16(word_at(plane, i)), lo = unpack_f16(word_at(plane_lo, i));
    return {hi.x + lo.x, hi.y + lo.y};
  }
  static DEV_MEMBER void write(void* plane, void* plane_lo, u32 i, Pair v) {
    v.x = clamp_to(v.x, 65504.f);
    v.y = clamp_to(v.y, 65504.f);
    const u32 word = pack_f16(v.x, v.y);
    const Pair hi = unpack_f16(word);
    set_word(plane, i, word);
    set_word(plane_lo, i, pack_f16(v.x - hi.x, v.y - hi.y));
  }
};
