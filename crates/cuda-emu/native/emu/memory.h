// Loads, stores and fences. Hints about caches mean nothing here.
#pragma once

// The checked build must see one access of 16 bytes, not the pieces that the compiler would make of it.
#ifdef EMU_CHECKED
#define EMU_MEM static __attribute__((noinline, no_sanitize("thread", "undefined"), unused))
#define EMU_NOTE(p, n, w) emu::note_access(p, n, w, __builtin_return_address(0))
#else
#define EMU_MEM static inline
#define EMU_NOTE(p, n, w) \
  ((u64)(p) & (n - 1) ? emu::fail("a %d-byte access at %p, which is not a multiple of it", n, p) : (void)0)
#endif
EMU_MEM uint4 ld16(const void* p) { EMU_NOTE(p, 16, 0); uint4 v; __builtin_memcpy(&v, p, 16); return v; }
EMU_MEM void st16(void* p, uint4 v) { EMU_NOTE(p, 16, 1); __builtin_memcpy(p, &v, 16); }
EMU_MEM uint2 ld8(const void* p) { EMU_NOTE(p, 8, 0); uint2 v; __builtin_memcpy(&v, p, 8); return v; }
EMU_MEM void st8(void* p, uint2 v) { EMU_NOTE(p, 8, 1); __builtin_memcpy(p, &v, 8); }
#define ldg16 ld16
#define ldg8 ld8
#define ld16_stream ld16
#define st16_stream st16
template <class T> DEV T __ldg(const T* p) { return *p; }
template <class T> DEV T __ldcg(const T* p) { return *p; }
template <class T> DEV T __ldcs(const T* p) { return *p; }
template <class T> DEV void __stcg(T* p, T v) { *p = v; }
template <class T> DEV void __stcs(T* p, T v) { *p = v; }
DEV void __threadfence() {}
DEV void __threadfence_block() {}
DEV void __nanosleep(u32) {}
