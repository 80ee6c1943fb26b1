// Fibers: the switch from one stack to another.
#include "fiber.h"
#include <sys/mman.h>

namespace emu {
#if defined(__x86_64__)
// Six registers belong to the caller of a function; the rest are free at a call. Saving those six and the stack pointer
// is all there is to a switch: about three nanoseconds, where swapcontext makes a system call.
asm(R"(
.text
.globl emu_switch
.type emu_switch,@function
emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emu_switch,.-emu_switch
)");

void prepare_context(Context& context, uint8_t*, uint8_t* top, void (*entry)()) {
  // What emu_switch pops: six registers, then the address that its `ret` takes; above it a place that looks like the
  // return address of `entry`, which also makes the stack 16-byte aligned as at a call.
  uint64_t* sp = reinterpret_cast<uint64_t*>(top);
  *--sp = 0;
  *--sp = reinterpret_cast<uint64_t>(entry);
  for (int i = 0; i < 6; i++) *--sp = 0;
  context.stack_pointer = sp;
}
#else
void prepare_context(Context& context, uint8_t* bottom, uint8_t* top, void (*entry)()) {
  getcontext(&context.saved);
  context.saved.uc_stack.ss_sp = bottom + 4096;
  context.saved.uc_stack.ss_size = static_cast<size_t>(top - bottom) - 4096;
  context.saved.uc_link = nullptr;
  makecontext(&context.saved, entry, 0);
}
#endif

Stacks::Stacks() {
  void* map = mmap(nullptr, MOST * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  base_ = map == MAP_FAILED ? nullptr : static_cast<uint8_t*>(map);
}

void Stacks::reserve(uint32_t count) {
  for (; reserved_ < count; reserved_++) mprotect(bottom(reserved_), 4096, PROT_NONE);
}
}  // namespace emu
