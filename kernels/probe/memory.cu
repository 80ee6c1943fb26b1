// Probes of loads, stores and cp.async. 32 threads; nothing to be fast at.
// opcodes probe_access all: LDG.E.128 STG.E.128 LDS.128 STS.128
// opcodes probe_cp_async all: LDGSTS
#include "probe/probe.cuh"

// in [32][4], out [32][8]: 16-byte and 8-byte accesses through shared memory, read by the lane opposite.
KERNEL __launch_bounds__(32) probe_access(const __grid_constant__ ProbeParams p) {
  DYN_SMEM(smem);
  const u32 lane = threadIdx.x, other = 31 - lane;
  st16(smem + lane * 16, ldg16(p.in + lane * 4));
  st8(smem + 512 + lane * 8, ldg8(p.in + lane * 4 + 2));
  __syncwarp();
  st16(p.out + lane * 8, ld16(smem + other * 16));
  st8(p.out + lane * 8 + 4, ld8(smem + 512 + other * 8));
  st8(p.out + lane * 8 + 6, ld8(p.in + other * 4));
}
EXPORT_KERNEL(probe_access)

// in [32][4], out [32][7]: copies of 16, 8 and 4 bytes, of which lane % 17, lane % 9 and lane % 5 are asked for.
KERNEL __launch_bounds__(32) probe_cp_async(const __grid_constant__ ProbeParams p) {
  DYN_SMEM(smem);
  const u32 lane = threadIdx.x, base = smem_addr(smem);
  for (u32 i = lane; i < 224; i += 32) reinterpret_cast<u32*>(smem)[i] = 0xa5a5a5a5u;
  __syncwarp();
  cp_async16(base + lane * 16, p.in + lane * 4, lane % 17);
  cp_async_commit();
  cp_async8(base + 512 + lane * 8, p.in + lane * 4 + 2, lane % 9);
  cp_async_commit();
  cp_async4(base + 768 + lane * 4, p.in + lane * 4 + 1, lane % 5);
  cp_async_commit();
  cp_async_wait<1>();
  const u32* words = reinterpret_cast<const u32*>(smem);
  for (u32 i = 0; i < 4; i++) p.out[lane * 7 + i] = words[lane * 4 + i];
  for (u32 i = 0; i < 2; i++) p.out[lane * 7 + 4 + i] = words[128 + lane * 2 + i];
  cp_async_wait<0>();
  p.out[lane * 7 + 6] = words[192 + lane];
}
EXPORT_KERNEL(probe_cp_async)
