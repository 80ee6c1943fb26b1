// A CUDA thread as a kernel sees it: its indices, its shared memory, and how a launch enters a kernel.
#pragma once

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
#define DEV static inline
#define DEV_MEMBER inline
#define KERNEL static void
#define EMU_NOSAN __attribute__((no_sanitize("thread", "address", "undefined")))

namespace emu {
struct D3 { unsigned x, y, z; };
struct Ctx {
  D3 tid, bid, bdim, gdim;
  u32 lin, warp, lane;   // lin = 32 warp + lane: the thread's number in its block
};
// The running thread. A fiber never moves to another OS thread, so that compilers may keep its address.
extern __thread Ctx* cur __attribute__((tls_model("initial-exec")));

u8* dyn_smem();
u32 smem_off(const void* p);
[[noreturn]] void fail(const char* fmt, ...) __attribute__((format(printf, 1, 2)));
// For accesses that the compiler's own calls would not show the checker whole. write: 0 read, 1 write, 2 atomic.
void note_access(const void* p, unsigned bytes, int write, const void* pc);

// Calls a kernel with its arguments taken from the array that cuLaunchKernel is given.
template <class... A, std::size_t... I>
EMU_NOSAN inline void call_with(void (*f)(A...), void** p, std::index_sequence<I...>) {
  f(*static_cast<std::remove_cv_t<A>*>(p[I])...);
}
template <class... A> EMU_NOSAN inline void call(void (*f)(A...), void** p) {
  call_with(f, p, std::index_sequence_for<A...>{});
}

// Makes a kernel known by name, with the sizes of its arguments; every EXPORT_KERNEL has one.
struct Register {
  Register(const char* name, int checked, void (*entry)(void**), int nargs, const u32* sizes);
};
template <class... A> struct ArgSizes {
  static constexpr u32 value[sizeof...(A) + 1] = {(u32)sizeof(A)..., 0};
};
template <class... A>
Register register_kernel(const char* name, int checked, void (*entry)(void**), void (*)(A...)) {
  return Register(name, checked, entry, sizeof...(A), ArgSizes<A...>::value);
}
}  // namespace emu

#define threadIdx (emu::cur->tid)
#define blockIdx (emu::cur->bid)
#define blockDim (emu::cur->bdim)
#define gridDim (emu::cur->gdim)
#define warpSize 32
#define DYN_SMEM(name) u8* const name = emu::dyn_smem()
DEV u32 smem_addr(const void* p) { return emu::smem_off(p); }

#ifdef EMU_CHECKED   // the instrumented build
#define EMU_ENTRY(k) emu_checked_##k
#define EMU_IS_CHECKED 1
#else
#define EMU_ENTRY(k) emu_entry_##k
#define EMU_IS_CHECKED 0
#endif
#define EXPORT_KERNEL(k) \
  extern "C" EMU_NOSAN void EMU_ENTRY(k)(void** p) { emu::call(&k, p); } \
  static emu::Register emu_register_##k = emu::register_kernel(#k, EMU_IS_CHECKED, EMU_ENTRY(k), &k);
