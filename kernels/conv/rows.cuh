// Rows: which pixel a row of the product is, and which pixel of the tensor read a tap of it meets.
//
// Raster: row = (image * side + y) * side + x. Parity: four classes, class = 2 (y & 1) + (x & 1), each padded to a
// multiple of 128 rows; inside a class raster order over halved coordinates. A block lies in one class (blockIdx.z).
#pragma once
#include "conv/params.cuh"

struct Pixel {
  u32 image, y, x;
  bool valid;  // false for the rows that pad a class
};

// Pixel of row `r` of class `c`.
DEV Pixel pixel_of(const ConvParams& p, u32 c, u32 r) {
  const u32 side = p.side >> p.parity, area = side * side;
  const u32 image = divide(r, p.by_area), in_image = r - image * area;
  const u32 y = divide(in_image, p.by_side), x = in_image - y * side;
  return {image, (y << p.parity) + (c >> 1), (x << p.parity) + (c & 1), r < p.class_pixels};
}

// Index of a pixel in the tensor written.
DEV u32 place_of(const ConvParams& p, const Pixel& at) { return (at.image * p.side + at.y) * p.side + at.x; }

// Coordinate of the tensor read that tap `k` meets at coordinate `y`; beyond 0..side where it meets the border.
// In dgrad with stride 2 the walk over taps (taps.cuh) leaves only those that divide.
template <bool DGRAD>
DEV int source_of(const ConvTerm& t, u32 y, u32 k) {
  const int shift = t.stride - 1;  // strides are 1 and 2
  return DGRAD ? (int)(y + t.pad - k) >> shift : (int)((y << shift) + k - t.pad);
}

// Element of channel 0 of the pixel read, or NOWHERE.
static constexpr u32 NOWHERE = 0xffffffffu;
template <bool DGRAD>
DEV u32 source_pixel(const ConvTerm& t, const Pixel& at, u32 ky, u32 kx) {
  const int y = source_of<DGRAD>(t, at.y, ky), x = source_of<DGRAD>(t, at.x, kx);
  const bool inside = at.valid && (u32)y < t.side && (u32)x < t.side;
  return inside ? ((at.image * t.side + y) * t.side + x) * t.channels : NOWHERE;
}
