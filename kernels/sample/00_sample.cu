// sample: copies of one picture, written out. The stem makes them where it reads them; this is the oracle for that,
// and serves whoever wants to see the copies.
//
// Four elements a thread. Bound by double precision: about 110 operations an element of noise, 16 MFLOP an image,
// 0.5 us at 34 TFLOP/s (34 us where double precision runs at 1/64); 0.6 MB written, 0.14 us.
// opcodes all: DFMA STG.E.128
#include "sample/sampler.cuh"

struct SampleParams {
  Sampler from;
  float* y;           // [n, elements]
  u32 n, elements;    // a multiple of four
};

KERNEL __launch_bounds__(256) sample(const __grid_constant__ SampleParams p) {
  const u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
  const u32 blocks = p.elements / 4;
  if (i >= (u64)p.n * blocks) return;
  store4(p.y + 4 * i, sample4(p.from, p.elements, (u32)(i / blocks), (u32)(i % blocks)));
}
EXPORT_KERNEL(sample)
