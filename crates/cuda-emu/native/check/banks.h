// Bank conflicts: how often the shared memory accesses of a warp took more passes over the 32 banks than they had to.
//
// Every lane keeps a log of its accesses between two collectives of its warp. The n-th access of a site by each lane
// is one instruction of the warp. An instruction of 4 bytes a lane is one pass over all lanes, of 8 bytes two passes
// over half of them, of 16 bytes four passes over 8 lanes; different words in one bank cost a wavefront each.
#pragma once
#include <algorithm>
#include <map>
#include <vector>

#include "cells.h"

namespace emu::check {
struct BankUse {
  u64 accesses = 0, wavefronts = 0, ideal = 0;
};

class Banks {
 public:
  std::map<u16, BankUse> use;      // by site
  u64 unseen = 0;                  // accesses that did not fit in the log

  void begin() {
    if (!log_) log_ = reserve<Entry>((size_t)THREADS * LOG);
    std::fill(length_, length_ + THREADS, 0);
  }
  void note(u32 thread, u16 site, u32 offset, u32 bytes) {
    u32& n = length_[thread];
    if (n == LOG) {
      unseen++;
      return;
    }
    log_[(size_t)thread * LOG + n++] = {offset, site, (u8)bytes, 0};
  }
  void flush(u32 warp) {
    u32* n = length_ + warp * 32;
    const u32 most = *std::max_element(n, n + 32);
    if (!most) return;
    const Entry* e = log_ + (size_t)warp * 32 * LOG;
    if (in_step(e, n, most)) {
      for (u32 i = 0; i < most; i++) {
        Instruction a = {};
        for (u32 l = 0; l < 32; l++)
          if (i < n[l]) a.add(l, e[(size_t)l * LOG + i]);
        count(a);
      }
    } else {
      match(e, n);
    }
    std::fill(n, n + 32, 0);
  }

 private:
  static constexpr u32 LOG = 2048;
  struct Entry {
    u32 offset;
    u16 site;
    u8 bytes, unused;
  };
  struct Instruction {
    u32 mask;
    u16 site;
    u8 bytes;
    u32 offset[32];
    void add(u32 lane, const Entry& e) {
      mask |= 1u << lane;
      site = e.site;
      bytes = e.bytes;
      offset[lane] = e.offset;
    }
  };
  Entry* log_ = nullptr;
  u32 length_[THREADS] = {};

  static bool in_step(const Entry* e, const u32* n, u32 most) {
    for (u32 i = 0; i < most; i++) {
      const Entry* first = nullptr;
      for (u32 l = 0; l < 32; l++) {
        if (i >= n[l]) continue;
        const Entry& x = e[(size_t)l * LOG + i];
        if (first && (x.site != first->site || x.bytes != first->bytes)) return false;
        first = &x;
      }
    }
    return true;
  }
  // Lanes that took different ways: match the n-th access of each site.
  void match(const Entry* e, const u32* n) {
    std::map<u64, Instruction> open;
    for (u32 l = 0; l < 32; l++) {
      std::map<u32, u32> seen;
      for (u32 i = 0; i < n[l]; i++) {
        const Entry& x = e[(size_t)l * LOG + i];
        const u32 kind = (u32)x.site << 8 | x.bytes;
        open[(u64)kind << 32 | seen[kind]++].add(l, x);
      }
    }
    for (auto& o : open) count(o.second);
  }
  void count(const Instruction& a) {
    const u32 lanes = a.bytes <= 4 ? 32 : a.bytes == 8 ? 16 : 8, words = std::max<u32>(a.bytes / 4, 1);
    BankUse& u = use[a.site];
    u.accesses++;
    for (u32 first = 0; first < 32; first += lanes) {
      u32 depth = 0, word[32][32];
      u8 n[32] = {};
      for (u32 l = first; l < first + lanes; l++) {
        if (!(a.mask >> l & 1)) continue;
        for (u32 k = 0; k < words; k++) {
          const u32 w = a.offset[l] / 4 + k, b = w & 31;
          if (std::find(word[b], word[b] + n[b], w) == word[b] + n[b] && n[b] < 32) word[b][n[b]++] = w;
          depth = std::max<u32>(depth, n[b]);
        }
      }
      u.wavefronts += depth;
      u.ideal += depth != 0;
    }
  }
};
}  // namespace emu::check
