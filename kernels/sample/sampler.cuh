// Copies of one picture, made where they are read: noise, points on a path, pixels hidden under a mask.
//
// Double precision, rounded once, and no contraction: the same bits as the samplers of the host.
#pragma once
#include "common/stored.cuh"

enum SamplerKind : u32 {
  SAMPLE_NONE = 0,   // [n] pictures of their own
  SAMPLE_NOISE = 1,  // picture + sigma z
  SAMPLE_PATH = 2,   // other + alpha (picture - other)
  SAMPLE_BITS = 3,   // picture where the pixel's bit is 1, other where it is 0
  SAMPLE_BLEND = 4,  // other + mask (picture - other), one float a pixel
};

// What changes from one batch of copies to the next; in device memory, so that a captured graph can be replayed.
struct SampleState {
  u64 seed, key;
  double sigma;
  u32 first;  // number of the first copy
  u32 pad;
};

struct Sampler {
  const float* picture;      // [side, side, 3]; SAMPLE_NONE: [n, side, side, 3]
  const float* other;        // baseline or fill, [side, side, 3]
  const void* of_sample;     // by sample number: alpha (double), mask (bits: [ceil(side^2 / 32)] words; blend: [side^2])
  const SampleState* state;  // one
  u32 kind;
  u32 pad;
};

// Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011).
DEV void philox4x32(u32 (&c)[4], u32 k0, u32 k1) {
#pragma unroll
  for (int round = 0; round < 10; round++) {
    const u64 a = (u64)c[0] * 0xd2511f53u, b = (u64)c[2] * 0xcd9e8d57u;
    const u32 c1 = c[1], c3 = c[3];
    c[0] = (u32)(b >> 32) ^ c1 ^ k0;
    c[1] = (u32)b;
    c[2] = (u32)(a >> 32) ^ c3 ^ k1;
    c[3] = (u32)a;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
}

// ln x = e ln 2 + 2 (s + s^3/3 + ... + s^13/13), s = (m - 1) / (m + 1), x = m 2^e, m from 1/sqrt 2 to sqrt 2.
DEV double sampler_ln(double x) {
  const u64 one = 1023ull << 52, root = 0x3fe6a09e667f3bcdull;
  u64 bits;
  memcpy(&bits, &x, 8);
  const u64 shifted = bits + (one - root);
  const int exponent = (int)(shifted >> 52) - 1023;
  const u64 mantissa = (shifted & ((1ull << 52) - 1)) + root;
  double m;
  memcpy(&m, &mantissa, 8);
  const double s = (m - 1.0) / (m + 1.0), t = s * s;
  double sum = 1.0 / 13.0;
  sum = sum * t + 1.0 / 11.0;
  sum = sum * t + 1.0 / 9.0;
  sum = sum * t + 1.0 / 7.0;
  sum = sum * t + 1.0 / 5.0;
  sum = sum * t + 1.0 / 3.0;
  sum = sum * t + 1.0;
  return (double)exponent * 0.693147180559945309417232121458 + 2.0 * s * sum;
}

// The normal deviate for 32 uniform bits: PPND7 of Wichura 1988 (Applied Statistics 37, AS 241).
DEV double sampler_normal(u32 bits) {
  const double q = ((double)bits - 2147483647.5) * (1.0 / 4294967296.0), size = q < 0.0 ? -q : q;
  if (size <= 0.425) {
    const double r = 0.180625 - q * q;
    const double above = ((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179;
    const double below = ((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0;
    return q * above / below;
  }
  const double r = sqrt(-sampler_ln(0.5 - size)) - 1.6;
  const double above = ((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777;
  const double below = (0.12021132975 * r + 0.73700164250) * r + 1.0;
  const double z = above / below;
  return q < 0.0 ? -z : z;
}

// Elements 4 block to 4 block + 3 of copy `copy` of this batch; a copy has `elements`, a multiple of four.
DEV float4 sample4(const Sampler& s, u32 elements, u32 copy, u32 block) {
  if (s.kind == SAMPLE_NONE) return load4(s.picture + (u64)copy * elements + 4 * block);
  const float4 x = load4(s.picture + 4 * block);
  const float in[4] = {x.x, x.y, x.z, x.w};
  float out[4];
  const u32 sample = s.state->first + copy;
  if (s.kind == SAMPLE_NOISE) {
    u32 words[4] = {block & 0x00ffffffu, sample, (u32)s.state->key, (u32)(s.state->key >> 32)};
    philox4x32(words, (u32)s.state->seed, (u32)(s.state->seed >> 32));
    const double sigma = s.state->sigma;
#pragma unroll
    for (int i = 0; i < 4; i++) out[i] = (float)((double)in[i] + sigma * sampler_normal(words[i]));
  } else {
    const float4 y = load4(s.other + 4 * block);
    const float other[4] = {y.x, y.y, y.z, y.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const u32 pixel = (4 * block + i) / 3, pixels = elements / 3;
      if (s.kind == SAMPLE_BITS) {
        const u32 words = (pixels + 31) / 32;
        const u32 word = ((const u32*)s.of_sample)[(u64)sample * words + pixel / 32];
        out[i] = word >> (pixel % 32) & 1 ? in[i] : other[i];
      } else {
        const double alpha = s.kind == SAMPLE_PATH ? ((const double*)s.of_sample)[sample]
                                                   : (double)((const float*)s.of_sample)[(u64)sample * pixels + pixel];
        out[i] = (float)((double)other[i] + alpha * ((double)in[i] - (double)other[i]));
      }
    }
  }
  return float4{out[0], out[1], out[2], out[3]};
}
