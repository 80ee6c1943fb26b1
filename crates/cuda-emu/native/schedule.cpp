// Who runs next; what to say when nobody can.
#include "runtime.h"

namespace emu {
__thread Ctx* cur = nullptr;
__thread Worker* worker = nullptr;

namespace {
u32 nth_bit(u32 mask, u32 n) {
  while (n--) mask &= mask - 1;
  return (u32)__builtin_ctz(mask);
}
u32 random_bit(Worker& w, u32 mask) { return nth_bit(mask, random_bits(w) % (u32)__builtin_popcount(mask)); }

// Random order stays with a warp for a few steps, so that some warps run far ahead of others.
Fiber* random_fiber(Worker& w, u32 from_warp) {
  const bool stay = w.warp[from_warp].ready && random_bits(w) & 3;
  const u32 warp = stay ? from_warp : random_bit(w, w.ready_warps);
  return take(w, warp, random_bit(w, w.warp[warp].ready));
}
// Fixed order: lanes upwards in this warp, then the next warp that can run.
Fiber* fixed_fiber(Worker& w, u32 from_warp) {
  u32 warp = from_warp;
  if (!w.warp[warp].ready) {
    const u32 higher = warp >= 31 ? 0 : w.ready_warps & ~((2u << warp) - 1);
    warp = (u32)__builtin_ctz(higher ? higher : w.ready_warps);
  }
  return take(w, warp, (u32)__builtin_ctz(w.warp[warp].ready));
}

std::string lanes_of(u32 mask) {
  if (mask == 0xffffffffu) return "";
  std::string s;
  for (u32 l = 0; l < WARP; l++) {
    if (!(mask >> l & 1)) continue;
    u32 end = l;
    while (end < 31 && mask >> (end + 1) & 1) end++;
    s += (s.empty() ? " lanes " : ",") + std::to_string(l) + (end > l ? "-" + std::to_string(end) : "");
    l = end;
  }
  return s;
}
std::string place(const Fiber& f) {
  switch (f.waits) {
    case Waits::Barrier: return "barrier " + std::to_string(f.wait_id) + " (" + locate(f.pc) + ")";
    case Waits::Collective: return std::string(name_of((Op)f.wait_id)) + " (" + locate(f.pc) + ")";
    case Waits::MBarrier: return "the mbarrier at " + std::to_string(f.wait_id) + " (" + locate(f.pc) + ")";
    case Waits::Wgmma: return "wgmma_wait (" + locate(f.pc) + ")";
    case Waits::Ended: return "the end";
    case Waits::No: return "?";
  }
  return "?";
}
// Where the lanes of a warp are: "at barrier 0 (gemm.cu:31)", or several such with the lanes that each holds for.
std::string where_is(Worker& w, u32 warp) {
  std::string s;
  const u32 lanes = w.threads - warp * WARP < WARP ? w.threads - warp * WARP : WARP;
  u32 told = 0;
  for (u32 l = 0; l < lanes; l++) {
    if (told >> l & 1) continue;
    const Fiber& f = w.fibers[warp * WARP + l];
    u32 same = 0;
    for (u32 k = l; k < lanes; k++) {
      const Fiber& g = w.fibers[warp * WARP + k];
      const bool both_ended = g.waits == Waits::Ended && f.waits == Waits::Ended;
      if (both_ended || (g.waits == f.waits && g.wait_id == f.wait_id && g.pc == f.pc)) same |= 1u << k;
    }
    told |= same;
    const bool all = lanes == WARP ? same == 0xffffffffu : same == (1u << lanes) - 1;
    s += (s.empty() ? "" : ",") + (all ? std::string() : lanes_of(same)) + " at " + place(f);
  }
  return s;
}
}  // namespace

Fiber* next_fiber(Worker& w, u32 from_warp) {
  for (;;) {
    if (!w.loads.empty() && w.timing == Timing::Random && (random_bits(w) & 7) == 0) {
      run_load(w, random_bits(w) % w.loads.size());
    }
    if (w.ready_warps) return w.random ? random_fiber(w, from_warp) : fixed_fiber(w, from_warp);
    if (w.loads.empty()) return nullptr;
    run_load(w, w.random ? random_bits(w) % w.loads.size() : 0);   // lazy: only now, when nothing else can happen
  }
}

void deadlock(Worker& w) {
  const Fiber& f = running();
  std::string s = "block (" + std::to_string(f.bid.x) + "," + std::to_string(f.bid.y) + "," + std::to_string(f.bid.z) +
                  "): deadlock:";
  // Warps in the same place share a line.
  u32 first = 0;
  std::string last = where_is(w, 0);
  for (u32 i = 1; i <= w.warps; i++) {
    const std::string here = i < w.warps ? where_is(w, i) : "";
    if (i < w.warps && here == last) continue;
    s += (i - first > 1 ? " warps " : " warp ") + std::to_string(first);
    if (i - first > 1) s += "-" + std::to_string(i - 1);
    s += last + ";";
    first = i;
    last = here;
  }
  s.pop_back();
  w.error = s;
  w.failed = true;
  leave(w);
}

void leave(Worker& w) {
  Context gone;
  switch_context(gone, w.main);
  __builtin_unreachable();
}

void fiber_main() {
  Worker& w = *worker;
  w.entry(w.params);
  Fiber& f = running();
  f.waits = Waits::Ended;
  f.wait_id = 0;
  w.alive--;
  // A thread that has ended is not waited for.
  Barrier& b = w.barrier[0];
  if (b.count && b.expected == 0 && b.count == w.alive) release(w, b, f.warp);
  Fiber* next = w.alive ? next_fiber(w, f.warp) : nullptr;
  if (!next) {
    if (w.alive) deadlock(w);
    leave(w);
  }
  cur = next;
  switch_context(f.context, next->context);
  __builtin_unreachable();
}
}  // namespace emu
