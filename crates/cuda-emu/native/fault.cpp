// Errors: from the emulator itself, and from the processor's exceptions (guard pages, traps of the sanitizer).
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <mutex>
#include <ucontext.h>
#include "runtime.h"

namespace emu {
namespace {
struct sigaction previous[NSIG];

const void* code_address(const void* context) {
#if defined(__x86_64__)
  return reinterpret_cast<const void*>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] + 1);
#else
  (void)context;
  return nullptr;
#endif
}

// In a fiber: remember what happened and leave the block (the message is made outside of the handler). The handler
// never returns; its own stack is free again as soon as the stack pointer is elsewhere. Outside: whoever was there
// first.
void on_signal(int number, siginfo_t* info, void* context) {
  Worker* w = worker;
  if (w && cur && !w->failed) {
    w->failed = true;
    w->fault_signal = number;
    w->fault_pc = code_address(context);
    w->fault_address = info->si_addr;
    leave(*w);
  }
  const struct sigaction& old = previous[number];
  if (old.sa_flags & SA_SIGINFO) {
    old.sa_sigaction(number, info, context);
  } else if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) {
    old.sa_handler(number);
  } else {
    signal(number, SIG_DFL);      // returning runs into it again
  }
}
}  // namespace

void catch_faults() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}) sigaction(number, &action, &previous[number]);
  });
}

// A fiber that overflows its stack leaves none for the handler.
void use_alternate_stack() {
  stack_t old{};
  if (sigaltstack(nullptr, &old) == 0 && !(old.ss_flags & SS_DISABLE)) return;
  constexpr size_t SIZE = 64 << 10;
  struct Owner {
    void* memory = malloc(SIZE);
    ~Owner() {
      stack_t none{};
      none.ss_flags = SS_DISABLE;
      sigaltstack(&none, nullptr);
      free(memory);
    }
  };
  static thread_local Owner owner;
  stack_t fresh{};
  fresh.ss_sp = owner.memory;
  fresh.ss_size = SIZE;
  sigaltstack(&fresh, nullptr);
}

std::string describe(const Fiber& f) {
  char s[96];
  snprintf(s, sizeof s, "block (%u,%u,%u) thread %u", f.bid.x, f.bid.y, f.bid.z, f.lin);
  return s;
}

std::string describe_fault(const Worker& w) {
  const std::string where = locate(w.fault_pc);
  const u8* at = static_cast<const u8*>(w.fault_address);
  char s[200];
  if (w.fault_signal == SIGILL || w.fault_signal == SIGTRAP) {
    snprintf(s, sizeof s, "undefined behaviour (an index beyond its array, an overflow, a shift) at %s", where.c_str());
  } else if (w.fault_signal == SIGFPE) {
    snprintf(s, sizeof s, "an integer division by zero at %s", where.c_str());
  } else if (w.stacks.contains(at)) {
    snprintf(s, sizeof s, "the stack of a thread overflowed at %s", where.c_str());
  } else if (at >= w.arena_map && at < w.arena_map + (256 << 10) + 8192) {
    snprintf(s, sizeof s, "an access at %lld of shared memory, which has %u bytes (guard page), at %s",
             (long long)(at - w.arena), w.smem, where.c_str());
  } else {
    snprintf(s, sizeof s, "a wild access at %p (guard page) at %s", w.fault_address, where.c_str());
  }
  return s;
}

void fail(const char* format, ...) {
  Worker& w = *worker;
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  w.error = describe(running()) + ": " + text;
  w.failed = true;
  leave(w);
}
}  // namespace emu
