// The async proxy: bulk copies and wgmma see an ordinary store only after a fence.proxy.async by the storing thread.
#pragma once
#include "access.h"

namespace emu::check {
// Before the async proxy touches a byte. `what`() begins the message: who does what to which byte.
template <class W>
void enter_async_proxy(const Launch& l, const Cell& c, W what) {
  if (c.state & FLYING)
    Launch::report("missing wait: " + what() + ", where the cp.async " + l.at(c.write_site, c.write) + " is under way");
  const Event e = c.write;
  if (e && !e.by_engine() && e.clock() >= l.block.fenced[e.thread()])
    Launch::report("missing proxy fence: " + what() + " after the ordinary store " + l.at(c.write_site, e) +
                   ", without fence.proxy.async by that thread");
}
}  // namespace emu::check
