// stem gradient on tensor cores: the gather over filter rows as a product, the scatter over columns behind it.
//
//   t[i,q,j'] = sum over map rows p = i-1..i+2 and k of unpool(d)[p,q,k] * w[p - i, k, j'],  j' = 24 (h & 1) + 3 s + c
//   dx[h,w,c] = unscale * out_scale * sum over q, s with 2q + s = w + 3 of t[h/2,q,24 (h & 1) + 3 s + c]
//
// Tile      a block owns 8 pairs of rows x 56 columns of the picture: 12 x 32 positions of the convolution's map,
//           un-pooled in squares of 2 x 2, summed in float32, rounded to 16 bits.
// Product   a pair of rows and 16 columns q are 16 rows of it; 4 map rows x 64 channels are k, 48 the columns (21 and 3
//           of padding for the even and the odd row). The even row does not meet map row i + 2: 21 small products for
//           24. A warp has two pairs, that is five map rows, and all 32 columns: 84 small products for 10 ldmatrix.
// Weights   packed in the order of the fragments (Rust: StemWeights): [filter row][16 channels][lane][3 x 2 words].
// Scatter   t in float32 takes the map's place; the columns are added up in the order of q.
// Shared    54 KiB: 12 x 32 positions of 64 channels, 72 apart, so that ldmatrix meets every bank once.
// Bound by  tensor cores: 236 MFLOP x 1.14 (padding of j) x 1.14 (columns) an image, 0.73 us at 420 TFLOP/s; memory
//           0.7 MB read and 0.6 MB written, 0.3 us. Predicted: 1.6 us an image (un-pooling and the scatter cost as much
//           as the product).
// Opcodes   HMMA.16816, LDSM.
// Before    11_dgrad_rows. New here: the inner product is an instruction.
// opcodes all: HMMA.16816 LDSM STS.128
#include "stem/unpool.cuh"

constexpr u32 PAIRS = 8;              // pairs of rows of the picture
constexpr u32 COLUMNS = 32;           // columns of the map, two to the left of those that are owned
constexpr u32 OWNED = COLUMNS - 4;
constexpr u32 MAP_ROWS = PAIRS + 4;   // two above the pairs' own, two below
constexpr u32 PITCH = STEM_C + 8;     // 16-bit elements of a position
constexpr u32 J = 24;                 // 21 numbers, padded

struct StemF16 {
  static DEV_MEMBER u32 pack(float a, float b) { return pack_f16(clamp_f16(a), clamp_f16(b)); }
  static DEV_MEMBER void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_f16_16816(d, a, b0, b1); }
};
struct StemBf16 {
  static DEV_MEMBER u32 pack(float a, float b) { return pack_bf16(clamp_bf16(a), clamp_bf16(b)); }
  static DEV_MEMBER void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_bf16_16816(d, a, b0, b1); }
};

template <class Math>
DEV void stem_dgrad_mma(const StemDgrad& p) {
  DYN_SMEM(smem);
  u16* const map = (u16*)smem;               // [12][32][72]
  float* const scatter = (float*)smem;       // [16][32][24], afterwards
  const u32 t = threadIdx.x, lane = t % 32, warp = t / 32, conv = p.side / 2, pooled = p.side / 4;
  const u32 across = (conv + OWNED - 1) / OWNED, down = (conv + PAIRS - 1) / PAIRS;
  const u32 image = blockIdx.x / (across * down);
  const u32 i0 = blockIdx.x / across % down * PAIRS, q0 = blockIdx.x % across * OWNED;

  for (u32 i = t; i < MAP_ROWS * COLUMNS * STEM_C / 32; i += 128) {
    // The map begins at row i0 - 2 and column q0 - 2, both even. Eight lanes have the 64 channels of a square.
    const u32 c = i % 8 * 8, b = i / 8 % (COLUMNS / 2), a = i / (4 * COLUMNS);
    float v[4][8];
    unpool_square(v, p, pooled, image, i0 / 2 + a - 1, q0 / 2 + b - 1, c);
#pragma unroll
    for (u32 at = 0; at < 4; at++) {
      uint4 bits;
      bits.x = Math::pack(v[at][0], v[at][1]);
      bits.y = Math::pack(v[at][2], v[at][3]);
      bits.z = Math::pack(v[at][4], v[at][5]);
      bits.w = Math::pack(v[at][6], v[at][7]);
      st16(map + ((2 * a + at / 2) * COLUMNS + 2 * b + at % 2) * PITCH + c, bits);
    }
  }
  __syncthreads();

  // [pair][half of the columns][even row, odd row][three tiles of j]
  float acc[2][2][2][3][4] = {};
  const uint2* const packed = (const uint2*)p.packed + lane;
  const u32 base = smem_addr(map) + ((2 * warp + 1) * COLUMNS + lane % 16) * PITCH * 2 + lane / 16 * 16;
#pragma unroll 1
  for (u32 step = 0; step < 4; step++) {
    u32 a[10][4], from[10];
#pragma unroll
    for (u32 i = 0; i < 10; i++) from[i] = base + (i / 2 * COLUMNS + i % 2 * 16) * PITCH * 2 + step * 32;
    ldmatrix_x4(a, from);
#pragma unroll
    for (u32 r = 0; r < 7; r++) {
      // Pair i meets filter row r at row i + 2 - r / 2 of the map, one less if r is odd; a begins at row i - 1.
      const u32 row = r % 2 == 0 ? 3 - r / 2 : 2 - r / 2;
#pragma unroll
      for (u32 j = 0; j < 3; j++) {
        const uint2 b = ldg8(packed + ((r * 4 + step) * 3 + j) * 32);
#pragma unroll
        for (u32 i = 0; i < 4; i++)
          Math::mma(acc[i / 2][i % 2][1 - r % 2][j], a[2 * (row + i / 2) + i % 2], b.x, b.y);
      }
    }
  }
  __syncthreads();

#pragma unroll
  for (u32 i = 0; i < 8; i++) {
    const u32 pair = i / 4, half = i / 2 % 2, parity = i % 2;
#pragma unroll
    for (u32 j = 0; j < 6; j++) {
      const u32 q = half * 16 + j % 2 * 8 + lane / 4;
      float* const to = scatter + (((2 * warp + pair) * 2 + parity) * COLUMNS + q) * J + j / 2 * 8 + 2 * (lane % 4);
      *(float2*)to = float2{acc[pair][half][parity][j / 2][j % 2 * 2], acc[pair][half][parity][j / 2][j % 2 * 2 + 1]};
    }
  }
  __syncthreads();

  const float unscale = p.unscale[image] * p.out_scale;
  for (u32 i = t; i < 2 * PAIRS * OWNED * 6; i += 128) {
    const u32 row = i / (OWNED * 6), at = i % (OWNED * 6);
    const u32 h = 2 * i0 + row, w = 2 * q0 + at / 3;
    if (h >= p.side || w >= p.side) continue;
    const float total = column_sum<J>(scatter + row * COLUMNS * J, at);
    p.dx[(((u64)image * p.side + h) * p.side + w) * 3 + at % 3] = total * unscale;
  }
}

KERNEL __launch_bounds__(128) stem_dgrad_mma_f16(const __grid_constant__ StemDgrad p) {
  stem_dgrad_mma<StemF16>(p);
}
EXPORT_KERNEL(stem_dgrad_mma_f16)

KERNEL __launch_bounds__(128) stem_dgrad_mma_bf16(const __grid_constant__ StemDgrad p) {
  stem_dgrad_mma<StemBf16>(p);
}
EXPORT_KERNEL(stem_dgrad_mma_bf16)
