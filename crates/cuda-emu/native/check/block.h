// The clocks of the block that runs: one a thread, knowledge a warp, and what its barriers carry.
#pragma once
#include <vector>

#include "event.h"

namespace emu::check {
// From where an access looks at events: its thread, what it knows, and how far its own and its warp's past reach.
struct View {
  const Clock* knows;
  u32 block, thread, clock, sync;

  bool after(Event e) const {
    if (e.block() != block) return false;
    if (e.thread() == thread) return e.clock() <= clock;
    if (e.thread() >> 5 == thread >> 5 && e.clock() < sync) return true;
    return knows->knows(e);
  }
};

struct Mbarrier {
  u32 offset;
  Clock arrived;       // what the arrivals of this phase published
  Clock released;      // what waiting for it makes known: the arrivals of all phases that are complete
};

struct Block {
  u32 number = 0, warps = 0;
  u32 clock[THREADS];
  u32 fenced[THREADS];        // the thread's ordinary stores before this clock are visible to the async proxy
  u32 sync[WARPS];            // events of the warp's lanes before this clock are ordered for all its lanes
  Clock known[WARPS];         // what all lanes of a warp know
  u32 apart[WARPS];           // lanes that know more, since they waited for an mbarrier alone
  Clock own[THREADS];         // what those know
  std::vector<Mbarrier> mbarriers;

  void begin(u32 block_number, u32 warp_count) {
    number = block_number;
    warps = warp_count;
    for (u32& c : clock) c = 1;
    memset(fenced, 0, sizeof fenced);
    memset(sync, 0, sizeof sync);
    memset(known, 0, sizeof known);
    memset(apart, 0, sizeof apart);
    mbarriers.clear();
  }

  const Clock& knowledge(u32 thread) const {
    return apart[thread >> 5] >> (thread & 31) & 1 ? own[thread] : known[thread >> 5];
  }
  View view(u32 thread) const { return {&knowledge(thread), number, thread, clock[thread], sync[thread >> 5]}; }
  Event now(u32 thread) const { return Event(number, thread, clock[thread]); }

  // What its lanes know apart becomes known to the whole warp.
  void share(u32 w) {
    for (u32 m = apart[w]; m; m &= m - 1) known[w].join(own[w * 32 + __builtin_ctz(m)]);
    apart[w] = 0;
  }
  u32 latest(u32 w) const { return *std::max_element(clock + w * 32, clock + w * 32 + 32); }
  void set_clock(u32 w, u32 c) { std::fill(clock + w * 32, clock + w * 32 + 32, std::min(c, CLOCK_MAX)); }

  // A collective of the warp, with whatever mask: all that its lanes did before is ordered.
  void warp_collective(u32 w) {
    share(w);
    sync[w] = latest(w) + 1;
    set_clock(w, sync[w]);
  }

  // A barrier of whole warps: all is known to all, and they go on with equal clocks.
  void barrier(u32 mask) {
    Clock& sum = scratch_;
    memset(&sum, 0, sizeof sum);
    u32 next = 0;
    for (u32 m = mask; m; m &= m - 1) {
      const u32 w = __builtin_ctz(m);
      share(w);
      sum.join(known[w]);
      next = std::max(next, latest(w) + 1);
    }
    for (u32 m = mask; m; m &= m - 1) sum.all[__builtin_ctz(m)] = next - 1;
    for (u32 m = mask; m; m &= m - 1) {
      const u32 w = __builtin_ctz(m);
      known[w] = sum;
      sync[w] = next;
      set_clock(w, next);
    }
  }

  // The four warps of a group act as one: their clocks agree from here on. Returns the common clock.
  u32 level(u32 first_warp) {
    u32 c = 0;
    for (u32 w = first_warp; w < first_warp + 4; w++) {
      share(w);
      c = std::max(c, latest(w));
    }
    for (u32 w = first_warp; w < first_warp + 4; w++) set_clock(w, c);
    return c;
  }

  Mbarrier& mbarrier(u32 offset) {
    for (Mbarrier& b : mbarriers)
      if (b.offset == offset) return b;
    mbarriers.push_back({offset, {}, {}});
    return mbarriers.back();
  }
  u32 channel(u32 offset) { return (u32)(&mbarrier(offset) - mbarriers.data()) % CHANNELS; }

  // An arrival publishes what the thread knows, what it did, and what its warp did before its last collective.
  void arrive(u32 thread, u32 offset) {
    Clock& c = mbarrier(offset).arrived;
    const u32 w = thread >> 5;
    c.join(knowledge(thread));
    if (sync[w]) c.all[w] = std::max(c.all[w], sync[w] - 1);
    c.join_lanes(w, 1u << (thread & 31), clock[thread]);
    advance(thread);
  }
  void phase_done(u32 offset) {
    Mbarrier& b = mbarrier(offset);
    b.released.join(b.arrived);
    memset(&b.arrived, 0, sizeof b.arrived);
  }
  // A wait that succeeded: this lane, and only this lane, knows what was published.
  void acquire(u32 thread, u32 offset) {
    const u32 w = thread >> 5, bit = 1u << (thread & 31);
    if (!(apart[w] & bit)) own[thread] = known[w];
    apart[w] |= bit;
    own[thread].join(mbarrier(offset).released);
  }
  void fence(u32 thread) { fenced[thread] = advance(thread); }
  u32 advance(u32 thread) { return clock[thread] += clock[thread] < CLOCK_MAX; }

 private:
  Clock scratch_;
};
}  // namespace emu::check
