// The copy half of the tiled kernels: from global memory to a ring of stages in shared memory, by cp.async.
//
// A stage holds 64 bytes of k for every row and column of the block's tile (32 channels of 16 bits, 16 of float32):
//
//   A        BM rows of 64 bytes                            chunk c of row r lies at  c ^ (r / 2 % 4)
//   B dgrad  BN columns of 64 bytes of k, likewise
//   B fwd    64 / BYTES rows of k, BN columns each          chunk c of row r lies at  c ^ (r % 8)
//
// (chunks of 16 bytes). So the eight 16-byte pieces that one phase of ldmatrix, of a 16-byte load or of cp.async
// touches lie in eight different groups of banks. Split tensors have two planes: A hi, A lo, B hi, B lo.
// Pixels beyond the border and rows beyond the tensor are filled with zeros: cp.async with a size of 0.
//
// With STAGES stages, STAGES - 1 are in flight while one is multiplied, and one barrier a step suffices: the stage that
// a step fills is the one that all threads finished reading before that step's barrier.
#pragma once
#include "conv/taps.cuh"
#include "conv/rows.cuh"

template <bool DGRAD_, int BYTES_, int PLANES_, int BM_, int BN_, int THREADS_, int STAGES_>
struct Tile {
  static constexpr bool DGRAD = DGRAD_;
  static constexpr int BYTES = BYTES_, PLANES = PLANES_, BM = BM_, BN = BN_, THREADS = THREADS_, STAGES = STAGES_;
  static constexpr int K = 64 / BYTES;                      // channels a step
  static constexpr int A_ROWS = BM * 4 / THREADS;           // rows a thread copies a chunk of
  static constexpr int B_CHUNKS = BN * 4 / THREADS;         // chunks of B a thread copies
  static constexpr u32 A_BYTES = BM * 64, B_BYTES = BN * 64;
  static constexpr u32 STAGE_BYTES = PLANES * (A_BYTES + B_BYTES);
  // Swizzles repeat every 8 rows, so that a thread's chunks lie at a constant distance.
  static_assert(THREADS / 4 % 8 == 0 && THREADS * 16 % (BN * BYTES * 8) == 0, "a pass covers whole groups of 8 rows");
  static_assert(A_ROWS * THREADS == BM * 4 && B_CHUNKS * THREADS == BN * 4, "threads share a tile evenly");
};

// Byte offset of chunk `c` of row `r` in rows of 64 bytes.
DEV u32 swizzle64(u32 r, u32 c) { return r * 64 + ((c ^ (r >> 1 & 3)) << 4); }
// The same in rows of `BYTES` = 128 or more.
template <int BYTES>
DEV u32 swizzle(u32 r, u32 c) { return r * BYTES + ((c ^ (r & 7)) << 4); }

// A thread's share of the copies. What changes with the channel alone is one addition a copy; the rest is worked out
// when the walk comes to another tap.
template <class T>
struct Loader {
  static constexpr int B_CHUNKS_ROW = T::BN * T::BYTES / 16;  // chunks in a row of forward's B
  Walk<T::DGRAD> walk;
  u32 image[T::A_ROWS], yx[T::A_ROWS];  // pixels of the rows this thread copies; image = NOWHERE for padding
  u32 source[T::A_ROWS];                // element of the thread's chunk of the pixel that the tap meets, or 0
  u32 inside;                           // bit i: row i meets a pixel
  u32 weight, weight_step;              // element of the thread's first chunk of B, and from one chunk to the next
  u32 c, col;

  DEV_MEMBER void aim(const ConvParams& p) {
    if (walk.done(p)) return;
    const ConvTerm& t = p.term[walk.term];
    const u32 tap = walk.tap(p), chunk = (threadIdx.x & 3) * (16 / T::BYTES);
    inside = 0;
#pragma unroll
    for (int i = 0; i < T::A_ROWS; i++) {
      const Pixel at = {image[i], yx[i] & 0xffff, yx[i] >> 16, image[i] != NOWHERE};
      const u32 from = source_pixel<T::DGRAD>(t, at, walk.ky, walk.kx);
      source[i] = from == NOWHERE ? 0 : from + chunk;
      inside |= (u32)(from != NOWHERE) << i;
    }
    if (T::DGRAD) {
      weight = (tap * p.channels + col + threadIdx.x / 4) * t.channels + chunk;
      weight_step = T::THREADS / 4 * t.channels;
    } else {
      const u32 n = threadIdx.x % B_CHUNKS_ROW * (16 / T::BYTES);
      weight = (tap * t.channels + threadIdx.x / B_CHUNKS_ROW) * p.channels + col + n;
      weight_step = T::THREADS / B_CHUNKS_ROW * p.channels;
    }
  }

