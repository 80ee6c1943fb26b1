// The buffers of the device: where they are, what they are called, which of their bytes were ever written.
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "cells.h"

namespace emu::check {
class Buffers {
 public:
  static Buffers& get() {
    static Buffers* b = new Buffers();
    return *b;
  }

  void add(u8* p, size_t n, bool written, const char* name) {
    std::unique_lock<std::shared_mutex> l(mutex_);
    for (auto it = freed_.lower_bound(p); it != freed_.end() && it->first < p + n;) it = freed_.erase(it);
    regions_.emplace_back();      // never destroyed: a launch may still hold a pointer to it
    Region& r = regions_.back();
    r.map(p, n);
    r.name = name;
    if (written) r.mark(0, n, true);
    live_[p] = &r;
  }
  void remove(u8* p) {
    std::unique_lock<std::shared_mutex> l(mutex_);
    auto it = live_.find(p);
    if (it == live_.end()) return;
    freed_[p] = {it->second->bytes, it->second->name};
    erase_parts(p, it->second->bytes);
    it->second->unmap();
    live_.erase(it);
  }
  // The buffer that holds `p`; else nullptr.
  Region* find(const u8* p) {
    std::shared_lock<std::shared_mutex> l(mutex_);
    return holding(p);
  }
  void mark(u8* p, size_t n, bool written) {
    std::shared_lock<std::shared_mutex> l(mutex_);
    if (Region* r = holding(p)) r->mark(p - r->base, n, written);
  }
  // The bytes at `to` are written where those at `from` are.
  void copied(u8* to, const u8* from, size_t n) {
    std::shared_lock<std::shared_mutex> l(mutex_);
    Region *d = holding(to), *s = holding(from);
    if (!d) return;
    if (!s || s->all_written) return d->mark(to - d->base, n, true);
    for (size_t i = 0; i < n && s->holds(from + i) && d->holds(to + i); i++)
      d->set_written(to + i - d->base, 1, s->is_written(from + i - s->base, 1));
  }
  // A part of a buffer gets a name of its own, until another part that overlaps it is named.
  void name(u8* p, size_t n, const char* text) {
    std::unique_lock<std::shared_mutex> l(mutex_);
    erase_parts(p, n);
    parts_[p] = {n, text};
  }
  // "byte 12 of x", by the part's name if it has one.
  std::string place(const Region& r, size_t at) {
    std::shared_lock<std::shared_mutex> l(mutex_);
    auto it = parts_.upper_bound(r.base + at);
    if (it != parts_.begin()) {
      --it;
      const size_t inside = r.base + at - it->first;
      if (inside < it->second.bytes)
        return number(inside) + it->second.name + " (" + number(at) + r.name + ")";
    }
    return number(at) + r.name;
  }
  // What an address in no buffer is near to.
  std::string stray(const u8* p) {
    std::shared_lock<std::shared_mutex> l(mutex_);
    auto old = freed_.upper_bound((u8*)p);
    if (old != freed_.begin()) {
      --old;
      const size_t at = p - old->first;
      if (at < old->second.bytes) return number(at) + old->second.name + ", which has been freed";
    }
    auto next = live_.upper_bound((u8*)p);
    const size_t before = next != live_.end() ? next->first - p : NEAR;
    if (next != live_.begin()) {
      const Region& r = *std::prev(next)->second;
      const size_t at = p - r.base;
      if (at < r.bytes || at - r.bytes < std::min(before, NEAR))
        return number(at) + r.name + ", which has " + std::to_string(r.bytes) + " bytes";
    }
    if (before < NEAR) return std::to_string(before) + " bytes before " + next->second->name;
    char text[64];
    snprintf(text, sizeof text, "address %p, in no buffer", (const void*)p);
    return text;
  }
  // Every buffer that a launch without the checker was handed may have been written by it.
  void trust(const void* parameters, size_t n) {
    std::shared_lock<std::shared_mutex> l(mutex_);
    for (size_t i = 0; i + 8 <= n; i += 8) {
      u8* p;
      memcpy(&p, (const u8*)parameters + i, 8);
      if (Region* r = holding(p)) r->mark(0, r->bytes, true);
    }
  }
  // Races of all earlier launches are forgotten; needed when their numbers start again.
  void forget_races() {
    std::shared_lock<std::shared_mutex> l(mutex_);
    for (auto& r : live_) forget(r.second->cells, r.second->bytes / 4 + 1);
  }

 private:
  static constexpr size_t NEAR = 1 << 16;
  struct Part {
    size_t bytes;
    std::string name;
  };
  std::shared_mutex mutex_;
  std::deque<Region> regions_;
  std::map<u8*, Region*> live_;
  std::map<u8*, Part> freed_, parts_;

  static std::string number(size_t at) { return "byte " + std::to_string(at) + " of "; }
  void erase_parts(const u8* p, size_t n) {
    for (auto it = parts_.begin(); it != parts_.end();)
      it = it->first < p + n && p < it->first + it->second.bytes ? parts_.erase(it) : std::next(it);
  }
  Region* holding(const u8* p) {
    auto it = live_.upper_bound((u8*)p);
    if (it == live_.begin()) return nullptr;
    Region* r = std::prev(it)->second;
    return r->holds(p) ? r : nullptr;
  }
};
}  // namespace emu::check
