// Encoding of tensor maps.
#include <cstring>
#include "host.h"
#include "tensor_map.h"

namespace {
emu::TensorMapFields common(const void* base, uint32_t elem, uint32_t rank, const uint64_t* dim, const uint64_t* stride,
                            const uint32_t* element_stride, uint32_t swizzle) {
  emu::TensorMapFields m{};
  m.base = reinterpret_cast<uint64_t>(base);
  m.rank = (uint8_t)rank;
  m.elem = (uint8_t)elem;
  m.swizzle = (uint8_t)swizzle;
  m.magic = emu::TENSOR_MAP;
  for (uint32_t r = 0; r < rank; r++) {
    m.dim[r] = (uint32_t)dim[r];
    m.element_stride[r] = element_stride ? (uint8_t)element_stride[r] : 1;
    if (r + 1 < rank) m.stride[r] = stride[r];
  }
  return m;
}
void put(void* map, const emu::TensorMapFields& m) {
  memset(map, 0, 128);
  memcpy(map, &m, sizeof m);
}
}  // namespace

extern "C" void emu_tensor_map_tiled(void* map, const void* base, uint32_t elem_bytes, uint32_t rank,
                                     const uint64_t* dim, const uint64_t* stride, const uint32_t* box,
                                     const uint32_t* element_stride, uint32_t swizzle) {
  emu::TensorMapFields m = common(base, elem_bytes, rank, dim, stride, element_stride, swizzle);
  for (uint32_t r = 0; r < rank; r++) m.box[r] = (uint16_t)box[r];
  put(map, m);
}

extern "C" void emu_tensor_map_im2col(void* map, const void* base, uint32_t elem_bytes, uint32_t rank,
                                      const uint64_t* dim, const uint64_t* stride, const int32_t* lower,
                                      const int32_t* upper,
                                      uint32_t channels, uint32_t pixels, const uint32_t* element_stride,
                                      uint32_t swizzle) {
  emu::TensorMapFields m = common(base, elem_bytes, rank, dim, stride, element_stride, swizzle);
  m.im2col = 1;
  m.channels = (uint16_t)channels;
  m.pixels = (uint16_t)pixels;
  for (uint32_t r = 0; r + 2 < rank; r++) {
    m.lower[r] = (int16_t)lower[r];
    m.upper[r] = (int16_t)upper[r];
  }
  put(map, m);
}

extern "C" void emu_tensor_map_2d(void* map, const void* base, uint32_t elem, uint32_t d0, uint32_t d1,
                                  uint64_t stride1, uint32_t box0, uint32_t box1, uint32_t swizzle) {
  const uint64_t dim[2] = {d0, d1};
  const uint32_t box[2] = {box0, box1};
  emu_tensor_map_tiled(map, base, elem, 2, dim, &stride1, box, nullptr, swizzle);
}
