// Tensor maps: the driver's refusals; the encoding itself is the emulator's own.
#include "../host.h"
#include "state.h"

namespace driver {

// Bytes of an element by CUtensorMapDataType; 0 if there is no such type.
static u32 element_bytes(int type) {
  static const u32 BYTES[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  return type >= 0 && type < 13 ? BYTES[type] : 0;
}

// What both forms have in common.
static bool fits(const void* map, int type, u32 rank, const void* base, const u64* dim, const u64* stride,
                 const u32* steps, int interleave, int swizzle) {
  if ((u64)map % 64 || !base || (u64)base % 16 || rank < 1 || rank > 5) return false;
  if (!element_bytes(type) || interleave != 0 || swizzle < 0 || swizzle > 3) return false;
  for (u32 i = 0; i < rank; i++) {
    if (!dim[i] || dim[i] > (u64(1) << 32) || !steps[i] || steps[i] > 8) return false;
    if (i + 1 < rank && (stride[i] % 16 || !stride[i] || stride[i] >= (u64(1) << 40))) return false;
  }
  return true;
}
static bool inner_fits(u64 bytes, int swizzle) { return bytes % 16 == 0 && (!swizzle || bytes <= (16u << swizzle)); }

extern "C" {
R cuTensorMapEncodeTiled(void* map, int type, u32 rank, void* base, const u64* dim, const u64* stride, const u32* box,
                         const u32* steps, int interleave, int swizzle, int promotion, int fill) {
  if (R refused = enter(false)) return refused;
  if (!fits(map, type, rank, base, dim, stride, steps, interleave, swizzle)) return INVALID_VALUE;
  if (promotion < 0 || promotion > 3 || fill < 0 || fill > 1) return INVALID_VALUE;
  for (u32 i = 0; i < rank; i++)
    if (!box[i] || box[i] > 256) return INVALID_VALUE;
  if (!inner_fits(u64(box[0]) * element_bytes(type), swizzle)) return INVALID_VALUE;
  emu_tensor_map_tiled(map, base, element_bytes(type), rank, dim, stride, box, steps, swizzle);
  return OK;
}
R cuTensorMapEncodeIm2col(void* map, int type, u32 rank, void* base, const u64* dim, const u64* stride,
                          const int32_t* lower, const int32_t* upper, u32 channels, u32 pixels, const u32* steps, int interleave, int swizzle,
                          int promotion, int fill) {
  if (R refused = enter(false)) return refused;
  if (!fits(map, type, rank, base, dim, stride, steps, interleave, swizzle) || rank < 3) return INVALID_VALUE;
  if (promotion < 0 || promotion > 3 || fill < 0 || fill > 1) return INVALID_VALUE;
  // The corners' ranges shrink with the rank: 16, 8 and 5 bits.
  int32_t limit = rank == 3 ? 32768 : rank == 4 ? 128 : 16;
  for (u32 i = 0; i + 2 < rank; i++)
    if (lower[i] < -limit || lower[i] >= limit || upper[i] < -limit || upper[i] >= limit) return INVALID_VALUE;
  if (!channels || channels > 256 || !pixels || pixels > 1024) return INVALID_VALUE;
  if (!inner_fits(u64(channels) * element_bytes(type), swizzle)) return INVALID_VALUE;
  emu_tensor_map_im2col(map, base, element_bytes(type), rank, dim, stride, lower, upper, channels, pixels, steps,
                        swizzle);
  return OK;
}
}

}  // namespace driver
