// conv: one sum serves a convolution and its input gradient.
//
//   out[row, col] = epilogue( sum over terms, taps, k of  a[source(row, tap), k] * w[tap, k, col] )
//
//   row     a pixel of the tensor written, in raster or parity order (rows.cuh)
//   col     a channel of the tensor written; k a channel of the tensor read
//   forward source = (y * stride + ky - pad,   x * stride + kx - pad)     w[tap][k][col]: col contiguous in memory
//   dgrad   source = ((y + pad - ky) / stride, (x + pad - kx) / stride)   w[tap][col][k]: k contiguous in memory
//           where the division leaves no rest and the source lies inside the tensor read
//
// It is the same [tap][c_in][c_out] copy of the weights both times. Two terms are two convolutions whose results are
// added: forward the last 1x1 of a block and its projection, backward the first 1x1 and the projection. They share an
// accumulator, so the projection's own output never exists.
//
// Activations are NHWC, `[images, side, side, channels]`. All channels are multiples of 64, so no step of 16 or 32
// k straddles two taps. The order of summation of one output is (term, ky, kx, k), whatever the tile.
#pragma once
#include "common/access.cuh"

struct ConvTerm {
  const void* a;     // tensor read: [images, side, side, channels]
  const void* a_lo;  // its lower halves, if split
  const void* w;     // [kernel * kernel][c_in][c_out]
  const void* w_lo;
  u32 side, channels, kernel, stride, pad, unused;
};

// Division of r < 2^31 by a number d known to the host: r * magic >> shift with shift = 31 + ceil(log2 d) and
// magic = ceil(2^shift / d). The rounding up adds less than 2^31 * 2^(shift - 31) / (d 2^shift) = 1 / d.
struct Divisor {
  u32 magic, shift;
};
DEV u32 divide(u32 r, Divisor d) { return (u32)((u64)r * d.magic >> d.shift); }

struct ConvParams {
  ConvTerm term[2];
  const void* residual;  // [images, residual_side, residual_side, channels] or null
  const void* residual_lo;
  void* out;  // [images, side, side, channels]
  void* out_lo;
  const float* bias;  // [channels] or null
  u32* gates;         // written forward, read in dgrad; or null
  u32 terms, images, side, channels;
  u32 class_pixels, class_rows, parity;
  u32 residual_side, stride_read, stride_write;
  u32 relu, rule;
  float out_scale;
  u32 unused;
  Divisor by_area, by_side;  // of one image, in one class
};
