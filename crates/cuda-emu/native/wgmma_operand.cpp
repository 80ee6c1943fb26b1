// Operands of wgmma in shared memory.
//
// A matrix descriptor holds (PTX manual, "Matrix descriptor format"; addresses and offsets in units of 16 bytes)
//   bits 0-13 start address   16-29 leading byte offset (LBO)   32-45 stride byte offset (SBO)
//   49-51 base offset         62-63 swizzle: 0 none, 1 128 bytes, 2 64, 3 32
// An operand is a matrix [MN][16], MN = M or N. It is made of chunks of 16 bytes, eight values along the contiguous
// dimension. With S = swizzle bytes / 16 (1 without swizzle), the chunk that holds
//   K-major:  row mn, k-chunk q (0, 1)   lies at  (mn / 8) SBO + (mn % 8) 16 S + q (16 swizzled, LBO without)
//   MN-major: mn-chunk q, row k          lies at  with swizzle: (q / S) LBO + (q % S) 16 + (k / 8) SBO + (k % 8) 16 S
//                                                 without: q SBO + (k / 8) LBO + (k % 8) 16
// from the start address; the swizzle then acts on the address as it does in a tensor copy.
#include "wgmma_operand.h"
#include "runtime.h"
#include "vector8.h"

namespace emu {
namespace {
struct Descriptor {
  u32 start, lbo, sbo, swizzle, chunks;   // swizzle as in a tensor map; chunks = S
  explicit Descriptor(u64 d)
      : start((d & 0x3fff) << 4), lbo((d >> 16 & 0x3fff) << 4), sbo((d >> 32 & 0x3fff) << 4),
        swizzle((4 - (d >> 62)) & 3) {
    if (d >> 49 & 7) fail("a wgmma descriptor with a base offset: not emulated");
    chunks = 1u << swizzle;
  }
  u32 k_major(u32 mn, u32 q) const {
    return mn / 8 * sbo + mn % 8 * 16 * chunks + q * (swizzle ? 16 : lbo);
  }
  u32 mn_major(u32 q, u32 k) const {
    if (!swizzle) return q * sbo + k / 8 * lbo + k % 8 * 16;
    return q / chunks * lbo + q % chunks * 16 + k / 8 * sbo + k % 8 * 16 * chunks;
  }
};

// Eight values as float32.
Vec8 chunk(Worker& w, const Descriptor& d, u32 offset, bool bf16) {
  const u32 at = swizzled((d.start + offset) & 0x3ffff, d.swizzle);
  const u8* p = shared_range(w, at, 16, "an operand of wgmma");
  return to_vec8(reinterpret_cast<const u16*>(p), bf16);
}
}  // namespace

void visit_operand(Worker& w, u64 descriptor, bool transposed, u32 count, const void* pc) {
  const Descriptor d(descriptor);
  const auto visit = [&](u32 offset) {
    const u32 at = swizzled((d.start + offset) & 0x3ffff, d.swizzle);
    chk_wgmma_read(cur->warp & ~3u, shared_range(w, at, 16, "an operand of wgmma"), 16, pc);
  };
  if (transposed) {
    for (u32 q = 0; q < count / 8; q++)
      for (u32 k = 0; k < 16; k++) visit(d.mn_major(q, k));
  } else {
    for (u32 mn = 0; mn < count; mn++)
      for (u32 q = 0; q < 2; q++) visit(d.k_major(mn, q));
  }
}

void read_rows(Worker& w, u64 descriptor, bool transposed, bool bf16, u32 count, float* out) {
  const Descriptor d(descriptor);
  if (!transposed) {
    for (u32 mn = 0; mn < count; mn++)
      for (u32 q = 0; q < 2; q++) store8(out + mn * 16 + q * 8, chunk(w, d, d.k_major(mn, q), bf16));
    return;
  }
  for (u32 q = 0; q < count / 8; q++)
    for (u32 k = 0; k < 16; k++) {
      const Vec8 v = chunk(w, d, d.mn_major(q, k), bf16);
      for (u32 e = 0; e < 8; e++) out[(q * 8 + e) * 16 + k] = v[e];
    }
}

void read_columns(Worker& w, u64 descriptor, bool transposed, bool bf16, u32 count, u32 pitch, float* out) {
  const Descriptor d(descriptor);
  if (transposed) {
    for (u32 q = 0; q < count / 8; q++)
      for (u32 k = 0; k < 16; k++) store8(out + k * pitch + q * 8, chunk(w, d, d.mn_major(q, k), bf16));
    return;
  }
  for (u32 mn = 0; mn < count; mn++)
    for (u32 q = 0; q < 2; q++) {
      const Vec8 v = chunk(w, d, d.k_major(mn, q), bf16);
      for (u32 e = 0; e < 8; e++) out[(q * 8 + e) * pitch + mn] = v[e];
    }
}
}  // namespace emu
