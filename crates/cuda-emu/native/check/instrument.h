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
#define NOTE(n, kind, aligned) emu::check::loads_and_stores((const u8*)p, n, emu::check::kind, BY, aligned)
#define LOAD_STORE(n)                                                   \
  void __tsan_read##n(void* p) { NOTE(n, READ, true); }                 \
  void __tsan_write##n(void* p) { NOTE(n, WRITE, true); }               \
  void __tsan_volatile_read##n(void* p) { NOTE(n, READ, true); }        \
  void __tsan_volatile_write##n(void* p) { NOTE(n, WRITE, true); }      \
  void __tsan_unaligned_read##n(void* p) { NOTE(n, READ, false); }      \
  void __tsan_unaligned_write##n(void* p) { NOTE(n, WRITE, false); }
#define UPDATE(bits, T, name, f)                                             \
  T __tsan_atomic##bits##_##name(T* p, T v, int) {                           \
    NOTE(sizeof(T), ATOMIC_UPDATE, true); \
    return f(p, v, __ATOMIC_RELAXED);                                        \
  }
#define EXCHANGE(bits, T, name, weak)                                        \
  int __tsan_atomic##bits##_compare_exchange_##name(T* p, T* expected, T v, int, int) {        \
    NOTE(sizeof(T), ATOMIC_UPDATE, true); \
    return __atomic_compare_exchange_n(p, expected, v, weak, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
  }
#define ATOMIC(bits, T)                                                      \
  T __tsan_atomic##bits##_load(const T* p, int) {                            \
    NOTE(sizeof(T), ATOMIC_UPDATE, true); \
    return __atomic_load_n(p, __ATOMIC_RELAXED);                             \
  }                                                                          \
  void __tsan_atomic##bits##_store(T* p, T v, int) {                         \
    NOTE(sizeof(T), ATOMIC_UPDATE, true); \
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
inline void undefined(const void* record, const std::string& what, const std::string& more = "") {
  if (!here || !cur) return;
  SourcePlace s;
  memcpy(&s, record, sizeof s);
  const char* path = strstr(s.file, "/kernels/");
  const char* base = strrchr(s.file, '/');
  const std::string file = path ? path + 9 : base ? base + 1 : s.file;
  Launch::report(what + more + ", at " + file + ":" + std::to_string(s.line) + " " + Launch::by(cur->lin));
}
}  // namespace emu::check
#define UNDEFINED(name, what, ...) \
  void __ubsan_handle_##name(void* record, ##__VA_ARGS__) { emu::check::undefined(record, what); }
extern "C" {
void __ubsan_handle_out_of_bounds(void* record, void* index) {
  emu::check::undefined(record, "array index out of range: ", std::to_string((long long)index));
}
void __ubsan_handle_shift_out_of_bounds(void* record, void*, void* by) {
  emu::check::undefined(record, "shift out of range: by ", std::to_string((long long)by));
}
UNDEFINED(add_overflow, "signed overflow: sum", void*, void*)
UNDEFINED(sub_overflow, "signed overflow: difference", void*, void*)
UNDEFINED(mul_overflow, "signed overflow: product", void*, void*)
UNDEFINED(negate_overflow, "signed overflow: negation", void*)
UNDEFINED(divrem_overflow, "division by zero or overflow of a quotient", void*, void*)
}
