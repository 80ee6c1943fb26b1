// Barriers of the block: __syncthreads and the named ones.
#include "runtime.h"

namespace emu {
void release(Worker& w, Barrier& b, u32 last_warp) {
  u32 met = 1u << last_warp;
  for (u32 i = 0; i < w.warps; i++) {
    if (!b.waiting[i]) continue;
    met |= 1u << i;
    make_ready(w, i, b.waiting[i]);
    b.waiting[i] = 0;
  }
  b.count = 0;
  w.stats.barriers++;
  if (w.checked) chk_barrier(met);
}

namespace {
// The running thread comes to the barrier; whether it was the last.
bool come(Worker& w, Barrier& b, u32 id, u32 threads, int line) {
  if (id > 15) fail("barrier %u: there are 16", id);
  if (threads % WARP || threads > w.threads) {
    fail("barrier %u for %u threads: a multiple of 32, at most the block's %u, was expected", id, threads, w.threads);
  }
  if (b.count == 0) {
    b.expected = threads;
    b.line = line;
  } else if (b.expected != threads) {
    fail("barrier %u at %s is for %u threads, but those that wait came for %u", id, here().c_str(),
         threads, b.expected);
  } else if (threads == 0 && b.line != line) {
    fail("divergent barrier: this thread is at %s, others wait at line %d", here().c_str(), b.line);
  }
  return ++b.count == (threads ? threads : w.alive);
}
}  // namespace

void barrier(u32 id, u32 threads, int line) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  Barrier& b = w.barrier[id & 15];
  if (come(w, b, id, threads, line)) {
    release(w, b, f.warp);
    if (!w.random) return;
    make_ready(w, f);
  } else {
    b.waiting[f.warp] |= 1u << f.lane;
  }
  pause(w, f, Waits::Barrier, id);
}

void bar_arrive(u32 id, u32 threads) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  Barrier& b = w.barrier[id & 15];
  if (threads == 0) fail("bar_arrive needs a number of threads");
  if (come(w, b, id, threads, 0)) release(w, b, f.warp);
}
}  // namespace emu
