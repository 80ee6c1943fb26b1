// cp.async: writes from its issue to the wait of its thread; until then its bytes are "flying".
#pragma once
#include "access.h"

namespace emu::check {
inline void copy_issued(Launch& l, const Access& a) {
  shared_access(l, a);
  const size_t at = a.p - l.shared.base;
  Races races(l, l.shared_place(), a, l.block.view(a.thread));
  races.each(at, a.bytes, [](Cell& c, size_t) { c.state |= FLYING; });
  l.shared.set_written(at, a.bytes, false);
  l.copies[a.thread].push_back({(u32)at, a.bytes, l.group[a.thread], a.site});
}

// The thread has waited for all but its last `pending` groups: it has written what they brought.
inline void copies_landed(Launch& l, u32 thread, u32 pending) {
  std::vector<Copy>& copies = l.copies[thread];
  size_t kept = 0;
  const Access none = {};
  Races races(l, l.shared_place(), none, l.block.view(thread));
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
}  // namespace emu::check
