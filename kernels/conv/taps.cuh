// The walk over the sum: terms, taps and channels, the same for all rows of a block.
//
// In dgrad with stride 2 a pixel meets only taps with ky = y + pad and kx = x + pad modulo 2. The rows of a block have
// one parity, so the block walks those alone: 1, 2, 2 or 4 of the 9 taps of a 3x3, 1 or none of a 1x1.
#pragma once
#include "conv/params.cuh"

template <bool DGRAD>
struct Walk {
  u32 term, ky, kx, k;

  static DEV_MEMBER u32 step(const ConvTerm& t) { return DGRAD ? t.stride : 1; }
  // First tap along y (class bit 1) or x (class bit 0).
  static DEV_MEMBER u32 first(const ConvTerm& t, u32 parity) {
    return DGRAD && t.stride == 2 ? (parity + t.pad) & 1 : 0;
  }

  DEV_MEMBER void start_term(const ConvParams& p, u32 c) {
    ky = first(p.term[term], c >> 1);
    kx = first(p.term[term], c & 1);
    k = 0;
  }
  // To the first tap of the first term that has one.
  DEV_MEMBER void start(const ConvParams& p, u32 c) {
    term = 0;
    start_term(p, c);
    skip_empty(p, c);
  }
  DEV_MEMBER void skip_empty(const ConvParams& p, u32 c) {
    while (term < p.terms && (ky >= p.term[term].kernel || kx >= p.term[term].kernel)) {
      if (++term < p.terms) start_term(p, c);
    }
  }
  DEV_MEMBER bool done(const ConvParams& p) const { return term >= p.terms; }
  DEV_MEMBER u32 tap(const ConvParams& p) const { return ky * p.term[term].kernel + kx; }
  // `n` channels on; true if that led to another tap.
  DEV_MEMBER bool advance(const ConvParams& p, u32 c, u32 n) {
    const ConvTerm& t = p.term[term];
    k += n;
    if (k < t.channels) return false;
    k = 0;
    kx += step(t);
    if (kx >= t.kernel) {
      kx = first(t, c & 1);
      ky += step(t);
      if (ky >= t.kernel) {
        if (++term < p.terms) start_term(p, c);
        skip_empty(p, c);
      }
    }
    return true;
  }
};

// Steps of `n` channels in the whole walk.
template <bool DGRAD>
DEV u32 walk_steps(const ConvParams& p, u32 c, u32 n) {
  u32 steps = 0;
  for (u32 i = 0; i < p.terms; i++) {
    const ConvTerm& t = p.term[i];
    const u32 s = Walk<DGRAD>::step(t), fy = Walk<DGRAD>::first(t, c >> 1), fx = Walk<DGRAD>::first(t, c & 1);
    const u32 ny = (t.kernel - fy + s - 1) / s, nx = (t.kernel - fx + s - 1) / s;  // 0 if the first is beyond
    steps += ny * nx * (t.channels / n);
  }
  return steps;
}
