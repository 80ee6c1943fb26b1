// The inside of the emulator: one Worker runs one block at a time, on one OS thread.
#pragma once
#include <deque>
#include <string>
#include <vector>
#include "device.cuh"
#include "fiber.h"
#include "host.h"
#include "tensor_map.h"

namespace emu {
constexpr u32 WARP = 32, MOST_WARPS = 32, GROUP_THREADS = 128;

enum class Timing : u32 { Lazy = 0, Eager = 1, Random = 2 };
enum class Waits : u8 { No, Barrier, Collective, MBarrier, Wgmma, Ended };

// One cp.async, until its thread waits for its group.
struct Copy { u32 dst; const void* src; u32 size, bytes, group; };
// One bulk tensor store, until its thread waits for its group.
struct TensorStore { TensorMapFields map; u32 src; int at[5]; u32 group; const void* pc; };
// One bulk tensor load, until its bytes have come.
struct TensorLoad { TensorMapFields map; u32 dst, bar, token; int at[5]; u16 offset[3]; };

struct Fiber : Ctx {
  Context context;
  Waits waits;                   // what for
  u32 wait_id, wait_parity;      // barrier or mbarrier (or operation), parity
  const void* pc;                // return address of its last call into the emulator
  std::vector<Copy> copies;      // oldest first; those before copies_done are done
  size_t copies_done;
  u32 copy_group, copies_issued;
  std::vector<TensorStore> stores;
  u32 store_group;
  u32 wgmma_issued, wgmma_group;
};

// Lanes of a warp on their way into one collective.
struct Meeting { bool open; Op op; u32 mask, arrived; void* arg[WARP]; };
// Where the lanes of a warp put their n-th cp.async of 16 bytes; kept only when launches are counted.
struct CopyRecord { u32 dst[WARP]; u32 lanes; };
struct Warp { u32 ready; Meeting meeting[4]; std::vector<CopyRecord> records; };
// count: threads that have come; waiting: those of them that wait, by warp.
struct Barrier { u32 count, expected; int line; u32 waiting[MOST_WARPS]; };
struct MBarrier { u32 offset, count, pending, phase; i64 tx; };

// One wgmma of a warpgroup: issued when all 128 threads have come to it.
struct Wgmma {
  WgmmaArg arg;
  u32 arrived, group;
  bool done;
  float* d[GROUP_THREADS];
  u32 registers[GROUP_THREADS][4];
  const void* pc;
};
struct WarpGroup { std::deque<Wgmma> ops; u32 popped, waiting_count; u32 waiting[4]; };

struct Worker {
  // The launch.
  void (*entry)(void**);
  void** params;
  u32 threads, warps, smem;
  Timing timing;
  bool random, checked, counting;
  // The block.
  Stacks stacks;
  Fiber* fibers;
  u8* arena_map;                 // guard page, arena, guard page
  u8* arena;                     // shared memory
  Warp warp[MOST_WARPS];
  Barrier barrier[16];
  WarpGroup group[MOST_WARPS / 4];
  std::vector<MBarrier> mbarriers;
  std::vector<Fiber*> mbarrier_waiters;
  std::vector<TensorLoad> loads;
  u32 alive, ready_warps;        // ready_warps: warps with a bit in `ready`
  Context main;
  u64 rng;
  // Room for the operands of a matrix product (not thread_local: the library's thread-locals must stay small, or a
  // process that loads it late has no place for them).
  alignas(64) u8 scratch[64 << 10];
  // What came of it.
  bool failed;
  std::string error;
  const void* fault_pc;          // set by a signal: the message is made outside its handler
  const void* fault_address;
  int fault_signal;
  EmuStats stats;
};
extern __thread Worker* worker __attribute__((tls_model("initial-exec")));

inline Fiber& running() { return *static_cast<Fiber*>(cur); }
// Every call from a kernel begins so: who calls, and from where.
inline Fiber& enter(Worker& w, const void* return_address) {
  Fiber& f = running();
  f.pc = return_address;
  if (w.checked) chk_site(return_address);
  return f;
}
#define ENTER(w) enter(w, __builtin_return_address(0))
// "file.cu:12" of the running thread's last call.
inline std::string here() { return locate(running().pc); }
inline u64 random_bits(Worker& w) {
  w.rng ^= w.rng << 13;
  w.rng ^= w.rng >> 7;
  return w.rng ^= w.rng << 17;
}
inline bool coin(Worker& w) { return random_bits(w) >> 20 & 1; }

// --- schedule.cpp ---
inline void make_ready(Worker& w, u32 warp, u32 lanes) {
  w.warp[warp].ready |= lanes;
  if (w.warp[warp].ready) w.ready_warps |= 1u << warp;
}
inline void make_ready(Worker& w, const Fiber& f) { make_ready(w, f.warp, 1u << f.lane); }
inline Fiber* take(Worker& w, u32 warp, u32 lane) {
  u32& ready = w.warp[warp].ready;
  ready &= ~(1u << lane);
  if (!ready) w.ready_warps &= ~(1u << warp);
  return &w.fibers[warp * WARP + lane];
}
// All that came to the barrier go on (barrier.cpp).
void release(Worker& w, Barrier& b, u32 last_warp);
// A thread that can go on, taken off the lists; null if none can.
Fiber* next_fiber(Worker& w, u32 from_warp);
[[noreturn]] void deadlock(Worker& w);
// Ends the block: back to the code that started it.
[[noreturn]] void leave(Worker& w);
void fiber_main();

// Stops the running thread until somebody makes it ready.
inline void pause(Worker& w, Fiber& f, Waits why, u32 id) {
  f.waits = why;
  f.wait_id = id;
  const u32 ready = w.warp[f.warp].ready;
  Fiber* next = ready && !w.random ? take(w, f.warp, (u32)__builtin_ctz(ready)) : next_fiber(w, f.warp);
  if (!next) deadlock(w);
  if (next != &f) {
    w.stats.switches++;
    cur = next;
    switch_context(f.context, next->context);
  }
  f.waits = Waits::No;
}

// --- the collectives, one file each ---
void run_shuffle(Worker& w, Meeting& m);
void run_ballot(Worker& w, Meeting& m);
void run_reduce(Worker& w, Meeting& m);
void run_ldmatrix(Worker& w, Meeting& m);
void run_mma(Worker& w, Meeting& m);

// --- the asynchronous engines ---
void run_load(Worker& w, size_t i);                      // tensor_load.cpp
void complete_bytes(Worker& w, u32 bar, u32 bytes);      // mbarrier.cpp
void require_mbarrier(Worker& w, u32 bar);
void finish_stores(Worker& w);                           // tensor_store.cpp
// Bytes of shared memory, or an error that begins with `what`.
u8* shared_range(Worker& w, u32 offset, u32 bytes, const char* what);

// --- launch.cpp, fault.cpp, memory.cpp, statistics.cpp ---
void run_block(Worker& w, const EmuLaunch& launch, D3 block);
void catch_faults();
void use_alternate_stack();
std::string describe_fault(const Worker& w);
std::string describe(const Fiber& f);                    // "block (0,0,0) thread 3"
const char* name_of(Op op);
void count_copies(Worker& w);
}  // namespace emu
