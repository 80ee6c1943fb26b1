// map: from a gradient to a finished map: |g|, maximum over channels, min-max, separable Gaussian.
//
//   m[pixel] = max over c of |g[pixel,c]|,   v = (m - min) / (max - min + 1e-7),   map = blur(v)
//
// The divisor is rounded as NumPy 1 rounds it: max - min to float, the sum in double, then to float. The Gaussian is
// scipy's with mode="reflect": half a kernel in double precision, rows mixed first, columns after, the centre first
// and then pairs from the outermost inward; double precision between the passes, rounded once. The same bits as the
// host's. Four launches: size and range, range, down, across.
// Bound by double precision: 2 x 63 operations a pixel at sigma 5, 6.3 MFLOP a map, 0.2 us at 34 TFLOP/s.
// opcodes map_across all: DADD LDG.E.64
// opcodes map_down all: DADD STG.E.64
// opcodes map_reduce all: SHFL LDS.128
#include "device.cuh"

struct MapReduce {
  const float* gradient;  // [n, pixels, 3]
  float* size;            // [n, pixels]
  float* range;           // [n, 2]: smallest and largest, both NaN if there is a NaN
  u32 n, pixels;
};

// A block an image.
KERNEL __launch_bounds__(1024) map_reduce(const __grid_constant__ MapReduce p) {
  DYN_SMEM(smem);
  float* const part = (float*)smem;  // [32][3]
  const u32 t = threadIdx.x, image = blockIdx.x;
  float low = __uint_as_float(0x7f800000u), high = -low, wrong = 0.0f;
  for (u32 i = t; i < p.pixels; i += 1024) {
    const float* const g = p.gradient + ((u64)image * p.pixels + i) * 3;
    const float a = fabsf(g[0]), b = fabsf(g[1]), c = fabsf(g[2]);
    float v = b > a || b != b ? b : a;
    v = c > v || c != c ? c : v;
    p.size[(u64)image * p.pixels + i] = v;
    if (a != a || b != b || c != c) wrong = 1.0f;
    low = v < low ? v : low;
    high = v > high ? v : high;
  }
  for (u32 step = 16; step > 0; step /= 2) {
    const float l = __shfl_xor_sync(0xffffffffu, low, step), h = __shfl_xor_sync(0xffffffffu, high, step);
    const float w = __shfl_xor_sync(0xffffffffu, wrong, step);
    low = l < low ? l : low;
    high = h > high ? h : high;
    wrong = w > wrong ? w : wrong;
  }
  if (t % 32 == 0) {
    part[t / 32 * 3] = low;
    part[t / 32 * 3 + 1] = high;
    part[t / 32 * 3 + 2] = wrong;
  }
  __syncthreads();
  if (t == 0) {
    for (u32 w = 0; w < 32; w++) {
      low = part[3 * w] < low ? part[3 * w] : low;
      high = part[3 * w + 1] > high ? part[3 * w + 1] : high;
      wrong = part[3 * w + 2] > wrong ? part[3 * w + 2] : wrong;
    }
    const float nan = __uint_as_float(0x7fc00000u);
    p.range[2 * image] = wrong > 0.0f ? nan : low;
    p.range[2 * image + 1] = wrong > 0.0f ? nan : high;
  }
}
EXPORT_KERNEL(map_reduce)

// Half-sample reflection: d c b a | a b c d | d c b a.
DEV u32 map_reflect(int i, int len) {
  int k = i % (2 * len);
  if (k < 0) k += 2 * len;
  return (u32)(k < len ? k : 2 * len - 1 - k);
}

struct MapBlur {
  const float* size;   // [n, side, side]
  const float* range;  // [n, 2]
  const double* taps;  // [radius + 1], at distance 0, 1, ...
  double* between;     // [n, side, side]
  float* map;          // [n, side, side]
  u32 n, side, radius;
  u32 normalize;
};

KERNEL __launch_bounds__(256) map_down(const __grid_constant__ MapBlur p) {
  const u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
  const u32 pixels = p.side * p.side;
  if (i >= (u64)p.n * pixels) return;
  const u32 image = (u32)(i / pixels), row = (u32)(i / p.side % p.side), column = (u32)(i % p.side);
  const float* const size = p.size + (u64)image * pixels + column;
  const float low = p.range[2 * image], width = p.range[2 * image + 1] - low;
  const float divisor = (float)((double)width + 1e-7);
  auto at = [&](int r) {
    const float v = size[map_reflect(r, (int)p.side) * p.side];
    return (double)(p.normalize ? (v - low) / divisor : v);
  };
  double sum = at((int)row) * p.taps[0];
  for (int j = (int)p.radius; j > 0; j--) sum += (at((int)row - j) + at((int)row + j)) * p.taps[j];
  p.between[i] = sum;
}
EXPORT_KERNEL(map_down)

KERNEL __launch_bounds__(256) map_across(const __grid_constant__ MapBlur p) {
  const u64 i = (u64)blockIdx.x * 256 + threadIdx.x;
  if (i >= (u64)p.n * p.side * p.side) return;
  const u32 column = (u32)(i % p.side);
  const double* const line = p.between + (i - column);
  double sum = line[column] * p.taps[0];
  for (int j = (int)p.radius; j > 0; j--) {
    const u32 a = map_reflect((int)column - j, (int)p.side), b = map_reflect((int)column + j, (int)p.side);
    sum += (line[a] + line[b]) * p.taps[j];
  }
  p.map[i] = (float)sum;
}
EXPORT_KERNEL(map_across)
