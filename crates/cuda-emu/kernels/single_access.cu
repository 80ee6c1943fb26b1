// single_access: small patterns of access, right and wrong, one a `mode`; see the test that runs them.
//
// x: u32 words of which kernels may write some; y: one u32 a thread of the grid. 256 bytes of shared memory.
#include "device.cuh"

struct ProbeAccessParams {
  u32* x;
  u32* y;
  u32 mode;
};

KERNEL __launch_bounds__(128) single_access(const __grid_constant__ ProbeAccessParams p) {
  DYN_SMEM(smem);
  const u32 t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
  u16* halves = (u16*)p.x;
  switch (p.mode) {
    case 0:  // neighbours in a word, each its own half, in place
      halves[i] = (u16)(halves[i] + 1);
      break;
    case 1:  // bytes by four threads, read as a word after a barrier
      smem[t] = (u8)t;
      __syncthreads();
      p.y[i] = ((u32*)smem)[t / 4];
      break;
    case 2:  // the same, without the barrier, by other warps
      smem[t] = 0;
      __syncthreads();
      smem[t] = (u8)t;
      p.y[i] = ((u32*)smem)[(t + 64) % 128 / 4];
      break;
    case 3:  // everyone reads the same words, in several blocks
      p.y[i] = p.x[0] + p.x[t % 7];
      break;
    case 4:  // all blocks add to one word
      atomicAdd(p.x, 1u);
      break;
    case 5:  // one block reads plainly what others add to
      if (blockIdx.x == 2) {
        p.y[i] = p.x[0];
      } else {
        atomicAdd(p.x, 1u);
      }
      break;
    case 6:  // a block writes what others have read
      if (blockIdx.x == 2) {
        p.x[t] = 1;
      } else {
        p.y[i] = p.x[t];
      }
      break;
    case 7:  // global words passed between warps of a block over a barrier
      p.y[i] = t;
      __syncthreads();
      p.x[i] = p.y[blockIdx.x * blockDim.x + (t ^ 127)];
      break;
    case 8:  // the same without
      p.y[i] = t;
      p.x[i] = p.y[blockIdx.x * blockDim.x + (t ^ 127)];
      break;
    case 9:  // exchange inside a warp over __syncwarp
      ((u32*)smem)[t % 32] = t;
      __syncwarp();
      p.y[i] = ((u32*)smem)[t % 32 ^ 31];
      break;
    case 10:  // read of what may be unwritten
      p.y[i] = p.x[i];
      break;
    case 11:  // all warps read a shared word; a barrier; one writes it; a barrier; all read again
      if (t == 0) *(u32*)smem = 5;
      __syncthreads();
      p.y[i] = *(u32*)smem;
      __syncthreads();
      if (t == 70) *(u32*)smem = 6;
      __syncthreads();
      p.y[i] += *(u32*)smem;
      break;
    case 12:  // the same without the second barrier
      if (t == 0) *(u32*)smem = 5;
      __syncthreads();
      p.y[i] = *(u32*)smem;
      if (t == 70) *(u32*)smem = 6;
      break;
    default:
      break;
  }
}
EXPORT_KERNEL(single_access)
