// rt_meet: where threads meet, and what happens when they miss each other. out u32 [threads] of one block, n of them.
#include "device.cuh"

struct RtMeetParams {
  u32* out;
  u32 n, what;
};

// Reverses the block's numbers through shared memory, then sums them over the warp.
KERNEL rt_meet(const __grid_constant__ RtMeetParams p) {
  DYN_SMEM(smem);
  u32* numbers = reinterpret_cast<u32*>(smem);
  const u32 t = threadIdx.x, lane = t & 31;
  numbers[t] = t;
  __syncthreads();
  u32 v = numbers[p.n - 1 - t];
#pragma unroll
  for (u32 d = 16; d; d >>= 1) v += __shfl_xor_sync(~0u, v, d);
  const u32 odd = __ballot_sync(~0u, (int)(t & 1));
  const u32 most = __reduce_max_sync(~0u, t);
  bar_sync(1 + t / 64, 64);
  // The lower half of each warp shuffles on its own.
  const u64 wide = lane < 16 ? __shfl_down_sync(0xffffu, (u64)t << 32 | t, 1, 16) : 0;
  const bool same = wide >> 32 == (u32)wide;
  p.out[t] = v + (odd == 0xaaaaaaaau ? 1000000u : 0u) + (most == (t | 31) ? 2000000u : 0u) + (same ? 1u : 0u);
}
EXPORT_KERNEL(rt_meet)

// what: 0 a lane ends before a shuffle of all, 1 a barrier on both sides of a branch, 2 half of the block waits at a
// named barrier for more threads than come, 3 a shuffle meets a ballot, 4 a write far beyond the memory,
// or 5 a write just behind shared memory.
KERNEL rt_miss(const __grid_constant__ RtMeetParams p) {
  DYN_SMEM(smem);
  const u32 t = threadIdx.x;
  if (p.what == 0) {
    if (t == 5) return;
    p.out[t] = __shfl_xor_sync(~0u, t, 1);
  } else if (p.what == 1) {
    if (t < 20) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  } else if (p.what == 2) {
    if (t < 32) bar_sync(3, 64);
  } else if (p.what == 3) {
    p.out[t] = t < 16 ? __shfl_xor_sync(~0u, t, 1) : __ballot_sync(~0u, 1);
  } else if (p.what == 4) {
    p.out[t + p.n] = 1;
  } else {
    smem[t == 0 ? p.n : 0] = 1;
  }
}
EXPORT_KERNEL(rt_miss)
