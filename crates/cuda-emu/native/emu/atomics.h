// Atomic operations.
#pragma once

// Carried out by a loop over compare-and-swap: `next` of the old value.
template <class T, class F> EMU_MEM T emu_atomic(T* p, F next) {
  emu::note_access(p, sizeof(T), 2, __builtin_return_address(0));
  typedef std::conditional_t<sizeof(T) == 8, u64, u32> Word;
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "");
  Word* w = reinterpret_cast<Word*>(p);
  Word old = __atomic_load_n(w, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(w, &old, emu_bits<Word>(next(emu_bits<T>(old))), false, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED)) {
  }
  return emu_bits<T>(old);
}
#define EMU_ATOMIC(T) \
  DEV T atomicAdd(T* p, T v) { return emu_atomic(p, [v](T o) { return (T)(o + v); }); } \
  DEV T atomicExch(T* p, T v) { return emu_atomic(p, [v](T) { return v; }); }
#define EMU_ATOMIC_INT(T) EMU_ATOMIC(T) \
  DEV T atomicMax(T* p, T v) { return emu_atomic(p, [v](T o) { return o > v ? o : v; }); } \
  DEV T atomicMin(T* p, T v) { return emu_atomic(p, [v](T o) { return o < v ? o : v; }); } \
  DEV T atomicAnd(T* p, T v) { return emu_atomic(p, [v](T o) { return (T)(o & v); }); } \
  DEV T atomicOr(T* p, T v) { return emu_atomic(p, [v](T o) { return (T)(o | v); }); } \
  DEV T atomicXor(T* p, T v) { return emu_atomic(p, [v](T o) { return (T)(o ^ v); }); } \
  DEV T atomicCAS(T* p, T c, T v) { return emu_atomic(p, [c, v](T o) { return o == c ? v : o; }); }
EMU_ATOMIC(float)
EMU_ATOMIC(double)
EMU_ATOMIC_INT(int)
EMU_ATOMIC_INT(u32)
EMU_ATOMIC_INT(u64)
DEV int atomicSub(int* p, int v) { return atomicAdd(p, -v); }
DEV u32 atomicSub(u32* p, u32 v) { return atomicAdd(p, 0u - v); }
