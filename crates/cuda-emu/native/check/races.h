// Races: two accesses to a byte, one of them a write, and neither ordered after the other.
//
// A cell keeps the last write and the reads since that are not ordered among themselves; a new access that is ordered
// after those is ordered after all before them.
#pragma once
#include "launch.h"

namespace emu::check {
// Looks at cells of one place on behalf of one access.
class Races {
 public:
  Races(Launch& l, Place place, const Access& a, View view) : l_(l), place_(place), a_(a), view_(view) {}

  // A read or write by a thread of the bytes `at`..`at + n` of the region.
  void touch(size_t at, u32 n) {
    const size_t end = at + n;
    while (at < end) {
      Cell& c = cell(at / 4);
      const u32 first = at & 3, count = std::min<size_t>(end - at, 4 - first);
      if (count == 4 && !(c.state & (SPLIT | LOST))) {
        one(c, at);
      } else if (Quad* q = split(c)) {
        for (u32 i = first; i < first + count; i++) one(q->byte[i], at - first + i);
        if (count == 4 && a_.kind != READ) merge(c, q);
      }
      at += count;
    }
  }
  Cell& cell(size_t index) {
    Cell& c = place_.region->cells[index];
    if (c.epoch != place_.epoch) {
      c = Cell();
      c.epoch = place_.epoch;
    }
    return c;
  }
  // Calls f(cell, offset) for each cell of a stretch, bytes of split ones apart.
  template <class F>
  void each(size_t at, u32 n, F f) {
    for (size_t i = at / 4; i <= (at + n - 1) / 4; i++) {
      Cell& c = cell(i);
      if (c.state & LOST) continue;
      if (!(c.state & SPLIT)) {
        f(c, i * 4);
        continue;
      }
      Quad& q = place_.pools->quads.at(c.write.bits);
      for (u32 b = 0; b < 4; b++)
        if (i * 4 + b >= at && i * 4 + b < at + n) f(q.byte[b], i * 4 + b);
    }
  }
  void forget_readers(Cell& c) {
    if (c.state & SET) place_.pools->sets.give(c.read.bits);
    c.read = Event();
    c.state &= ~(SET | LANES | BLOCKS | GROUP);
  }
  // Readers that `ordered(event, group)` does not accept are handed to `bad(event, site)`.
  template <class O, class B>
  void readers(const Cell& c, O ordered, B bad) {
    if (!c.read && !(c.state & SET)) return;
    if (!(c.state & SET)) {
      if (c.state & BLOCKS || !all_ordered(c.read, c.state, ordered)) bad(c.read, c.read_site);
      return;
    }
    ReadSet& s = place_.pools->sets.at(c.read.bits);
    for (u32 m = s.present; m; m &= m - 1) {
      const u32 w = __builtin_ctz(m);
      const Event e(s.block, w * 32 + (s.lane[w] & 31), s.clock[w]);
      if (!all_ordered(e, s.lane[w] == 32 ? LANES : 0, ordered)) bad(e, s.site[w]);
    }
  }
  // Remembers a read by `e`; `state` is LANES, GROUP or neither.
  void remember(Cell& c, Event e, u8 state, u16 site) {
    if (!c.read && !(c.state & SET)) return single(c, e, state, site);
    if (c.state & BLOCKS) return single(c, e, BLOCKS, site);
    if (c.state & SET) {
      if (place_.pools->sets.at(c.read.bits).block == e.block()) return insert(c, e, state, site);
      return single(c, e, BLOCKS, site);
    }
    const Event old = c.read;
    if (old.block() != e.block()) return single(c, e, BLOCKS, site);
    if (old.thread() == e.thread() && c.state == state) return single(c, e, state, site);
    const bool many = c.state & LANES;
    if (old.warp() == e.warp() && !((c.state | state) & GROUP)) {
      const bool ordered = many ? old.clock() < view_.sync : view_.after(old);
      return single(c, e, ordered ? state : LANES, site);
    }
    const auto ordered = [&](Event x, bool lanes) { return after(x, lanes); };
    if (all_ordered(old, c.state, ordered)) return single(c, e, state, site);
    u64 number;
    if (ReadSet* s = place_.pools->sets.take(number)) {
      const u16 old_site = c.read_site;
      const u8 old_state = c.state & (LANES | GROUP);
      c.state = (c.state & ~(LANES | GROUP)) | SET;
      c.read.bits = number;
      s->block = e.block();
      s->present = 0;
      insert(c, old, old_state, old_site);
      insert(c, e, state, site);
    } else {
      c.state |= LOST;
    }
  }
  bool after(Event e, bool lanes) const {
    if (lanes && e.block() == view_.block && e.warp() == view_.thread >> 5) return e.clock() < view_.sync;
    return view_.after(e);
  }
  [[noreturn]] void race(size_t at, Event e, u16 site, const char* other) {
    const bool blocks = !e.by_engine() && e.block() != view_.block;
    Launch::report(std::string(blocks ? "race between blocks: " : "race: ") + l_.act(a_, *place_.region, at) +
                   ", is not ordered after the " + other + " " + l_.at(site, e));
  }

