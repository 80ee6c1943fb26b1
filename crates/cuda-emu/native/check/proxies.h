// Asynchronous copies and the async proxy: cp.async, bulk tensor copies, wgmma, fence.proxy.async.
//
// A cp.async writes from its issue to the wait of its thread: until then its bytes are "flying". A bulk copy writes
// with the knowledge of its issuer and is known to whoever waits for its mbarrier. A wgmma reads from its issue to the
// wait of its warpgroup. Bulk copies and wgmma see ordinary stores only after a fence.proxy.async by their thread.
#pragma once
#include "access.h"

namespace emu::check {
inline void copy_issued(Launch& l, const Access& a, u32 thread) {
  shared_access(l, a);
  const size_t at = a.p - l.shared.base;
  Races races(l, l.shared_place(), a, l.block.view(thread));
  races.each(at, a.bytes, [](Cell& c, size_t) { c.state |= FLYING; });
  l.shared.set_written(at, a.bytes, false);
  l.copies[thread].push_back({(u32)at, a.bytes, l.group[thread]});
}

// The thread has waited for all but its last `pending` groups.
inline void copies_landed(Launch& l, u32 thread, u32 pending) {
  std::vector<Copy>& copies = l.copies[thread];
  size_t kept = 0;
  const Access none = {};
  const View view = l.block.view(thread);
  Races races(l, l.shared_place(), none, view);
  for (const Copy& c : copies) {
    if (l.group[thread] - c.group <= pending) {
      copies[kept++] = c;
      continue;
    }
    races.each(c.offset, c.bytes, [&](Cell& cell, size_t at) {
      if (!(cell.state & FLYING) || cell.write.thread() != thread) return;
      cell.state &= ~FLYING;
      cell.write = l.block.now(thread);
      l.shared.set_written(at, 4, true);
    });
  }
  copies.resize(kept);
}

inline u32 bulk_issued(Launch& l, u32 thread, u32 barrier, u16 site) {
  Bulk b;
  b.knows = l.block.knowledge(thread);
  b.view = l.block.view(thread);
  b.thread = thread;
  b.channel = l.block.channel(barrier);
  b.clock = ++l.channel_clock[b.channel];
  b.barrier = barrier;
  b.site = site;
  l.block.advance(thread);      // what the issuer does from here on is not ordered before the copy
  l.bulks.push_back(b);
  return l.bulks.size() - 1;
}

// Whether an ordinary store may be unseen by the async proxy.
inline bool unfenced(const Launch& l, Event e) { return e && !e.by_engine() && e.clock() >= l.block.fenced[e.thread()]; }

inline void bulk_write(Launch& l, Bulk& b, const u8* p, u32 bytes) {
  b.view.knows = &b.knows;
  const Access a = {p, bytes, b.thread, b.site, WRITE};
  const size_t at = p - l.shared.base;
  if (at + bytes > l.shared.bytes) out_of_bounds(l, a, "byte " + std::to_string(at) + " of shared memory by a bulk copy");
  Races races(l, l.shared_place(), a, b.view);
  const std::string what = "bulk copy issued at ";
  races.each(at, bytes, [&](Cell& c, size_t i) {
    const auto copy = [&] { return what + Launch::line(b.site) + " " + Launch::by(b.thread) + " writes " + l.place(l.shared, i); };
    if (c.state & FLYING) Launch::report("missing wait: " + copy() + ", where the cp.async at " + Launch::line(c.write_site) + " by " + l.who(c.write) + " is under way");
    if (c.write && !b.view.after(c.write))
      Launch::report("race: " + copy() + ", not ordered after the write at " + Launch::line(c.write_site) + " by " + l.who(c.write));
    if (unfenced(l, c.write))
      Launch::report("missing proxy fence: " + copy() + " after the ordinary store at " + Launch::line(c.write_site) + " by " + l.who(c.write) + ", without fence.proxy.async by that thread");
    races.readers(c, [&](Event e, bool lanes) { return races.after(e, lanes); }, [&](Event e, u16 site) {
      Launch::report("race: " + copy() + ", not ordered after the read at " + Launch::line(site) + " by " + l.who(e));
    });
    races.forget_readers(c);
    c.write = Event(l.block.number, ENGINE + b.channel, b.clock);
    c.write_site = b.site;
    c.state = 0;
  });
  l.shared.mark(at, bytes, true);
}

// The source of a bulk copy.
inline void bulk_read(Launch& l, Bulk& b, const u8* p, u32 bytes) {
  b.view.knows = &b.knows;
  while (bytes) {
    const Access a = {p, std::min(bytes, 16u), b.thread, b.site, READ};
    if (!global_access(l, a, b.view)) out_of_bounds(l, a, Buffers::get().stray(p));
    p += a.bytes;
    bytes -= a.bytes;
  }
}

inline void bulk_done(Launch& l, Bulk& b, u32 barrier) {
  u32& known = l.block.mbarrier(barrier).arrived.all[WARPS + b.channel];
  known = std::max(known, b.clock);
}

// The four warps from `warp` read 16 bytes as an operand of a wgmma: called when it is issued and when it is waited for.
inline void wgmma_read(Launch& l, u32 warp, const u8* p, u32 bytes, u16 site) {
  const u32 clock = l.block.level(warp);
  const Access a = {p, bytes, warp * 32, site, READ};
  const size_t at = p - l.shared.base;
  if (at + bytes > l.shared.bytes) out_of_bounds(l, a, "byte " + std::to_string((long long)at) + " of shared memory by wgmma");
  const View view = l.block.view(warp * 32);
  Races races(l, l.shared_place(), a, view);
  const auto read = [&](size_t i) { return "wgmma at " + Launch::line(site) + " reads " + l.place(l.shared, i); };
  races.each(at, bytes, [&](Cell& c, size_t i) {
    if (c.state & FLYING)
      Launch::report("missing wait: " + read(i) + ", where the cp.async at " + Launch::line(c.write_site) + " by " + l.who(c.write) + " is under way");
    for (u32 w = warp; w < warp + 4 && c.write; w++)
      if (!l.block.view(w * 32).after(c.write))
        Launch::report("race: " + read(i) + ", not ordered after the write at " + Launch::line(c.write_site) + " by " + l.who(c.write));
    if (unfenced(l, c.write))
      Launch::report("missing proxy fence: " + read(i) + " after the ordinary store at " + Launch::line(c.write_site) + " by " + l.who(c.write) + ", without fence.proxy.async by that thread");
    races.remember(c, Event(l.block.number, warp * 32, clock), GROUP, site);
  });
  if (!l.shared.is_written(at, bytes)) Launch::report("uninitialised: " + read(at) + ", which was never written");
}
}  // namespace emu::check
