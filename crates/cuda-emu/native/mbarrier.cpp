// mbarriers: a phase is complete when all arrivals and all bytes it waits for have come.
#include "runtime.h"

namespace emu {
namespace {
// What shared memory holds where an mbarrier is: so that ordinary data written over one is noticed.
u64 mark_of(u32 offset) { return 0x6d62617272696572ull ^ (u64)offset << 32; }
constexpr i64 MOST_BYTES = (1 << 20) - 1;

MBarrier* look_up(Worker& w, u32 bar) {
  for (MBarrier& m : w.mbarriers)
    if (m.offset == bar) return &m;
  return nullptr;
}
MBarrier& find(Worker& w, u32 bar) {
  MBarrier* m = look_up(w, bar);
  if (!m) fail("the mbarrier at %u is used before mbar_init (%s)", bar, here().c_str());
  u64 mark;
  memcpy(&mark, w.arena + bar, 8);
  if (mark != mark_of(bar)) fail("the mbarrier at %u was overwritten with data", bar);
  return *m;
}
void advance(Worker& w, MBarrier& m) {
  if (m.pending || m.tx) return;
  m.phase++;
  if (w.checked) chk_mbar_phase(m.offset);
  m.pending = m.count;
  size_t kept = 0;
  for (Fiber* f : w.mbarrier_waiters) {
    if (f->wait_id == m.offset && (m.phase & 1) != f->wait_parity) {
      make_ready(w, *f);
    } else {
      w.mbarrier_waiters[kept++] = f;
    }
  }
  w.mbarrier_waiters.resize(kept);
}
void arrive(Worker& w, u32 bar, u32 bytes) {
  MBarrier& m = find(w, bar);
  if (!m.pending) {
    fail("mbarrier: more arrivals at the one at %u than its count of %u, at %s", bar, m.count, here().c_str());
  }
  m.tx += bytes;
  if (m.tx > MOST_BYTES) fail("the mbarrier at %u expects %lld bytes: at most %lld", bar, m.tx, MOST_BYTES);
  m.pending--;
  if (w.checked) chk_arrive(bar);
  advance(w, m);
}
}  // namespace

void require_mbarrier(Worker& w, u32 bar) { find(w, bar); }

void complete_bytes(Worker& w, u32 bar, u32 bytes) {
  MBarrier& m = find(w, bar);
  m.tx -= bytes;
  advance(w, m);
}

void mbar_init(u32 bar, u32 count) {
  Worker& w = *worker;
  ENTER(w);
  if (bar & 7) fail("an mbarrier at %u, which is not a multiple of 8", bar);
  if (count == 0 || count > MOST_BYTES) fail("an mbarrier for %u arrivals", count);
  const u64 mark = mark_of(bar);
  memcpy(shared_range(w, bar, 8, "mbarrier"), &mark, 8);
  if (w.checked) chk_mbar_init(bar);
  const MBarrier fresh{bar, count, count, 0, 0};
  if (MBarrier* m = look_up(w, bar)) {
    *m = fresh;
  } else {
    w.mbarriers.push_back(fresh);
  }
}

void mbar_expect_tx(u32 bar, u32 bytes) {
  ENTER(*worker);
  arrive(*worker, bar, bytes);
}

void mbar_arrive(u32 bar) {
  ENTER(*worker);
  arrive(*worker, bar, 0);
}

// Waits for the end of the phase with this parity: at once if the barrier is in a phase of the other.
void mbar_wait(u32 bar, u32 parity) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  f.wait_parity = parity & 1;
  if ((find(w, bar).phase & 1) == f.wait_parity) {
    w.mbarrier_waiters.push_back(&f);
    f.wait_id = bar;
    pause(w, f, Waits::MBarrier, bar);
  }
  if (w.checked) chk_acquire(&f, bar);
}

void fence_proxy_async() {
  if (worker->checked) chk_proxy_fence();
}
}  // namespace emu
