// Probes of mma.sync. 32 threads. in [32][10]: a 4, b 2, d 4 words of each lane; out [32][4]: d.
// opcodes all: HMMA
#include "probe/probe.cuh"

struct Fragments {
  u32 a[4], b[2];
  float d[4];
};
DEV Fragments fragments(const ProbeParams& p) {
  const u32* in = p.in + threadIdx.x * 10;
  Fragments f;
  for (u32 i = 0; i < 4; i++) f.a[i] = in[i];
  for (u32 i = 0; i < 2; i++) f.b[i] = in[4 + i];
  for (u32 i = 0; i < 4; i++) f.d[i] = __uint_as_float(in[6 + i]);
  return f;
}
DEV void show(const ProbeParams& p, const Fragments& f) {
  for (u32 i = 0; i < 4; i++) p.out[threadIdx.x * 4 + i] = __float_as_uint(f.d[i]);
}

KERNEL __launch_bounds__(32) probe_mma_f16(const __grid_constant__ ProbeParams p) {
  Fragments f = fragments(p);
  mma_f16_16816(f.d, f.a, f.b[0], f.b[1]);
  show(p, f);
}
EXPORT_KERNEL(probe_mma_f16)

KERNEL __launch_bounds__(32) probe_mma_bf16(const __grid_constant__ ProbeParams p) {
  Fragments f = fragments(p);
  mma_bf16_16816(f.d, f.a, f.b[0], f.b[1]);
  show(p, f);
}
EXPORT_KERNEL(probe_mma_bf16)

KERNEL __launch_bounds__(32) probe_mma_tf32(const __grid_constant__ ProbeParams p) {
  Fragments f = fragments(p);
  mma_tf32_1688(f.d, f.a, f.b[0], f.b[1]);
  show(p, f);
}
EXPORT_KERNEL(probe_mma_tf32)
