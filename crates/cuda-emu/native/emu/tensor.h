// What sm_80 brought: cp.async, ldmatrix, mma.sync.
#pragma once

namespace emu {
// `count` ldmatrix in a row: lane addresses at[count], registers r[count][tiles].
struct LdmatrixArg { const u32* at; u32* r; int tiles, count; };
// rows x cols products in a row: d[rows][cols][4] += a[rows][4] * b[cols][2].
struct MmaArg { float* d; const u32* a; const u32* b; int rows, cols; };

void cp_async(u32 dst, const void* src, u32 size, u32 bytes);
void cp_async_commit();
void cp_async_wait(int groups);
}  // namespace emu

DEV void cp_async4(u32 dst, const void* src, u32 bytes) { emu::cp_async(dst, src, 4, bytes); }
DEV void cp_async8(u32 dst, const void* src, u32 bytes) { emu::cp_async(dst, src, 8, bytes); }
DEV void cp_async16(u32 dst, const void* src, u32 bytes) { emu::cp_async(dst, src, 16, bytes); }
DEV void cp_async_commit() { emu::cp_async_commit(); }
template <int N> DEV void cp_async_wait() { emu::cp_async_wait(N); }

DEV void emu_ldmatrix(emu::Op op, u32* r, const u32* at, int tiles, int count) {
  emu::LdmatrixArg a{at, r, tiles, count};
  emu::warp_op(op, 0xffffffffu, &a);
}
DEV void ldmatrix_x1(u32& r, u32 at) { emu_ldmatrix(emu::OP_LDMATRIX, &r, &at, 1, 1); }
DEV void ldmatrix_x1_trans(u32& r, u32 at) { emu_ldmatrix(emu::OP_LDMATRIX_T, &r, &at, 1, 1); }
DEV void ldmatrix_x2(u32 (&r)[2], u32 at) { emu_ldmatrix(emu::OP_LDMATRIX, r, &at, 2, 1); }
DEV void ldmatrix_x2_trans(u32 (&r)[2], u32 at) { emu_ldmatrix(emu::OP_LDMATRIX_T, r, &at, 2, 1); }
DEV void ldmatrix_x4(u32 (&r)[4], u32 at) { emu_ldmatrix(emu::OP_LDMATRIX, r, &at, 4, 1); }
DEV void ldmatrix_x4_trans(u32 (&r)[4], u32 at) { emu_ldmatrix(emu::OP_LDMATRIX_T, r, &at, 4, 1); }
template <int N> DEV void ldmatrix_x4(u32 (&r)[N][4], const u32 (&at)[N]) {
  emu_ldmatrix(emu::OP_LDMATRIX, r[0], at, 4, N);
}
template <int N> DEV void ldmatrix_x4_trans(u32 (&r)[N][4], const u32 (&at)[N]) {
  emu_ldmatrix(emu::OP_LDMATRIX_T, r[0], at, 4, N);
}

DEV void emu_mma(emu::Op op, float* d, const u32* a, const u32* b, int rows, int cols) {
  emu::MmaArg x{d, a, b, rows, cols};
  emu::warp_op(op, 0xffffffffu, &x);
}
DEV void mma_f16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  const u32 b[2] = {b0, b1};
  emu_mma(emu::OP_MMA_F16, d, a, b, 1, 1);
}
DEV void mma_bf16_16816(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  const u32 b[2] = {b0, b1};
  emu_mma(emu::OP_MMA_BF16, d, a, b, 1, 1);
}
DEV void mma_tf32_1688(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  const u32 b[2] = {b0, b1};
  emu_mma(emu::OP_MMA_TF32, d, a, b, 1, 1);
}
template <int I, int J> DEV void mma_f16_tiles(float (&d)[I][2 * J][4], const u32 (&a)[I][4], const u32 (&b)[J][4]) {
  emu_mma(emu::OP_MMA_F16, d[0][0], a[0], b[0], I, 2 * J);
}
template <int I, int J> DEV void mma_bf16_tiles(float (&d)[I][2 * J][4], const u32 (&a)[I][4], const u32 (&b)[J][4]) {
  emu_mma(emu::OP_MMA_BF16, d[0][0], a[0], b[0], I, 2 * J);
}
