// planted_banks: rows of 64 bytes, read by ldmatrix. bug 1: the 16-byte chunks of a row are not rotated, so that rows
// two apart lie in the same banks: 4 wavefronts where 1 would do.
//
// x: 16 rows of 16 words; y: 32 x 4 words, the registers of the warp. One block of 32 threads; 1024 bytes.
#include "device.cuh"

struct PlantedBanksParams {
  const u32* x;
  u32* y;
  u32 bug;
};

KERNEL __launch_bounds__(32) planted_banks(const __grid_constant__ PlantedBanksParams p) {
  DYN_SMEM(smem);
  const u32 t = threadIdx.x;
  const auto chunk = [&](u32 row, u32 c) { return row * 64 + (p.bug == 1 ? c : c ^ (row >> 1 & 3)) * 16; };
  for (u32 i = t; i < 256; i += 32) *(u32*)(smem + chunk(i / 16, i % 16 / 4) + i % 4 * 4) = p.x[i];
  __syncwarp();
  u32 r[4];
  ldmatrix_x4(r, smem_addr(smem) + chunk(t & 15, t >> 4));  // @ldmatrix
  for (u32 i = 0; i < 4; i++) p.y[t * 4 + i] = r[i];
}
EXPORT_KERNEL(planted_banks)
