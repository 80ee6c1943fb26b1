// A checked launch: the state of the block that runs, the shadow of its shared memory, and how all is told.
//
// A checked launch runs on the OS thread that began it, block after block. Launches of different OS threads may be
// checked at the same time; they may share only buffers that all of them merely read.
#pragma once
#include <string>
#include <vector>

#include "banks.h"
#include "block.h"
#include "buffers.h"
#include "host.h"
#include "sites.h"

namespace emu::check {
enum Kind : u8 { READ, WRITE, ATOMIC_UPDATE };

struct Access {
  const u8* p;
  u32 bytes, thread;
  u16 site;
  Kind kind;
};

// A region, the pools its cells use, and the epoch in which they are valid.
struct Place {
  Region* region;
  Pools* pools;
  u16 epoch;
};

struct Copy {      // a cp.async, or a piece of a bulk store, that has not been waited for
  u32 offset, bytes, group;
  u16 site;
};

struct Bulk {      // a bulk load: what its issuer knew, and its number on its channel
  Clock knows;
  View view;
  u32 channel, clock;
  u16 site;
};

struct Launch {
  Block block;
  Banks banks;
  Region shared;
  Pools shared_pools, pools;
  u16 epoch = 0, shared_epoch = 0;
  const void* pc[THREADS];                // where a thread called the emulator last
  std::vector<Copy> copies[THREADS];
  u32 group[THREADS];
  std::vector<Copy> stores[THREADS];
  u32 store_group[THREADS];
  std::vector<Bulk> bulks;
  u32 channel_clock[CHANNELS];
  std::vector<Region*> by_site = std::vector<Region*>(1 << 16);

  Place shared_place() { return {&shared, &shared_pools, shared_epoch}; }
  Place global_place(Region* r) { return {r, &pools, epoch}; }

  // The buffer that holds `p`: a site nearly always means the same one.
  Region* buffer(const u8* p, u16 site) {
    Region*& cached = by_site[site];
    if (cached && cached->holds(p)) return cached;
    return cached = Buffers::get().find(p);
  }

  std::string who(Event e) const {
    if (e.by_engine()) return "a bulk copy";
    const D3 g = cur ? cur->gdim : D3{1, 1, 1};
    const u32 b = e.block();
    char text[80];
    snprintf(text, sizeof text, "block (%u,%u,%u) thread %u", b % g.x, b / g.x % g.y, b / g.x / g.y, e.thread());
    return text;
  }
  std::string place(const Region& r, size_t at) const { return Buffers::get().place(r, at); }
  // The bulk store that reads a byte of shared memory and has not been waited for.
  std::string leaving(size_t at) const {
    for (u32 t = 0; t < THREADS; t++)
      for (const Copy& c : stores[t])
        if (at - c.offset < c.bytes) return "the bulk store at " + line(c.site) + " " + by(t);
    return "a bulk store";
  }
  static std::string line(u16 site) { return Sites::get().name(site); }
  static std::string verb(Kind k, u32 bytes) {
    const char* v = k == READ ? "read" : k == WRITE ? "write" : "atomic update";
    return std::string(v) + " of " + std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
  }
  // "at f.cu:3 by block (0,0,0) thread 5"
  std::string at(u16 site, Event e) const { return "at " + line(site) + " by " + who(e); }
  static std::string by(u32 thread) { return "by thread " + std::to_string(thread); }

  // "write of 4 bytes at byte 8 of y, at f.cu:3 by thread 5"
  std::string act(const Access& a, const Region& r, size_t at) const {
    return verb(a.kind, a.bytes) + " at " + place(r, at) + ", at " + line(a.site) + " " + by(a.thread);
  }
  [[noreturn]] static void report(const std::string& text) { fail("%s", text.c_str()); }
};
}  // namespace emu::check