  DEV_MEMBER void start(const ConvParams& p, u32 class_, u32 row0, u32 col0) {
    c = class_;
    col = col0;
#pragma unroll
    for (int i = 0; i < T::A_ROWS; i++) {
      const Pixel at = pixel_of(p, c, row0 + threadIdx.x / 4 + i * (T::THREADS / 4));
      image[i] = at.valid ? at.image : NOWHERE;
      yx[i] = at.y | at.x << 16;
    }
    walk.start(p, c);
    aim(p);
  }

  // Queues the copies of one step into the stage at `stage`, and moves on.
  DEV_MEMBER void load(const ConvParams& p, u32 stage) {
    const ConvTerm& t = p.term[walk.term];
    const u32 to_row = swizzle64(threadIdx.x / 4, threadIdx.x & 3);  // repeats every 8 rows
    const u32 to_weight = T::DGRAD ? to_row : swizzle<B_CHUNKS_ROW * 16>(threadIdx.x / B_CHUNKS_ROW,
                                                                          threadIdx.x % B_CHUNKS_ROW);
#pragma unroll
    for (int plane = 0; plane < T::PLANES; plane++) {
      const u8* const a = static_cast<const u8*>(plane ? t.a_lo : t.a);
      const u8* const w = static_cast<const u8*>(plane ? t.w_lo : t.w);
      const u32 to_a = stage + plane * T::A_BYTES, to_b = stage + T::PLANES * T::A_BYTES + plane * T::B_BYTES;
#pragma unroll
      for (int i = 0; i < T::A_ROWS; i++) {
        cp_async16(to_a + to_row + i * (T::THREADS * 16), a + (u64)(source[i] + walk.k) * T::BYTES,
                   inside >> i & 1 ? 16 : 0);
      }
#pragma unroll
      for (int i = 0; i < T::B_CHUNKS; i++) {
        cp_async16(to_b + to_weight + i * (T::THREADS * 16), w + (u64)(weight + i * weight_step) * T::BYTES, 16);
      }
    }
    weight += T::DGRAD ? T::K : T::K * p.channels;
    if (walk.advance(p, c, T::K)) aim(p);
  }
};

// Where a block works: columns fastest, so that blocks running together share rows of A; of the parity classes the one
// with the most taps first.
struct Place {
  u32 c, row, col;
};
template <class T>
DEV Place place_of_block(const ConvParams& p) {
  return {p.parity ? 3 - blockIdx.z : 0, blockIdx.y * T::BM, blockIdx.x * T::BN};
}

// Calls `multiply(stage)` for every step, with the byte offset of a filled stage.
template <class T, class Multiply>
DEV void pipeline(const ConvParams& p, const Place& at, u32 smem, Multiply multiply) {
  Loader<T> loader;
  loader.start(p, at.c, at.row, at.col);
  const u32 steps = walk_steps<T::DGRAD>(p, at.c, T::K);
#pragma unroll 1
  for (u32 s = 0; s < T::STAGES - 1; s++) {
    if (s < steps) loader.load(p, smem + s * T::STAGE_BYTES);
    cp_async_commit();
  }
  u32 read = 0, write = T::STAGES - 1;
  for (u32 s = 0; s < steps; s++) {
    cp_async_wait<T::STAGES - 2>();
    __syncthreads();
    if (s + T::STAGES - 1 < steps) loader.load(p, smem + write * T::STAGE_BYTES);
    cp_async_commit();
    multiply(read * T::STAGE_BYTES);
    read = read + 1 == T::STAGES ? 0 : read + 1;
    write = write + 1 == T::STAGES ? 0 : write + 1;
  }
}
