// planted_proxy: C = A B^T by one wgmma over tiles that ordinary stores fill. bug 1: no fence.proxy.async between.
//
// x: 64 rows of 16 bf16, A and B alike; y: 64 x 64 floats. One block of 128 threads; a tile of 64 rows of 128 bytes
// (128-byte swizzle), of which a row's first 32 bytes are filled.
#include "device.cuh"

struct PlantedProxyParams {
  const u32* x;
  float* y;
  u32 bug;
};

KERNEL __launch_bounds__(128) planted_proxy(const __grid_constant__ PlantedProxyParams p) {
#if EMU || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  DYN_SMEM(smem);
  const u32 t = threadIdx.x, row = t / 2, chunk = (t & 1) ^ (row & 7);
  u32* to = (u32*)(smem + row * 128 + chunk * 16);
  for (u32 i = 0; i < 4; i++) to[i] = p.x[t * 4 + i];  // @store
  if (p.bug != 1) fence_proxy_async();
  __syncthreads();
  float d[32];
  for (u32 i = 0; i < 32; i++) d[i] = 0.f;
  const u64 tile = smem_desc_sw128(smem_addr(smem));
  wgmma_fence();
  wgmma_bf16<64>(d, tile, tile, 1);  // @wgmma
  wgmma_commit();
  wgmma_wait<0>();
  for (u32 i = 0; i < 32; i++) {
    const u32 r = t / 32 * 16 + (t % 32) / 4 + (i / 2 & 1) * 8, c = i / 4 * 8 + (t & 3) * 2 + (i & 1);
    p.y[r * 64 + c] = d[i];
  }
#endif
}
EXPORT_KERNEL(planted_proxy)
