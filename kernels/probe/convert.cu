// Probes of conversions, of IEEE arithmetic and of integer instructions. 256 threads, one element each.
// opcodes probe_convert all: F2F
#include "probe/probe.cuh"

// in [256] any bits, out [256][10].
KERNEL __launch_bounds__(256) probe_convert(const __grid_constant__ ProbeParams p) {
  const u32 t = threadIdx.x, bits = p.in[t], next = p.in[(t + 1) & 255];
  const float v = __uint_as_float(bits), w = __uint_as_float(next);
  u32* out = p.out + t * 10;
  out[0] = f32_to_f16(v).x;
  out[1] = f32_to_bf16(v).x;
  out[2] = f32_to_tf32(v);
  out[3] = pack_f16(v, w);
  out[4] = pack_bf16(v, w);
  out[5] = __float_as_uint(f16x2_to_f32(bits).x);
  out[6] = __float_as_uint(f16x2_to_f32(bits).y);
  out[7] = __float_as_uint(bf16x2_to_f32(bits).x);
  out[8] = __float_as_uint(clamp_f16(v));
  out[9] = __float_as_uint(clamp_bf16(v));
}
EXPORT_KERNEL(probe_convert)

// in [256][3] any bits, out [256][10]. NaN may have any bits.
KERNEL __launch_bounds__(256) probe_arithmetic(const __grid_constant__ ProbeParams p) {
  const u32 t = threadIdx.x, *in = p.in + t * 3;
  const float a = __uint_as_float(in[0]), b = __uint_as_float(in[1]), c = __uint_as_float(in[2]);
  u32* out = p.out + t * 10;
  out[0] = __float_as_uint(a + b);
  out[1] = __float_as_uint(a * b + c);
  out[2] = __float_as_uint(fmaf(a, b, c));
  out[3] = __float_as_uint(a / b);
  out[4] = __float_as_uint(sqrtf(fabsf(a)));
  out[5] = __float_as_uint(fminf(a, b));
  out[6] = __float_as_uint(fmaxf(a, b));
  const double x = (double)a, y = (double)b, z = fma(x, y, (double)c), r = sqrt(fabs(x)) / y;
  out[7] = (u32)((u64)__double_as_longlong(z) >> 32);
  out[8] = (u32)__double_as_longlong(z);
  out[9] = __float_as_uint((float)r);
}
EXPORT_KERNEL(probe_arithmetic)

// in [256][3] any bits, out [256][12].
KERNEL __launch_bounds__(256) probe_bits(const __grid_constant__ ProbeParams p) {
  const u32 t = threadIdx.x, a = p.in[t * 3], b = p.in[t * 3 + 1], c = p.in[t * 3 + 2];
  u32* out = p.out + t * 12;
  out[0] = __brev(a);
  out[1] = (u32)__clz((int)(a >> (c & 31)));
  out[2] = (u32)__ffs((int)(a << (c & 31)));
  out[3] = (u32)__popc(a);
  out[4] = __umulhi(a, b);
  out[5] = __byte_perm(a, b, c & 0xffff);
  out[6] = __funnelshift_l(a, b, c);
  out[7] = __funnelshift_r(a, b, c);
  const u64 wide = (u64)a << 32 | b, high = __umul64hi(wide, (u64)c << 32 | a);
  out[8] = (u32)high;
  out[9] = (u32)(high >> 32);
  out[10] = min((int)a, (int)b) ^ (int)max(a, b);
  out[11] = (u32)(wide * c >> 7);
}
EXPORT_KERNEL(probe_bits)
