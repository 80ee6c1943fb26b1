// Where threads meet: barriers of the block, collectives of the warp.
#pragma once

namespace emu {
enum Op : int {
  OP_SYNCWARP, OP_SHFL, OP_BALLOT, OP_REDUCE, OP_LDMATRIX, OP_LDMATRIX_T, OP_MMA_F16, OP_MMA_BF16, OP_MMA_TF32, OPS
};
struct ShflArg { u64 value, out; int src; };
struct BallotArg { int predicate; u32 out; };
enum Reduction : int { ADD, MAX_U32, MAX_I32, MIN_U32, MIN_I32, AND, OR, XOR };
struct ReduceArg { u32 value, out; Reduction kind; };

// The lanes of the mask meet; the last to come carries the operation out for all. `arg` is of the operation's kind and
// stays in the lane's frame.
void warp_op(Op op, u32 mask, void* arg);
// id 0 and threads 0: the whole block. `line` tells barriers of one block apart, to find divergent ones.
void barrier(u32 id, u32 threads, int line);
void bar_arrive(u32 id, u32 threads);
}  // namespace emu

#define __syncthreads() emu::barrier(0, 0, __LINE__)
DEV void bar_sync(u32 id, u32 threads) { emu::barrier(id, threads, 0); }
DEV void bar_arrive(u32 id, u32 threads) { emu::bar_arrive(id, threads); }
DEV void __syncwarp(u32 mask = 0xffffffffu) { emu::warp_op(emu::OP_SYNCWARP, mask, nullptr); }

// --- shuffles: 4- and 8-byte types; w is a power of two, groups of w lanes are on their own ---
template <class T> DEV T emu_shuffle(u32 mask, T v, int src) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  emu::ShflArg a{0, 0, src};
  __builtin_memcpy(&a.value, &v, sizeof(T));
  emu::warp_op(emu::OP_SHFL, mask, &a);
  __builtin_memcpy(&v, &a.out, sizeof(T));
  return v;
}
template <class T> DEV T __shfl_sync(u32 mask, T v, int src, int w = 32) {
  const int lane = (int)emu::cur->lane;
  return emu_shuffle(mask, v, (lane & ~(w - 1)) | (src & (w - 1)));
}
template <class T> DEV T __shfl_xor_sync(u32 mask, T v, int x, int w = 32) {
  const int lane = (int)emu::cur->lane, src = lane ^ x;
  return emu_shuffle(mask, v, (src & ~(w - 1)) > (lane & ~(w - 1)) ? lane : src);
}
template <class T> DEV T __shfl_down_sync(u32 mask, T v, int d, int w = 32) {
  const int lane = (int)emu::cur->lane;
  return emu_shuffle(mask, v, (lane & (w - 1)) + d >= w ? lane : lane + d);
}
template <class T> DEV T __shfl_up_sync(u32 mask, T v, int d, int w = 32) {
  const int lane = (int)emu::cur->lane;
  return emu_shuffle(mask, v, (lane & (w - 1)) - d < 0 ? lane : lane - d);
}

// --- votes ---
DEV u32 __ballot_sync(u32 mask, int predicate) {
  emu::BallotArg a{predicate != 0, 0};
  emu::warp_op(emu::OP_BALLOT, mask, &a);
  return a.out;
}
DEV int __any_sync(u32 mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
DEV int __all_sync(u32 mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }

// --- reductions of 32-bit integers (sm_80) ---
DEV u32 emu_reduce(u32 mask, u32 v, emu::Reduction kind) {
  emu::ReduceArg a{v, 0, kind};
  emu::warp_op(emu::OP_REDUCE, mask, &a);
  return a.out;
}
DEV u32 __reduce_add_sync(u32 mask, u32 v) { return emu_reduce(mask, v, emu::ADD); }
DEV int __reduce_add_sync(u32 mask, int v) { return (int)emu_reduce(mask, (u32)v, emu::ADD); }
DEV u32 __reduce_max_sync(u32 mask, u32 v) { return emu_reduce(mask, v, emu::MAX_U32); }
DEV int __reduce_max_sync(u32 mask, int v) { return (int)emu_reduce(mask, (u32)v, emu::MAX_I32); }
DEV u32 __reduce_min_sync(u32 mask, u32 v) { return emu_reduce(mask, v, emu::MIN_U32); }
DEV int __reduce_min_sync(u32 mask, int v) { return (int)emu_reduce(mask, (u32)v, emu::MIN_I32); }
DEV u32 __reduce_and_sync(u32 mask, u32 v) { return emu_reduce(mask, v, emu::AND); }
DEV u32 __reduce_or_sync(u32 mask, u32 v) { return emu_reduce(mask, v, emu::OR); }
DEV u32 __reduce_xor_sync(u32 mask, u32 v) { return emu_reduce(mask, v, emu::XOR); }
