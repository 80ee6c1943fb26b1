// stem on tensor cores: the convolution of a tile as one product, the pool behind it; 16 bits, or split in two.
//
// Computes  y = relu(out_scale * acc + bias), max over 3x3/2, codes from the float32 values (stem/params.cuh).
// Tile      8 x 8 pooled pixels = 17 x 17 = 289 positions of the convolution = 19 tiles of 16 rows; 7 warps of 3 tiles,
//           32 channels at a time, so that two blocks have room in a multiprocessor's registers.
// Product   k = 24 r + 1 + j: a row of the filter, 21 floats, begins one float early, so that every pair of k lies on a
//           4-byte boundary of the staged picture, and has two more after it; 7 x 24 = 168, padded to 176 = 11 steps.
//           Where nothing is meant the weights are zero. So the operand A is gathered from the picture's rows by
//           4-byte loads at offsets known to the compiler; nothing is unfolded.
// Weights   packed in the order of the fragments (Rust: StemWeights): [step][pair of 8 columns][lane][4 words], from L1.
// Split     picture and weights are hi + lo; lo*hi + hi*lo + hi*hi go to one accumulator: 21 bits of mantissa.
// Shared    55 KiB, split 64 KiB: the picture's rows, and the map of 32 channels in float32.
// Bound by  tensor cores: 236 MFLOP x 1.2 (K) x 1.13 (halo) x 1.1 (rows) an image, 0.84 us at 420 TFLOP/s, split 2.5 us;
//           memory 1.1 to 1.5 MB, 0.35 us. Predicted: 1.4 us an image, split 3.6 us.
// Opcodes   HMMA.16816.
// Before    01_fused. New here: the inner product is an instruction.
// opcodes all: HMMA.16816 STG.E.64
#include "stem/params.cuh"

constexpr u32 TILE = 8;                 // pooled rows and columns
constexpr u32 MAP = 2 * TILE + 1;       // rows and columns of the convolution
constexpr u32 ROWS = 2 * MAP + 6;       // rows of the picture, one more than the filter meets: the padding of k reads it
constexpr u32 PITCH = 120;              // elements of a staged row, from one before pixel 4 q0 - 5 on
constexpr u32 WARPS = 7;
constexpr u32 THREADS = 32 * WARPS;
constexpr u32 STEPS = 11;
constexpr u32 HALF = 32;                // channels at a time
constexpr u32 MAP_PITCH = HALF + 8;     // floats a position; spreads the rows of a fragment over the banks

struct StemF16 {
  static DEV_MEMBER u32 pack(float a, float b) { return pack_f16(a, b); }
  static DEV_MEMBER void mma(float (&d)[3][4][4], const u32 (&a)[3][4], const u32 (&b)[2][4]) {
    mma_f16_tiles(d, a, b);
  }
};
struct StemBf16 {
  static DEV_MEMBER u32 pack(float a, float b) { return pack_bf16(a, b); }
  static DEV_MEMBER void mma(float (&d)[3][4][4], const u32 (&a)[3][4], const u32 (&b)[2][4]) {
    mma_bf16_tiles(d, a, b);
  }
};

// The fragments of three tiles of rows; `at` are the lane's places in the picture for rows g and g + 8 of each.
DEV void stem_gather(u32 (&a)[3][4], const u16* picture, const u32 (&at)[3][2], u32 step) {
#pragma unroll
  for (u32 half = 0; half < 2; half++) {
    // Eight k of one filter row; the lane's two are added to `at` already.
    const u32 eight = 2 * step + half, offset = eight / 3 * PITCH + eight % 3 * 8;
#pragma unroll
    for (u32 i = 0; i < 3; i++) {
      a[i][2 * half] = *(const u32*)(picture + at[i][0] + offset);
      a[i][2 * half + 1] = *(const u32*)(picture + at[i][1] + offset);
    }
  }
}

// The fragments of 32 columns.
DEV void stem_weights(u32 (&b)[2][4], const uint4* packed, u32 step) {
#pragma unroll
  for (u32 j = 0; j < 2; j++) {
    const uint4 v = ldg16(packed + (step * 4 + j) * 32);
    b[j][0] = v.x;
    b[j][1] = v.y;
    b[j][2] = v.z;
    b[j][3] = v.w;
  }
}

