// Probes of warp collectives: shuffles, votes, reductions, ldmatrix. 32 threads.
// opcodes probe_warp all: SHFL
// opcodes probe_ldmatrix all: LDSM
#include "probe/probe.cuh"

// in [32] any bits, out [32][16].
KERNEL __launch_bounds__(32) probe_warp(const __grid_constant__ ProbeParams p) {
  const u32 lane = threadIdx.x, v = p.in[lane], all = 0xffffffffu;
  u32* out = p.out + lane * 16;
  out[0] = __shfl_sync(all, v, (int)(v & 31));
  out[1] = __shfl_sync(all, v, (int)(lane * 3), 8);
  out[2] = __shfl_xor_sync(all, v, 5);
  out[3] = __shfl_xor_sync(all, v, 9, 8);
  out[4] = __shfl_down_sync(all, v, 3);
  out[5] = __shfl_down_sync(all, v, 3, 16);
  out[6] = __shfl_up_sync(all, v, 7);
  out[7] = __shfl_up_sync(all, v, 2, 4);
  const u64 wide = __shfl_xor_sync(all, (u64)v << 32 | lane, 31);
  out[8] = (u32)(wide >> 32) ^ (u32)wide;
  out[9] = __ballot_sync(all, (int)(v & 4));
  out[10] = (u32)__any_sync(all, v == p.in[0]) + 2u * (u32)__all_sync(all, (int)(v | 1));
  out[11] = __reduce_add_sync(all, v);
  out[12] = __reduce_min_sync(all, v) ^ (u32)__reduce_min_sync(all, (int)v);
  out[13] = __reduce_max_sync(all, v) ^ (u32)__reduce_max_sync(all, (int)v);
  out[14] = __reduce_and_sync(all, v | 0xffff) ^ __reduce_or_sync(all, v & 0xff00ff);
  out[15] = __reduce_xor_sync(all, v);
}
EXPORT_KERNEL(probe_warp)

// in [32] any bits, then [256] words of shared memory; out [32][14]: x1, x2, x4, each plain and .trans. Lane l gives
// the address of chunk in[l] % 64.
KERNEL __launch_bounds__(32) probe_ldmatrix(const __grid_constant__ ProbeParams p) {
  DYN_SMEM(smem);
  const u32 lane = threadIdx.x, at = smem_addr(smem) + p.in[lane] % 64 * 16;
  for (u32 i = lane; i < 256; i += 32) reinterpret_cast<u32*>(smem)[i] = p.in[32 + i];
  __syncwarp();
  u32 one, one_t, two[2], two_t[2], four[4], four_t[4], *out = p.out + lane * 14;
  ldmatrix_x1(one, at);
  ldmatrix_x1_trans(one_t, at);
  ldmatrix_x2(two, at);
  ldmatrix_x2_trans(two_t, at);
  ldmatrix_x4(four, at);
  ldmatrix_x4_trans(four_t, at);
  out[0] = one;
  out[1] = one_t;
  for (u32 i = 0; i < 2; i++) {
    out[2 + i] = two[i];
    out[4 + i] = two_t[i];
  }
  for (u32 i = 0; i < 4; i++) {
    out[6 + i] = four[i];
    out[10 + i] = four_t[i];
  }
}
EXPORT_KERNEL(probe_ldmatrix)
