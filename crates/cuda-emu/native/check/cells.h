// Shadow memory: 24 bytes for 4 bytes that a checked launch touches, 1 bit for each byte of every allocation.
//
// A cell remembers the last write and the readers since. Stores and loads of less than 4 bytes split a cell into four,
// kept in a pool until the launch (for shared memory: the block) ends. Readers of several warps go to a pool as well.
// An epoch (launch or block number) in the cell makes clearing unnecessary; untouched shadow costs no memory.
#pragma once
#include <sys/mman.h>

#include <string>
#include <vector>

#include "event.h"

namespace emu::check {
enum : u8 {
  SPLIT = 1,      // `write` is the number of four cells, one a byte
  ATOMIC = 2,     // the last write was atomic
  FLYING = 4,     // the last write is a cp.async that has not been waited for
  LANES = 8,      // several lanes of the reader's warp have read
  SET = 16,       // several warps have read: `read` is the number of a ReadSet
  BLOCKS = 32,    // several blocks have read
  GROUP = 64,     // the readers are the four warps of a wgmma
  LOST = 128,     // the pools were full: no races are looked for here
};

struct Cell {
  Event write, read;
  u16 write_site, read_site;
  u16 epoch;
  u8 state;
  u8 leaving;      // bulk stores that still read it
};
static_assert(sizeof(Cell) == 24, "");

struct Quad {
  Cell byte[4];
};

struct ReadSet {
  u32 block;
  u32 present;            // warps
  u32 clock[WARPS];       // of the last read by the warp
  u16 site[WARPS];
  u8 lane[WARPS];         // 32: several
};

template <class T>
T* reserve(size_t n) {
  void* p = mmap(nullptr, n * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<T*>(p);
}
template <class T>
void forget(T* p, size_t n) {
  if (p && n) madvise(p, n * sizeof(T), MADV_DONTNEED);
}

// Numbered records, taken one at a time and given back one by one or all at once.
template <class T>
class Pool {
 public:
  static constexpr u32 CAPACITY = 4u << 20;
  T* take(u64& number) {
    if (!free_.empty()) {
      number = free_.back();
      free_.pop_back();
    } else {
      if (!base_) base_ = reserve<T>(CAPACITY);
      if (!base_ || used_ == CAPACITY) return nullptr;
      number = used_++;
    }
    return new (&base_[number]) T();
  }
  T& at(u64 number) { return base_[number % CAPACITY]; }
  void give(u64 number) { free_.push_back((u32)number); }
  void clear() {
    if ((size_t)used_ * sizeof(T) > (64u << 20)) forget(base_, used_);
    used_ = 0;
    free_.clear();
  }

 private:
  T* base_ = nullptr;
  u32 used_ = 0;
  std::vector<u32> free_;
};

struct Pools {
  Pool<Quad> quads;
  Pool<ReadSet> sets;
  void clear() {
    quads.clear();
    sets.clear();
  }
};

// A stretch of memory with its shadow: a device buffer, or the shared memory of the block that runs.
struct Region {
  u8* base = nullptr;
  size_t bytes = 0;
  Cell* cells = nullptr;
  u8* written = nullptr;      // one bit a byte
  bool all_written = false;
  std::string name;

  void map(u8* p, size_t n) {
    base = p;
    bytes = n;
    cells = reserve<Cell>(n / 4 + 1);
    written = reserve<u8>(n / 8 + 8);
  }
  void unmap() {
    munmap(cells, (bytes / 4 + 1) * sizeof(Cell));
    munmap(written, bytes / 8 + 8);
    bytes = 0;
  }
  bool holds(const u8* p) const { return (size_t)(p - base) < bytes; }

  // At most 16 bytes.
  bool is_written(size_t at, u32 n) const {
    u32 w;
    memcpy(&w, written + (at >> 3), 4);
    const u32 mask = ((1u << n) - 1);
    return (w >> (at & 7) & mask) == mask;
  }
  void set_written(size_t at, u32 n, bool value) {
    if (!value) all_written = false;
    u32 w;
    memcpy(&w, written + (at >> 3), 4);
    const u32 mask = ((1u << n) - 1) << (at & 7);
    w = value ? w | mask : w & ~mask;
    memcpy(written + (at >> 3), &w, 4);
  }
  void mark(size_t at, size_t n, bool value) {
    if (at >= bytes) return;
    n = std::min(n, bytes - at);
    if (value && all_written) return;
    all_written = value && n == bytes;
    for (; n && (at & 7); at++, n--) set_written(at, 1, value);
    memset(written + at / 8, value ? 0xff : 0, n / 8);
    for (at += n / 8 * 8, n %= 8; n; at++, n--) set_written(at, 1, value);
  }
};
}  // namespace emu::check
