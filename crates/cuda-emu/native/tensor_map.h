// What the stand-in writes into the 128 bytes of a tensor map (the driver's own format is not documented).
#pragma once
#include <cstdint>

namespace emu {
struct TensorMapFields {
  uint64_t base;
  uint64_t stride[4];        // bytes, of dimensions 1 ..
  uint32_t dim[5];           // innermost first
  uint16_t box[5];
  uint8_t element_stride[5];
  uint8_t rank, elem, swizzle, im2col;
  int16_t lower[3], upper[3];
  uint16_t channels, pixels;
  uint32_t magic;
};
static_assert(sizeof(TensorMapFields) <= 128, "a tensor map has 128 bytes");
constexpr uint32_t TENSOR_MAP = 0x4d6e5354;

// Where byte `a` of shared memory lies under a swizzle (0 none, 1 32 bytes, 2 64, 3 128): 16-byte chunks are exchanged
// within rows of 32, 64 or 128 bytes by the number of the 128-byte line, which address bits 7.. say.
inline uint32_t swizzled(uint32_t a, uint32_t swizzle) { return a ^ (a >> 3 & ((1u << swizzle) - 1) << 4); }
}  // namespace emu
