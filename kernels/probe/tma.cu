// Probe of bulk tensor copies: a load into shared memory, whose bytes are copied out; or the way back by a store.
//
// 32 threads (sm_90 and later). `bytes` of shared memory at 0, the mbarrier behind them. kind: 0 tiled load, 1 im2col
// load, 2 tiled store. The map has four dimensions.
// opcodes sm_90a+: UTMALDG UTMASTG SYNCS
#include "device.cuh"

struct ProbeTmaParams {
  TensorMap map;
  u8* bytes_at;
  u32 bytes, kind;
  int at[4];
  u32 dw, dh;
};

KERNEL __launch_bounds__(32) probe_tma(const __grid_constant__ ProbeTmaParams p) {
#if EMU || __CUDA_ARCH__ >= 900
  DYN_SMEM(smem);
  const u32 base = smem_addr(smem), bar = base + p.bytes, lane = threadIdx.x;
  if (p.kind == 2) {
    for (u32 i = lane * 16; i < p.bytes; i += 512) st16(smem + i, ld16(p.bytes_at + i));
    fence_proxy_async();
    __syncwarp();
    if (lane == 0) {
      tma_store_4d(&p.map, base, p.at[0], p.at[1], p.at[2], p.at[3]);
      tma_store_commit();
      tma_store_wait<0>();
    }
    return;
  }
  if (lane == 0) {
    mbar_init(bar, 1);
    mbar_init_fence();
    mbar_expect_tx(bar, p.bytes);
    if (p.kind == 1) {
      tma_load_im2col(base, &p.map, bar, p.at[0], p.at[1], p.at[2], p.at[3], (u16)p.dw, (u16)p.dh);
    } else {
      tma_load_4d(base, &p.map, bar, p.at[0], p.at[1], p.at[2], p.at[3]);
    }
  }
  __syncwarp();
  mbar_wait(bar, 0);
  for (u32 i = lane * 16; i < p.bytes; i += 512) st16(p.bytes_at + i, ld16(smem + i));
#endif
}
EXPORT_KERNEL(probe_tma)