 private:
  Launch& l_;
  Place place_;
  const Access& a_;
  const View view_;

  __attribute__((always_inline)) void one(Cell& c, size_t at) {
    const Event self = now();
    // Nobody has written since this thread read here last, and nobody else has read.
    if (a_.kind == READ && c.read.bits >> 24 == self.bits >> 24 && !(c.state & ~ATOMIC)) {
      c.read = self;
      c.read_site = a_.site;
      return;
    }
    if (c.state & LOST) return;
    if (c.state & FLYING) landing(c, at);
    const bool atomics = a_.kind == ATOMIC_UPDATE && c.state & ATOMIC;
    if (c.write && !atomics && !view_.after(c.write)) race(at, c.write, c.write_site, "write");
    if (a_.kind == READ) return remember(c, self, 0, a_.site);
    if (c.leaving)
      Launch::report("race: " + l_.act(a_, *place_.region, at) + ", which " + l_.leaving(at) + " still reads");
    if (c.read || c.state & SET) {
      readers(c, [&](Event e, bool lanes) { return after(e, lanes); }, [&](Event e, u16 s) { race(at, e, s, "read"); });
      forget_readers(c);
    }
    c.write = self;
    c.write_site = a_.site;
    c.state = a_.kind == ATOMIC_UPDATE ? ATOMIC : 0;
  }
  Event now() const { return Event(view_.block, view_.thread, view_.clock); }
  [[noreturn]] void landing(const Cell& c, size_t at) {
    Launch::report("missing wait: " + l_.act(a_, *place_.region, at) + ", meets the cp.async " +
                   l_.at(c.write_site, c.write) + ", which that thread has not waited for");
  }
  void single(Cell& c, Event e, u8 state, u16 site) {
    if (c.state & SET) place_.pools->sets.give(c.read.bits);
    c.state = (c.state & ~(SET | LANES | GROUP)) | state;
    c.read = e;
    c.read_site = site;
  }
  void insert(Cell& c, Event e, u8 state, u16 site) {
    ReadSet& s = place_.pools->sets.at(c.read.bits);
    for (u32 w = e.warp(); w < e.warp() + (state & GROUP ? 4 : 1); w++) {
      const bool fresh = !(s.present >> w & 1) || s.clock[w] < l_.block.sync[w];
      const u8 lane = state & (GROUP | LANES) ? 32 : e.lane();
      s.lane[w] = fresh || s.lane[w] == lane ? lane : 32;
      s.clock[w] = fresh ? e.clock() : std::max(s.clock[w], e.clock());
      s.site[w] = site;
      s.present |= 1u << w;
    }
  }
  template <class O>
  static bool all_ordered(Event e, u8 state, O ordered) {
    if (!(state & GROUP)) return ordered(e, state & LANES);
    for (u32 w = 0; w < 4; w++)
      if (!ordered(Event(e.block(), e.thread() + w * 32, e.clock()), true)) return false;
    return true;
  }
  Quad* split(Cell& c) {
    if (c.state & LOST) return nullptr;
    if (c.state & SPLIT) return &place_.pools->quads.at(c.write.bits);
    u64 number;
    Quad* q = place_.pools->quads.take(number);
    if (!q) {
      c.state |= LOST;
      return nullptr;
    }
    // A set of readers has one owner: the bytes get it copied.
    for (Cell& b : q->byte) {
      b = c;
      if (!(c.state & SET)) continue;
      u64 copy;
      if (ReadSet* s = place_.pools->sets.take(copy)) {
        *s = place_.pools->sets.at(c.read.bits);
        b.read.bits = copy;
      } else {
        b.state = LOST;
      }
    }
    forget_readers(c);
    c.state |= SPLIT;
    c.write.bits = number;
    return q;
  }
  // All four bytes were just written by one access: one cell tells it.
  void merge(Cell& c, Quad* q) {
    const u64 number = c.write.bits;
    c = q->byte[0];
    for (u32 i = 1; i < 4; i++)
      if (q->byte[i].state & LOST) c.state |= LOST;
    c.epoch = place_.epoch;
    place_.pools->quads.give(number);
  }
};
}  // namespace emu::check
