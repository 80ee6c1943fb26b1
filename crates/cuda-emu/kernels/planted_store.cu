// planted_store: tiles doubled in shared memory and brought home by bulk tensor stores. bug 1: no fence.proxy.async
// after the ordinary stores; bug 2: the tile is filled again while the last store may still read it.
//
// x: tiles x 16 rows of 64 u16; `map`: y, of the same shape, in boxes of 64 x 16 without swizzle. One block of 64
// threads; 2048 bytes.
#include "device.cuh"

struct PlantedStoreParams {
  TensorMap map;
  const u32* x;
  u32 tiles;
  u32 bug;
};

KERNEL __launch_bounds__(64) planted_store(const __grid_constant__ PlantedStoreParams p) {
#if EMU || __CUDA_ARCH__ >= 900
  DYN_SMEM(smem);
  const u32 t = threadIdx.x;
  u32* tile = (u32*)smem;
  for (u32 k = 0; k < p.tiles; k++) {
    for (u32 i = t; i < 512; i += 64) tile[i] = p.x[k * 512 + i] * 2;  // @fill
    if (p.bug != 1) fence_proxy_async();
    __syncthreads();
    if (t == 0) {
      tma_store_2d(&p.map, smem_addr(smem), 0, k * 16);  // @store
      tma_store_commit();
      if (p.bug != 2) tma_store_wait_read<0>();
    }
    __syncthreads();
  }
  if (t == 0) tma_store_wait<0>();
#endif
}
EXPORT_KERNEL(planted_store)
