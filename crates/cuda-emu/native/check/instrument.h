// What the compiler calls from checked kernels: __tsan_* at each load and store, __ubsan_* where C++ says "undefined".
//
// The kernels are compiled with -fsanitize=thread and -fsanitize=bounds-strict and so on; none of the sanitizers'
// libraries is linked: these functions stand in for them.
#pragma once
#include "access.h"

namespace emu::check {
extern __thread Launch* here;

inline void loads_and_stores(const u8* p, u32 bytes, Kind kind, const void* pc, bool aligned) {
  Launch* l = here;
  if (!l || !cur) return;
  if ((size_t)(p - (const u8*)__builtin_frame_address(0) + 65536) < 131072) return;      // the thread's own stack
  if ((size_t)(p - (const u8*)cur) < sizeof(Ctx) || p == (const u8*)&cur) return;
  const Access a = {p, bytes, cur->lin, Sites::get().number(pc), kind};
  if (aligned && (u64)p & (bytes - 1) && !is_stack(p)) {
    const Region* r = in_shared(*l, p) ? &l->shared : l->buffer(p, a.site);
    if (r) Launch::report("misaligned: " + l->act(a, *r, p - r->base));
  }
  access(*l, a);
}

inline void stretch(const u8* p, size_t n, Kind kind, const void* pc) {
  for (; n; ) {
    const u32 k = std::min<size_t>(n, 16);
    loads_and_stores(p, k, kind, pc, false);
    p += k;
    n -= k;
  }
}
}  // namespace emu::check

#define BY __builtin_return_address(0)
#define LOAD_STORE(n)                                                                                                      \
  void __tsan_read##n(void* p) { emu::check::loads_and_stores((u8*)p, n, emu::check::READ, BY, true); }                    \
  void __tsan_write##n(void* p) { emu::check::loads_and_stores((u8*)p, n, emu::check::WRITE, BY, true); }                  \
  void __tsan_volatile_read##n(void* p) { emu::check::loads_and_stores((u8*)p, n, emu::check::READ, BY, true); }           \
  void __tsan_volatile_write##n(void* p) { emu::check::loads_and_stores((u8*)p, n, emu::check::WRITE, BY, true); }         \
  void __tsan_unaligned_read##n(void* p) { emu::check::loads_and_stores((u8*)p, n, emu::check::READ, BY, false); }         \
  void __tsan_unaligned_write##n(void* p) { emu::check::loads_and_stores((u8*)p, n, emu::check::WRITE, BY, false); }
#define UPDATE(bits, T, name, f)                                             \
  T __tsan_atomic##bits##_##name(T* p, T v, int) {                           \
    emu::check::loads_and_stores((u8*)p, sizeof(T), emu::check::ATOMIC_UPDATE, BY, true); \
    return f(p, v, __ATOMIC_RELAXED);                                        \
  }
#define EXCHANGE(bits, T, name, weak)                                        \
  int __tsan_atomic##bits##_compare_exchange_##name(T* p, T* expected, T v, int, int) {        \
    emu::check::loads_and_stores((u8*)p, sizeof(T), emu::check::ATOMIC_UPDATE, BY, true); \
    return __atomic_compare_exchange_n(p, expected, v, weak, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
  }
#define ATOMIC(bits, T)                                                      \
  T __tsan_atomic##bits##_load(const T* p, int) {                            \
    emu::check::loads_and_stores((const u8*)p, sizeof(T), emu::check::ATOMIC_UPDATE, BY, true); \
    return __atomic_load_n(p, __ATOMIC_RELAXED);                             \
  }                                                                          \
  void __tsan_atomic##bits##_store(T* p, T v, int) {                         \
    emu::check::loads_and_stores((u8*)p, sizeof(T), emu::check::ATOMIC_UPDATE, BY, true); \
    __atomic_store_n(p, v, __ATOMIC_RELAXED);                                \
  }                                                                          \
  UPDATE(bits, T, exchange, __atomic_exchange_n)                             \
  UPDATE(bits, T, fetch_add, __atomic_fetch_add)                             \
  UPDATE(bits, T, fetch_sub, __atomic_fetch_sub)                             \
  UPDATE(bits, T, fetch_and, __atomic_fetch_and)                             \
  UPDATE(bits, T, fetch_or, __atomic_fetch_or)                               \
  UPDATE(bits, T, fetch_xor, __atomic_fetch_xor)                             \
  EXCHANGE(bits, T, weak, 1)                                                 \
  EXCHANGE(bits, T, strong, 0)

extern "C" {
LOAD_STORE(1)
LOAD_STORE(2)
LOAD_STORE(4)
LOAD_STORE(8)
LOAD_STORE(16)
ATOMIC(8, u8)
ATOMIC(16, u16)
ATOMIC(32, u32)
ATOMIC(64, u64)
void __tsan_read_range(void* p, unsigned long n) { emu::check::stretch((u8*)p, n, emu::check::READ, BY); }
void __tsan_write_range(void* p, unsigned long n) { emu::check::stretch((u8*)p, n, emu::check::WRITE, BY); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}
void* __tsan_memcpy(void* d, const void* s, unsigned long n) {
  emu::check::stretch((const u8*)s, n, emu::check::READ, BY);
  emu::check::stretch((u8*)d, n, emu::check::WRITE, BY);
  return memcpy(d, s, n);
}
void* __tsan_memset(void* d, int v, unsigned long n) {
  emu::check::stretch((u8*)d, n, emu::check::WRITE, BY);
  return memset(d, v, n);
}
}

// Every record that the compiler hands over begins with the place in the source.
namespace emu::check {
struct SourcePlace {
  const char* file;
  u32 line, column;
};
inline void undefined(const void* record, const char* what, const std::string& more = "") {
  if (!here || !cur) return;
  SourcePlace s;
  memcpy(&s, record, sizeof s);
  const char* path = strstr(s.file, "/kernels/");
  const char* base = strrchr(s.file, '/');
  Launch::report(std::string(what) + more + ", at " + (path ? path + 9 : base ? base + 1 : s.file) + ":" + std::to_string(s.line) + " " +
                 Launch::by(cur->lin));
}
}  // namespace emu::check
extern "C" {
void __ubsan_handle_out_of_bounds(void* d, void* index) { emu::check::undefined(d, "array index out of range: ", std::to_string((long long)index)); }
void __ubsan_handle_shift_out_of_bounds(void* d, void*, void* by) { emu::check::undefined(d, "shift out of range: by ", std::to_string((long long)by)); }
void __ubsan_handle_add_overflow(void* d, void*, void*) { emu::check::undefined(d, "signed overflow: sum"); }
void __ubsan_handle_sub_overflow(void* d, void*, void*) { emu::check::undefined(d, "signed overflow: difference"); }
void __ubsan_handle_mul_overflow(void* d, void*, void*) { emu::check::undefined(d, "signed overflow: product"); }
void __ubsan_handle_negate_overflow(void* d, void*) { emu::check::undefined(d, "signed overflow: negation"); }
void __ubsan_handle_divrem_overflow(void* d, void*, void*) { emu::check::undefined(d, "division by zero or overflow of a quotient"); }
void __ubsan_handle_builtin_unreachable(void* d) { emu::check::undefined(d, "end of a function that must return, or unreachable code"); }
void __ubsan_handle_missing_return(void* d) { emu::check::undefined(d, "missing return"); }
}
