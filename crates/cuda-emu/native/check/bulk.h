// Bulk tensor copies. A load writes with the knowledge of its issuer, and is known to whoever waits for its mbarrier. A
// store reads from its issue until its thread has waited for it.
#pragma once
#include "proxy.h"

namespace emu::check {
inline u32 load_issued(Launch& l, u32 thread, u32 barrier, u16 site) {
  Bulk b;
  b.knows = l.block.knowledge(thread);
  b.view = l.block.view(thread);
  b.channel = l.block.channel(barrier);
  b.clock = ++l.channel_clock[b.channel];
  b.site = site;
  l.block.advance(thread);      // what the issuer does from here on is not ordered before the copy
  l.bulks.push_back(b);
  return l.bulks.size() - 1;
}

inline void load_reads(Launch& l, Bulk& b, const u8* p, u32 bytes) {
  b.view.knows = &b.knows;
  while (bytes) {
    const Access a = {p, std::min(bytes, 16u), b.view.thread, b.site, READ};
    if (!global_access(l, a, b.view)) out_of_bounds(l, a, Buffers::get().stray(p));
    p += a.bytes;
    bytes -= a.bytes;
  }
}

inline void load_writes(Launch& l, Bulk& b, const u8* p, u32 bytes) {
  b.view.knows = &b.knows;
  const Access a = {p, bytes, b.view.thread, b.site, WRITE};
  const size_t at = p - l.shared.base;
  if (at + bytes > l.shared.bytes) out_of_bounds(l, a, outside_shared(l, at) + " (by a bulk copy)");
  Races races(l, l.shared_place(), a, b.view);
  races.each(at, bytes, [&](Cell& c, size_t i) {
    const auto what = [&] {
      return "bulk copy issued at " + Launch::line(b.site) + " " + Launch::by(a.thread) + " writes " +
             l.place(l.shared, i);
    };
    if (c.write && !(c.state & FLYING) && !b.view.after(c.write))
      Launch::report("race: " + what() + ", not ordered after the write " + l.at(c.write_site, c.write));
    enter_async_proxy(l, c, what);
    if (c.leaving) Launch::report("race: " + what() + ", which " + l.leaving(i) + " still reads");
    const auto ordered = [&](Event e, bool lanes) { return races.after(e, lanes); };
    races.readers(c, ordered, [&](Event e, u16 site) {
      Launch::report("race: " + what() + ", not ordered after the read " + l.at(site, e));
    });
    races.forget_readers(c);
    c.write = Event(l.block.number, ENGINE + b.channel, b.clock);
    c.write_site = b.site;
    c.state = 0;
  });
  l.shared.mark(at, bytes, true);
}

inline void load_done(Launch& l, const Bulk& b, u32 barrier) {
  u32& known = l.block.mbarrier(barrier).arrived.all[WARPS + b.channel];
  known = std::max(known, b.clock);
}

// A piece of a store.
inline void store_issued(Launch& l, const Access& a) {
  const View view = l.block.view(a.thread);
  touch(l, l.shared_place(), a, view);
  const size_t at = a.p - l.shared.base;
  Races races(l, l.shared_place(), a, view);
  races.each(at, a.bytes, [&](Cell& c, size_t i) {
    enter_async_proxy(l, c, [&] {
      return "bulk store at " + Launch::line(a.site) + " " + Launch::by(a.thread) + " reads " + l.place(l.shared, i);
    });
    c.leaving += c.leaving < 255;
  });
  l.stores[a.thread].push_back({(u32)at, a.bytes, l.store_group[a.thread], a.site});
}

// The thread has waited for all but its last `pending` groups of stores: it has read what they read.
inline void stores_done(Launch& l, u32 thread, u32 pending) {
  std::vector<Copy>& stores = l.stores[thread];
  size_t kept = 0;
  const Access none = {};
  Races races(l, l.shared_place(), none, l.block.view(thread));
  for (const Copy& c : stores) {
    if (l.store_group[thread] - c.group <= pending) {
      stores[kept++] = c;
      continue;
    }
    races.each(c.offset, c.bytes, [&](Cell& cell, size_t) {
      cell.leaving -= cell.leaving > 0;
      races.remember(cell, l.block.now(thread), 0, c.site);
    });
  }
  stores.resize(kept);
}
}  // namespace emu::check
