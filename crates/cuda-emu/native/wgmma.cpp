// wgmma: d[64][N] (+)= a[64][16] * b[16][N] for the 128 threads of a warpgroup, asynchronous. Lazy: done when the
// group is waited for, so that operands overwritten too early show. Eager: when the last thread has issued it.
//
// Warp v of the group owns rows 16v .. 16v+15 of a (when in registers, as in mma.sync) and d, in the fragments of
// mma.sync: d[4j + 2h + e] is row 16v + 8h + lane/4, column 8j + 2(lane%4) + e.
#include "runtime.h"
#include "vector8.h"
#include "wgmma_operand.h"

namespace emu {
namespace {
constexpr u32 ROWS = 64, K = 16, MOST_N = 256;

void read_registers(const Wgmma& op, float* out) {
  alignas(32) u16 half[ROWS][K];
  for (u32 t = 0; t < GROUP_THREADS; t++) {
    const u32 row = t / 32 * 16 + (t & 31) / 4, k = (t & 3) * 2;
    memcpy(&half[row][k], &op.registers[t][0], 4);
    memcpy(&half[row + 8][k], &op.registers[t][1], 4);
    memcpy(&half[row][k + 8], &op.registers[t][2], 4);
    memcpy(&half[row + 8][k + 8], &op.registers[t][3], 4);
  }
  for (u32 r = 0; r < ROWS; r++)
    for (u32 q = 0; q < 2; q++) store8(out + r * K + q * 8, to_vec8(&half[r][q * 8], op.arg.bf16));
}

// Rows r .. r+7, columns n .. n+7.
void multiply(const float* a, const float* b, Vec8 (&sum)[8]) {
  for (u32 k = 0; k < K; k++) {
    const Vec8 row = load8(b + k * MOST_N);
#pragma GCC unroll 8
    for (u32 r = 0; r < 8; r++) sum[r] = multiply_add(broadcast(a[r * K + k]), row, sum[r]);
  }
}

void carry_out(Worker& w, Wgmma& op) {
  float *a = reinterpret_cast<float*>(w.scratch), *b = a + ROWS * K;
  static_assert((ROWS * K + K * MOST_N) * 4 <= sizeof w.scratch, "");
  const WgmmaArg& x = op.arg;
  if (x.registers) {
    read_registers(op, a);
  } else {
    read_rows(w, x.a, x.transposed_a, x.bf16, ROWS, a);
  }
  read_columns(w, x.b, x.transposed_b, x.bf16, (u32)x.n, MOST_N, b);
  for (u32 r0 = 0; r0 < ROWS; r0 += 8) {
    const u32 first = r0 / 16 * 32, half = r0 / 8 & 1;
    for (u32 j = 0; j < (u32)x.n / 8; j++) {
      alignas(32) float d[8][8] = {};
      Vec8 sum[8];
      for (u32 l = 0; l < 32 && x.accumulate; l++) memcpy(&d[l / 4][l % 4 * 2], op.d[first + l] + 4 * j + 2 * half, 8);
#pragma GCC unroll 8
      for (u32 r = 0; r < 8; r++) sum[r] = load8(d[r]);
      multiply(a + r0 * K, b + 8 * j, sum);
#pragma GCC unroll 8
      for (u32 r = 0; r < 8; r++) store8(d[r], sum[r]);
      for (u32 l = 0; l < 32; l++) memcpy(op.d[first + l] + 4 * j + 2 * half, &d[l / 4][l % 4 * 2], 8);
    }
  }
  op.done = true;
  w.stats.wgmma++;
}
void visit(Worker& w, const Wgmma& op) {
  const WgmmaArg& x = op.arg;
  if (!x.registers) visit_operand(w, x.a, x.transposed_a, ROWS, op.pc);
  visit_operand(w, x.b, x.transposed_b, (u32)x.n, op.pc);
}
bool same(const WgmmaArg& x, const WgmmaArg& y) {
  return x.a == y.a && x.b == y.b && x.n == y.n && x.bf16 == y.bf16 && x.accumulate == y.accumulate &&
         x.transposed_a == y.transposed_a && x.transposed_b == y.transposed_b && !x.registers == !y.registers;
}
}  // namespace

void wgmma(const WgmmaArg& arg) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  if (arg.n % 8 || arg.n < 8 || arg.n > (int)MOST_N) fail("wgmma with N = %d: a multiple of 8 up to 256", arg.n);
  if (w.threads < (f.warp / 4 + 1) * GROUP_THREADS) fail("wgmma needs a warpgroup of 128 threads");
  WarpGroup& g = w.group[f.warp / 4];
  const u32 i = f.wgmma_issued++ - g.popped;
  if (i == g.ops.size()) {
    g.ops.emplace_back();
    g.ops.back().arg = arg;
    g.ops.back().group = f.wgmma_group;
    g.ops.back().pc = f.pc;
  }
  Wgmma& op = g.ops[i];
  if (!same(op.arg, arg)) fail("the threads of a warpgroup issue different wgmma (%s)", here().c_str());
  const u32 t = f.lin % GROUP_THREADS;
  op.d[t] = arg.d;
  if (arg.registers) memcpy(op.registers[t], arg.registers, 16);
  if (++op.arrived < GROUP_THREADS) return;
  if (w.checked) visit(w, op);
  // In order, so that sums stay in order: what came before is done now too.
  if (w.timing == Timing::Eager || (w.timing == Timing::Random && coin(w))) {
    for (u32 k = 0; k <= i; k++)
      if (!g.ops[k].done) carry_out(w, g.ops[k]);
  }
}

void wgmma_commit() { running().wgmma_group++; }

// All threads of the group meet here, then the oldest groups are done.
void wgmma_wait(int groups) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  const u32 index = f.warp / 4;
  WarpGroup& g = w.group[index];
  if (++g.waiting_count < GROUP_THREADS) {
    g.waiting[f.warp % 4] |= 1u << f.lane;
    pause(w, f, Waits::Wgmma, 0);
    return;
  }
  g.waiting_count = 0;
  while (!g.ops.empty() && (int)(f.wgmma_group - g.ops.front().group) > groups) {
    Wgmma& op = g.ops.front();
    if (op.arrived != GROUP_THREADS) fail("only %u of 128 threads issued a wgmma", op.arrived);
    if (w.checked) visit(w, op);
    if (!op.done) carry_out(w, op);
    g.ops.pop_front();
    g.popped++;
  }
  if (w.checked) chk_wgmma_waited(index * 4);
  for (u32 i = 0; i < 4; i++) {
    make_ready(w, index * 4 + i, g.waiting[i]);
    g.waiting[i] = 0;
  }
  if (!w.random) return;
  make_ready(w, f);
  pause(w, f, Waits::Wgmma, 0);
}
}  // namespace emu
