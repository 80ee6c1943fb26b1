// cp.async. Lazy: a copy happens when its thread waits for its group. Eager: at once. Random: a coin decides.
#include "runtime.h"

namespace emu {
u8* shared_range(Worker& w, u32 offset, u32 bytes, const char* what) {
  if (offset > w.smem || bytes > w.smem - offset) {
    fail("%s: %u bytes at %u are outside shared memory, which has %u (%s)", what, bytes, offset, w.smem,
         here().c_str());
  }
  return w.arena + offset;
}

namespace {
void carry_out(Worker& w, const Copy& c) {
  u8* dst = w.arena + c.dst;
  memcpy(dst, c.src, c.bytes);
  memset(dst + c.bytes, 0, c.size - c.bytes);
}

void record(Worker& w, Fiber& f, u32 dst) {
  auto& records = w.warp[f.warp].records;
  const u32 i = f.copies_issued++;
  if (records.size() <= i) records.resize(i + 1);
  records[i].dst[f.lane] = dst;
  records[i].lanes |= 1u << f.lane;
}
}  // namespace

void cp_async(u32 dst, const void* src, u32 size, u32 bytes) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  if (dst & (size - 1)) {
    fail("cp.async of %u bytes to %u, which is not a multiple of it (%s)", size, dst, here().c_str());
  }
  if ((u64)src & (size - 1)) {
    fail("cp.async of %u bytes from %p, which is not a multiple of it (%s)", size, src, here().c_str());
  }
  if (bytes > size) fail("cp.async of %u bytes is told to copy %u (%s)", size, bytes, here().c_str());
  u8* to = shared_range(w, dst, size, "cp.async");
  if (w.counting && size == 16) record(w, f, dst);
  if (w.checked) {
    if (bytes) chk_access(src, bytes, 0, nullptr);
    chk_cpa_issue(to, size, nullptr);
  }
  const Copy copy{dst, src, size, bytes, f.copy_group};
  if (w.timing == Timing::Eager || (w.timing == Timing::Random && coin(w))) {
    carry_out(w, copy);
  } else {
    f.copies.push_back(copy);
  }
}

void cp_async_commit() {
  running().copy_group++;
  if (worker->checked) chk_cpa_commit();
}

void cp_async_wait(int groups) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  while (f.copies_done < f.copies.size()) {
    const Copy& c = f.copies[f.copies_done];
    if ((int)(f.copy_group - c.group) <= groups) break;
    carry_out(w, c);
    f.copies_done++;
  }
  if (f.copies_done == f.copies.size()) {
    f.copies.clear();
    f.copies_done = 0;
  }
  if (w.checked) chk_cpa_wait((u32)groups);
}
}  // namespace emu
