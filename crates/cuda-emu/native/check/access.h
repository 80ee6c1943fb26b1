// One access of a thread to shared or device memory: bounds, initialisation, races, banks.
#pragma once
#include "races.h"

namespace emu::check {
constexpr size_t SHARED_WINDOW = 256 << 10, GUARD = 4096;

inline void touch(Launch& l, const Place& place, const Access& a, const View& view) {
  Region& r = *place.region;
  const size_t at = a.p - r.base;
  Races races(l, place, a, view);
  const bool known = a.kind == WRITE || r.all_written || r.is_written(at, a.bytes);
  races.touch(at, a.bytes);
  if (!known) {
    size_t hole = at;
    while (r.is_written(hole, 1)) hole++;
    std::string text = "uninitialised: " + l.act(a, r, at) + ": byte " + std::to_string(hole) + " was never written";
    if (&r == &l.shared && !l.bulks.empty())
      text += "; a bulk copy was issued at " + Launch::line(l.bulks.back().site) + " " +
              Launch::by(l.bulks.back().view.thread);
    Launch::report(text);
  }
  if (a.kind != READ && !r.all_written) r.set_written(at, a.bytes, true);
}

[[noreturn]] inline void out_of_bounds(Launch& l, const Access& a, const std::string& where) {
  Launch::report("out of bounds: " + Launch::verb(a.kind, a.bytes) + " at " + where + ", at " + Launch::line(a.site) +
                 " " + Launch::by(a.thread));
}

inline bool in_shared(const Launch& l, const u8* p) {
  return (size_t)(p - l.shared.base + GUARD) < SHARED_WINDOW + 2 * GUARD;
}
inline std::string outside_shared(const Launch& l, size_t at) {
  return "byte " + std::to_string((long long)at) + " of shared memory, of which the block has " +
         std::to_string(l.shared.bytes) + " bytes";
}

inline void shared_access(Launch& l, const Access& a) {
  const size_t at = a.p - l.shared.base;
  if (at + a.bytes > l.shared.bytes || at > l.shared.bytes)
    out_of_bounds(l, a, outside_shared(l, at));
  if (a.site) l.banks.note(a.thread, a.site, (u32)at, a.bytes);
  touch(l, l.shared_place(), a, l.block.view(a.thread));
}

// False if the address is in no buffer.
inline bool global_access(Launch& l, const Access& a, const View& view) {
  Region* r = l.buffer(a.p, a.site);
  if (!r) return false;
  const size_t at = a.p - r->base;
  if (at + a.bytes > r->bytes) out_of_bounds(l, a, Buffers::get().stray(a.p));
  touch(l, l.global_place(r), a, view);
  return true;
}

// At most 16 bytes. Stacks, the threads' own records and the kernels' constants are nobody else's business.
inline void access(Launch& l, const Access& a) {
  if (in_shared(l, a.p)) return shared_access(l, a);
  if (global_access(l, a, l.block.view(a.thread))) return;
  if (is_stack(a.p)) return;
  if (a.kind == READ && Sites::get().in_image(a.p)) return;
  out_of_bounds(l, a, Buffers::get().stray(a.p));
}
}  // namespace emu::check