template <class Math, bool SPLIT>
DEV void stem_mma(const StemForward& p) {
  DYN_SMEM(smem);
  u16* const picture = (u16*)smem;             // [40][120], and as much again for the lower halves
  u16* const lower = picture + ROWS * PITCH;
  float* const map = (float*)(lower + (SPLIT ? ROWS * PITCH : 0));  // [289][40]
  const u32 t = threadIdx.x, lane = t % 32, warp = t / 32, pooled = p.side / 4;
  const u32 tiles = (pooled + TILE - 1) / TILE;
  const u32 image = blockIdx.x / (tiles * tiles);
  const u32 p0 = blockIdx.x / tiles % tiles * TILE, q0 = blockIdx.x % tiles * TILE;

  for (u32 i = t; i < ROWS * (PITCH / 4); i += THREADS) {
    // Rows and groups of four outside the picture are zeros; unsigned, so that before the first is after the last.
    const u32 y = 4 * p0 + i / (PITCH / 4) - 5, group = 3 * q0 + i % (PITCH / 4) - 4;
    float4 v = float4{0.0f, 0.0f, 0.0f, 0.0f};
    if (y < p.side && group < p.side * 3 / 4)
      v = sample4(p.from, p.side * p.side * 3, image, y * (p.side * 3 / 4) + group);
    uint2 hi;
    hi.x = Math::pack(v.x, v.y);
    hi.y = Math::pack(v.z, v.w);
    st8(picture + 4 * i, hi);
    if (SPLIT) {
      const float2 a = f16x2_to_f32(hi.x), b = f16x2_to_f32(hi.y);
      uint2 lo;
      lo.x = Math::pack(v.x - a.x, v.y - a.y);
      lo.y = Math::pack(v.z - b.x, v.w - b.y);
      st8(lower + 4 * i, lo);
    }
  }
  u32 at[3][2];
#pragma unroll
  for (u32 i = 0; i < 6; i++) {
    // Rows past the last position repeat it and are not stored.
    const u32 row = (warp * 3 + i / 2) * 16 + i % 2 * 8 + lane / 4, position = row < MAP * MAP ? row : MAP * MAP - 1;
    at[i / 2][i % 2] = position / MAP * 2 * PITCH + position % MAP * 6 + 2 * (lane % 4);
  }
#pragma unroll 1
  for (u32 half = 0; half < STEM_C; half += HALF) {
    // The picture is staged, or the half before is pooled.
    __syncthreads();
    const uint4* const packed = (const uint4*)p.packed + half / 16 * 32 + lane;
    float acc[3][4][4] = {};
#pragma unroll
    for (u32 step = 0; step < STEPS; step++) {
      u32 a[3][4], b[2][4];
      stem_gather(a, picture, at, step);
      stem_weights(b, packed, step);
      if (SPLIT) {
        u32 low[3][4], weights_low[2][4];
        stem_gather(low, lower, at, step);
        Math::mma(acc, low, b);
        stem_weights(weights_low, packed + STEPS * 4 * 32, step);
        Math::mma(acc, a, weights_low);
      }
      Math::mma(acc, a, b);
    }
#pragma unroll
    for (u32 i = 0; i < 3; i++) {
#pragma unroll
      for (u32 h = 0; h < 2; h++) {
        const u32 position = (warp * 3 + i) * 16 + h * 8 + lane / 4;
        if (position >= MAP * MAP) continue;
#pragma unroll
        for (u32 j = 0; j < 4; j++) {
          const u32 c = 8 * j + 2 * (lane % 4);
          const float2 bias = *(const float2*)(p.bias + half + c);
          *(float2*)(map + position * MAP_PITCH + c) =
              float2{acc[i][j][2 * h] * p.out_scale + bias.x, acc[i][j][2 * h + 1] * p.out_scale + bias.y};
        }
      }
    }
    __syncthreads();

    pool_tile<TILE, MAP, HALF, MAP_PITCH, THREADS>(p, map, image, p0, q0, half);
  }
}

KERNEL __launch_bounds__(THREADS, 2) stem_forward_mma_f16(const __grid_constant__ StemForward p) {
  stem_mma<StemF16, false>(p);
}
EXPORT_KERNEL(stem_forward_mma_f16)

KERNEL __launch_bounds__(THREADS, 2) stem_forward_mma_bf16(const __grid_constant__ StemForward p) {
  stem_mma<StemBf16, false>(p);
}
EXPORT_KERNEL(stem_forward_mma_bf16)

KERNEL __launch_bounds__(THREADS, 2) stem_forward_mma_split(const __grid_constant__ StemForward p) {
  stem_mma<StemF16, true>(p);
}
EXPORT_KERNEL(stem_forward_mma_split)
