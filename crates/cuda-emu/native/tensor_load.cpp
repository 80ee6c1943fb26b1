// Bulk tensor loads (TMA): a box of a tensor, or with im2col a run of pixels, into shared memory under a swizzle.
//
// im2col walks pixels in the order w, h, (d,) n inside the box [lower, dim + upper) of every image, in steps of the
// element strides, from the coordinates of the instruction on; each pixel is read at (w, h) + the instruction's
// offsets. Elements outside the tensor are zeros, and count as bytes.
#include <algorithm>
#include "runtime.h"

namespace emu {
namespace {
u32 box_of(const TensorMapFields& m, int r) { return (m.box[r] + m.element_stride[r] - 1u) / m.element_stride[r]; }
u32 columns(const TensorMapFields& m) { return m.im2col ? m.channels : box_of(m, 0); }
u32 rows_of(const TensorMapFields& m) {
  if (m.im2col) return m.pixels;
  u32 rows = 1;
  for (int r = 1; r < m.rank; r++) rows *= box_of(m, r);
  return rows;
}

// Coordinates of the rows of a load, one after another.
struct Walk {
  const TensorLoad& load;
  int at[5];
  explicit Walk(const TensorLoad& l) : load(l) { memcpy(at, l.at, sizeof at); }
  void next() {
    const TensorMapFields& m = load.map;
    for (int r = 1; r < m.rank; r++) {
      at[r] += m.element_stride[r];
      const bool image = m.im2col && r == m.rank - 1;      // images have no end
      const int end = image ? INT32_MAX : m.im2col ? (int)m.dim[r] + m.upper[r - 1] : load.at[r] + m.box[r];
      if (at[r] < end) return;
      at[r] = m.im2col ? m.lower[r - 1] : load.at[r];
    }
  }
  // Where the row lies in global memory; null if it is outside.
  const u8* row() const {
    const TensorMapFields& m = load.map;
    const u8* p = reinterpret_cast<const u8*>(m.base);
    for (int r = 1; r < m.rank; r++) {
      const int c = at[r] + (m.im2col && r < m.rank - 1 ? load.offset[r - 1] : 0);
      if (c < 0 || c >= (int)m.dim[r]) return nullptr;
      p += (u64)c * m.stride[r - 1];
    }
    return p;
  }
};

// A row of elements from global memory: zeros outside.
void fetch_row(Worker& w, const TensorLoad& l, const u8* from, u32 count, u8* to) {
  const TensorMapFields& m = l.map;
  const u32 step = m.im2col ? 1 : m.element_stride[0];
  memset(to, 0, (size_t)count * m.elem);
  if (!from) return;
  if (step == 1) {      // one run, for speed
    const i64 first = std::max<i64>(0, -l.at[0]), last = std::min<i64>(count, (i64)m.dim[0] - l.at[0]);
    if (first >= last) return;
    const u8* run = from + (l.at[0] + first) * m.elem;
    const u32 bytes = (u32)(last - first) * m.elem;
    if (w.checked) chk_tma_read(l.token, run, bytes);
    memcpy(to + first * m.elem, run, bytes);
    return;
  }
  for (u32 e = 0; e < count; e++) {
    const i64 c = l.at[0] + (i64)e * step;
    if (c < 0 || c >= m.dim[0]) continue;
    if (w.checked) chk_tma_read(l.token, from + c * m.elem, m.elem);
    memcpy(to + e * m.elem, from + c * m.elem, m.elem);
  }
}
}  // namespace

void run_load(Worker& w, size_t i) {
  const TensorLoad l = w.loads[i];
  w.loads.erase(w.loads.begin() + (long)i);
  const TensorMapFields& m = l.map;
  const u32 count = columns(m), row_bytes = count * m.elem, rows = rows_of(m);
  std::vector<u8> row(row_bytes);
  Walk walk(l);
  for (u32 r = 0; r < rows; r++, walk.next()) {
    fetch_row(w, l, walk.row(), count, row.data());
    for (u32 b = 0; b < row_bytes; b += 16) {
      u8* to = w.arena + swizzled(l.dst + r * row_bytes + b, m.swizzle);
      if (w.checked) chk_tma_write(l.token, to, 16);
      memcpy(to, row.data() + b, 16);
    }
  }
  if (w.checked) chk_tma_done(l.token, l.bar);
  complete_bytes(w, l.bar, rows * row_bytes);
}

void tma_load(u32 dst, const void* map, u32 bar, const int* at, int rank, const u16* offsets) {
  Worker& w = *worker;
  ENTER(w);
  TensorLoad l{};
  memcpy(&l.map, map, sizeof l.map);
  const TensorMapFields& m = l.map;
  if (m.magic != TENSOR_MAP) fail("a tensor copy whose tensor map was not made by the driver (%s)", here().c_str());
  if (m.rank != rank) fail("the tensor map has rank %d, the instruction %d (%s)", m.rank, rank, here().c_str());
  if ((m.im2col != 0) != (offsets != nullptr)) {
    fail("the tensor map is %s, the instruction is not (%s)", m.im2col ? "im2col" : "tiled", here().c_str());
  }
  const u32 align = m.swizzle ? 128u << m.swizzle : 128;
  if (dst % align) fail("a tensor copy to %u, which is not a multiple of %u, as its swizzle needs", dst, align);
  l.dst = dst;
  l.bar = bar;
  for (int r = 0; r < rank; r++) l.at[r] = at[r];
  for (int r = 0; offsets && r < rank - 2; r++) l.offset[r] = offsets[r];
  shared_range(w, dst, columns(m) * m.elem * rows_of(m), "a tensor copy");
  require_mbarrier(w, bar);
  if (w.checked) l.token = chk_tma_issue(bar);
  w.loads.push_back(l);
  if (w.timing == Timing::Eager) run_load(w, w.loads.size() - 1);
}
}  // namespace emu
