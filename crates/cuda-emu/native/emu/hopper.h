// What sm_90 brought: mbarriers, bulk tensor copies, wgmma.
#pragma once

namespace emu {
void mbar_init(u32 bar, u32 count);
void mbar_expect_tx(u32 bar, u32 bytes);
void mbar_arrive(u32 bar);
void mbar_wait(u32 bar, u32 parity);
void fence_proxy_async();

// `offsets`: rank - 2 of them for an im2col map, null for a tiled one.
void tma_load(u32 dst, const void* map, u32 bar, const int* at, int rank, const u16* offsets);
void tma_store(const void* map, u32 src, const int* at, int rank);
void tma_store_commit();
void tma_store_wait(int groups, bool read_only);

// d[64][n] (+)= a[64][16] * b[16][n]; `a` is a descriptor or, with `registers`, a warp's fragments.
struct WgmmaArg {
  float* d;
  const u32* registers;
  u64 a, b;
  int n;
  bool bf16, accumulate, transposed_a, transposed_b;
};
void wgmma(const WgmmaArg& arg);
void wgmma_commit();
void wgmma_wait(int groups);
}  // namespace emu

DEV void grid_wait() {}
DEV void grid_launch_next() {}

DEV void mbar_init(u32 bar, u32 count) { emu::mbar_init(bar, count); }
DEV void mbar_init_fence() {}
DEV void mbar_expect_tx(u32 bar, u32 bytes) { emu::mbar_expect_tx(bar, bytes); }
DEV void mbar_arrive(u32 bar) { emu::mbar_arrive(bar); }
DEV void mbar_wait(u32 bar, u32 parity) { emu::mbar_wait(bar, parity); }
DEV void fence_proxy_async() { emu::fence_proxy_async(); }

DEV void tma_prefetch(const TensorMap*) {}
DEV void tma_load_2d(u32 dst, const TensorMap* m, u32 bar, int c0, int c1) {
  const int at[2] = {c0, c1};
  emu::tma_load(dst, m, bar, at, 2, nullptr);
}
DEV void tma_load_3d(u32 dst, const TensorMap* m, u32 bar, int c0, int c1, int c2) {
  const int at[3] = {c0, c1, c2};
  emu::tma_load(dst, m, bar, at, 3, nullptr);
}
DEV void tma_load_4d(u32 dst, const TensorMap* m, u32 bar, int c0, int c1, int c2, int c3) {
  const int at[4] = {c0, c1, c2, c3};
  emu::tma_load(dst, m, bar, at, 4, nullptr);
}
DEV void tma_load_im2col(u32 dst, const TensorMap* m, u32 bar, int c, int w, int h, int n, u16 dw, u16 dh) {
  const int at[4] = {c, w, h, n};
  const u16 offsets[2] = {dw, dh};
  emu::tma_load(dst, m, bar, at, 4, offsets);
}
DEV void tma_store_2d(const TensorMap* m, u32 src, int c0, int c1) {
  const int at[2] = {c0, c1};
  emu::tma_store(m, src, at, 2);
}
DEV void tma_store_4d(const TensorMap* m, u32 src, int c0, int c1, int c2, int c3) {
  const int at[4] = {c0, c1, c2, c3};
  emu::tma_store(m, src, at, 4);
}
DEV void tma_store_commit() { emu::tma_store_commit(); }
template <int N> DEV void tma_store_wait_read() { emu::tma_store_wait(N, true); }
template <int N> DEV void tma_store_wait() { emu::tma_store_wait(N, false); }

DEV void wgmma_fence() {}
DEV void wgmma_commit() { emu::wgmma_commit(); }
template <int N> DEV void wgmma_wait() { emu::wgmma_wait(N); }
template <int N> DEV void reg_dec() {}
template <int N> DEV void reg_inc() {}
template <int N, int TRANS_B = 0, int TRANS_A = 0>
DEV void wgmma_f16(float (&d)[N / 2], u64 a, u64 b, int accumulate) {
  emu::wgmma({d, nullptr, a, b, N, false, accumulate != 0, TRANS_A != 0, TRANS_B != 0});
}
template <int N, int TRANS_B = 0, int TRANS_A = 0>
DEV void wgmma_bf16(float (&d)[N / 2], u64 a, u64 b, int accumulate) {
  emu::wgmma({d, nullptr, a, b, N, true, accumulate != 0, TRANS_A != 0, TRANS_B != 0});
}
template <int N, int TRANS_B = 0>
DEV void wgmma_f16(float (&d)[N / 2], const u32 (&a)[4], u64 b, int accumulate) {
  emu::wgmma({d, a, 0, b, N, false, accumulate != 0, false, TRANS_B != 0});
}
template <int N, int TRANS_B = 0>
DEV void wgmma_bf16(float (&d)[N / 2], const u32 (&a)[4], u64 b, int accumulate) {
  emu::wgmma({d, a, 0, b, N, true, accumulate != 0, false, TRANS_B != 0});
}
