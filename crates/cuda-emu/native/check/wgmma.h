// wgmma: a warpgroup reads its operands from the issue until it has waited.
#pragma once
#include "proxy.h"

namespace emu::check {
// The four warps from `warp` on read 16 bytes: told when the instruction is issued, and again when it is waited for.
inline void wgmma_read(Launch& l, u32 warp, const u8* p, u32 bytes, u16 site) {
  const u32 clock = l.block.level(warp);
  const Access a = {p, bytes, warp * 32, site, READ};
  const size_t at = p - l.shared.base;
  if (at + bytes > l.shared.bytes) out_of_bounds(l, a, outside_shared(l, at) + " (by wgmma)");
  Races races(l, l.shared_place(), a, l.block.view(warp * 32));
  const auto what = [&](size_t i) { return "wgmma at " + Launch::line(site) + " reads " + l.place(l.shared, i); };
  races.each(at, bytes, [&](Cell& c, size_t i) {
    for (u32 w = warp; w < warp + 4 && c.write && !(c.state & FLYING); w++)
      if (!l.block.view(w * 32).after(c.write))
        Launch::report("race: " + what(i) + ", not ordered after the write " + l.at(c.write_site, c.write));
    enter_async_proxy(l, c, [&] { return what(i); });
    races.remember(c, Event(l.block.number, warp * 32, clock), GROUP, site);
  });
  if (!l.shared.is_written(at, bytes)) Launch::report("uninitialised: " + what(at) + ", which was never written");
}
}  // namespace emu::check
