// Bulk tensor stores (TMA): a box of shared memory to a tensor. Lazy: the box is read when its thread waits for its
// group, so that a buffer filled again too early shows. Elements outside the tensor are not written.
#include <algorithm>
#include "runtime.h"

namespace emu {
namespace {
void carry_out(Worker& w, const TensorStore& s) {
  const TensorMapFields& m = s.map;
  const u32 row_bytes = m.box[0] * m.elem;
  u32 rows = 1;
  for (int r = 1; r < m.rank; r++) rows *= m.box[r];
  for (u32 i = 0; i < rows; i++) {
    u8* to = reinterpret_cast<u8*>(m.base);
    bool inside = true;
    u32 rest = i;
    for (int r = 1; r < m.rank; r++) {
      const int c = s.at[r] + (int)(rest % m.box[r]);
      rest /= m.box[r];
      inside = inside && c >= 0 && c < (int)m.dim[r];
      to += (i64)c * (i64)m.stride[r - 1];
    }
    for (u32 b = 0; b < row_bytes; b += 16) {
      const u8* from = w.arena + swizzled(s.src + i * row_bytes + b, m.swizzle);
      const i64 c = s.at[0] + (i64)(b / m.elem), count = 16 / m.elem;
      const i64 first = std::max<i64>(0, -c), last = inside ? std::min<i64>(count, (i64)m.dim[0] - c) : 0;
      if (first >= last) continue;
      u8* run = to + (c + first) * m.elem;
      const u32 bytes = (u32)(last - first) * m.elem;
      if (w.checked) chk_access(run, bytes, 1, s.pc);
      memcpy(run, from + first * m.elem, bytes);
    }
  }
}
}  // namespace

void tma_store(const void* map, u32 src, const int* at, int rank) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  TensorStore s{};
  memcpy(&s.map, map, sizeof s.map);
  const TensorMapFields& m = s.map;
  if (m.magic != TENSOR_MAP) fail("a tensor copy whose tensor map was not made by the driver (%s)", here().c_str());
  if (m.rank != rank || m.im2col) fail("a tensor store needs a tiled map of rank %d (%s)", rank, here().c_str());
  const u32 align = m.swizzle ? 128u << m.swizzle : 128;
  if (src % align) fail("a tensor store from %u, which is not a multiple of %u, as its swizzle needs", src, align);
  u32 bytes = m.elem;
  for (int r = 0; r < rank; r++) bytes *= m.box[r];
  shared_range(w, src, bytes, "a tensor store");
  s.src = src;
  for (int r = 0; r < rank; r++) s.at[r] = at[r];
  s.group = f.store_group;
  s.pc = f.pc;
  for (u32 b = 0; b < bytes && w.checked; b += 16) chk_store_issue(w.arena + swizzled(src + b, m.swizzle), 16);
  if (w.timing == Timing::Eager || (w.timing == Timing::Random && coin(w))) {
    carry_out(w, s);
  } else {
    f.stores.push_back(s);
  }
}

void tma_store_commit() {
  running().store_group++;
  if (worker->checked) chk_store_commit();
}

// Whether only the reading of shared memory or the whole store is waited for makes no difference here.
void tma_store_wait(int groups, bool) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  size_t done = 0;
  while (done < f.stores.size() && (int)(f.store_group - f.stores[done].group) > groups) carry_out(w, f.stores[done++]);
  f.stores.erase(f.stores.begin(), f.stores.begin() + (long)done);
  if (w.checked) chk_store_wait((u32)groups);
}

// Shared memory goes away with the block.
void finish_stores(Worker& w) {
  for (u32 i = 0; i < w.threads; i++) {
    if (w.fibers[i].stores.empty()) continue;
    w.failed = true;
    w.error = describe(w.fibers[i]) + ": ended without waiting for its tensor stores";
    return;
  }
}
}  // namespace emu
