// Fibers: a CUDA thread is a stack and a place to go on.
#pragma once
#include <cstddef>
#include <cstdint>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emu {
// Where a fiber (or the code that started the fibers) stopped.
struct Context {
#if defined(__x86_64__)
  void* stack_pointer;
#else
  ucontext_t saved;
#endif
};

// Goes on at `to` and keeps this place in `from`; returns when somebody switches back to `from`.
#if defined(__x86_64__)
extern "C" void emu_switch(void** from, void* to);
inline void switch_context(Context& from, Context& to) { emu_switch(&from.stack_pointer, to.stack_pointer); }
#else
inline void switch_context(Context& from, Context& to) { swapcontext(&from.saved, &to.saved); }
#endif

// Makes `context` start in `entry` (which never returns) on the stack [bottom, top).
void prepare_context(Context& context, uint8_t* bottom, uint8_t* top, void (*entry)());

// Stacks for up to 1024 fibers, made when first asked for, each with an unmapped page below.
class Stacks {
 public:
  static constexpr size_t SIZE = 64 << 10;
  static constexpr uint32_t MOST = 1024;
  Stacks();
  // Makes the first `count` stacks usable.
  void reserve(uint32_t count);
  uint8_t* bottom(uint32_t i) const { return base_ + i * SIZE; }
  // Tops are staggered, or the hot lines of all fibers would fall into the same sets of the cache.
  uint8_t* top(uint32_t i) const { return base_ + (i + 1) * SIZE - 256 - (i % 24) * 128; }
  bool contains(const void* p) const {
    return static_cast<const uint8_t*>(p) >= base_ && static_cast<const uint8_t*>(p) < base_ + MOST * SIZE;
  }

 private:
  uint8_t* base_;
  uint32_t reserved_ = 0;
};
}  // namespace emu
