// Events and vector clocks: who did something, when, and who knows of it.
//
// Every thread of a block has a clock that its warp's collectives, barriers, arrivals and fences advance. An event is
// (block, thread, clock at that time). A `Clock` says up to which time the events of every warp, and of every channel
// of the bulk-copy engine, are known to have happened. An access is ordered after an event if it knows of it.
#pragma once
#include <algorithm>
#include <cstring>

#include "device.cuh"

namespace emu::check {
constexpr u32 WARPS = 32, THREADS = 1024;
constexpr u32 CHANNELS = 32;      // of the bulk-copy engine: one an mbarrier, shared where a block has more
constexpr u32 ENGINE = THREADS;   // "threads" from here on are the engine's channels
constexpr u32 CLOCK_MAX = (1u << 24) - 1;

// 28 bits block, 12 bits thread, 24 bits clock; 0 is no event (clocks start at 1).
struct Event {
  u64 bits = 0;
  Event() = default;
  Event(u32 block, u32 thread, u32 clock) : bits((u64)block << 36 | (u64)thread << 24 | clock) {}
  explicit operator bool() const { return bits != 0; }
  u32 block() const { return (u32)(bits >> 36); }
  u32 thread() const { return (u32)(bits >> 24) & 0xfff; }
  u32 clock() const { return (u32)bits & CLOCK_MAX; }
  bool by_engine() const { return thread() >= ENGINE; }
  u32 warp() const { return thread() >> 5; }      // of a thread, not of the engine
  u32 slot() const { return by_engine() ? WARPS + (thread() - ENGINE) : warp(); }      // index into Clock::all
  u32 lane() const { return thread() & 31; }
};

struct Clock {
  u32 all[WARPS + CHANNELS];            // every lane of the warp is known up to here
  u32 upto[WARPS], lanes[WARPS];        // these lanes are known further: what single lanes released at an mbarrier
  u32 partial;                          // warps with lanes != 0

  bool knows(u32 slot, u32 lane, u32 clock) const {
    if (all[slot] >= clock) return true;
    return slot < WARPS && upto[slot] >= clock && (lanes[slot] >> lane & 1);
  }
  bool knows(Event e) const { return knows(e.slot(), e.lane(), e.clock()); }

  void join(const Clock& o) {
    for (u32 i = 0; i < WARPS + CHANNELS; i++) all[i] = std::max(all[i], o.all[i]);
    for (u32 m = o.partial; m; m &= m - 1) {
      const u32 w = __builtin_ctz(m);
      join_lanes(w, o.lanes[w], o.upto[w]);
    }
  }
  // Lanes released up to different clocks are taken to be known up to the latest: that can hide a race, not invent one.
  void join_lanes(u32 w, u32 mask, u32 clock) {
    if (all[w] >= clock) return;
    if (all[w] >= upto[w]) lanes[w] = upto[w] = 0;
    upto[w] = std::max(upto[w], clock);
    lanes[w] |= mask;
    partial |= 1u << w;
    if (lanes[w] == 0xffffffffu) {
      all[w] = upto[w];
      lanes[w] = upto[w] = 0;
      partial &= ~(1u << w);
    }
  }
};
}  // namespace emu::check
