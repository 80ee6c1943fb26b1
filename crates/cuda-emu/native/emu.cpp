#include "device.cuh"
#include "host.h"
#include <cstdio>
#include <cstdlib>
#include <cstdarg>
#include <csetjmp>
#include <csignal>
#include <sys/mman.h>
#include <unistd.h>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>
#include <deque>
#include <string>
#include <algorithm>

using emu::Ctx;
namespace {
constexpr u32 WARP_ALL = 0xffffffffu;
constexpr size_t STACK = 64 << 10;
constexpr u32 MAXT = 1024;
constexpr u32 ARENA = 256 << 10;

struct CpA { u32 dst; const void* src; u32 size, bytes, group; };
struct Fiber : Ctx {
  void** params; const char* state; u32 wait_bar, wait_par;
  u32 cp_group, cp_count; std::vector<CpA> cpa;
  u32 wg_issue, wg_group;
};
struct Slot { bool used; emu::Op op; u32 mask, arrived; void* arg[32]; };
struct WgOp { u64 da, db; int n, acc; u32 arrived, group; bool done; float* d[128]; };
struct Wg { std::deque<WgOp> ops; u32 base, waiting, wait_n; };
struct Cpr { u32 addr[32]; u32 mask; };
struct Warp { u32 ready; Slot slot[4]; std::vector<Cpr> cpr; };
struct Bar { u32 count, expect; int line; u32 wait[32]; };
struct MBar { u32 off, count, pending, phase; long long tx; };
struct MapFields { u64 base; u64 stride[4]; u32 dim[5]; u16 box[5]; u8 rank, elem, swz, kind; };
static_assert(sizeof(MapFields) <= 128, "");
struct TmaOp { u32 dst, bar, token; MapFields m; int c[5]; };

struct Worker {
  u8* stacks = nullptr; u8* arena_map = nullptr; u8* arena = nullptr;
  Fiber* f; Warp warp[32]; Bar bar[16]; Wg wg[8];
  std::vector<MBar> mbar; std::vector<TmaOp> tma; std::vector<Fiber*> mwait;
  u32 nthreads, nwarps, alive, smem; u32 ready_warps; void* main_sp; Fiber* last;
  u64 rng; bool random; u32 async_mode; bool failed; std::string err; EmuStats st;
  sigjmp_buf segv;
  void (*entry)(void**);
};
thread_local Worker* W = nullptr;

inline u64 rnd() { u64 x = W->rng; x ^= x << 13; x ^= x >> 7; x ^= x << 17; return W->rng = x; }

extern "C" void emu_swap(void** save, void* to);
asm(R"(.text
.globl emu_swap
.type emu_swap,@function
emu_swap:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emu_swap,.-emu_swap
)");

inline Fiber* me() { return static_cast<Fiber*>(emu::cur); }
inline void make_ready(Fiber* f) { W->warp[f->warp].ready |= 1u << f->lane; W->ready_warps |= 1u << f->warp; }

inline int nth_bit(u32 m, int n) { while (n--) m &= m - 1; return __builtin_ctz(m); }

void run_tma(size_t i);

inline Fiber* take(u32 w, u32 l) {
  Warp& p = W->warp[w];
  p.ready &= ~(1u << l);
  if (!p.ready) W->ready_warps &= ~(1u << w);
  return &W->f[w * 32 + l];
}
Fiber* pick(u32 from_warp) {
  for (;;) {
    if (W->async_mode == 2 && !W->tma.empty() && (rnd() & 7) == 0) run_tma(rnd() % W->tma.size());
    u32 rw = W->ready_warps;
    if (rw) {
      if (W->random) {
        u32 w = (W->warp[from_warp].ready && (rnd() & 3)) ? from_warp : nth_bit(rw, rnd() % __builtin_popcount(rw));
        u32 r = W->warp[w].ready;
        return take(w, nth_bit(r, rnd() % __builtin_popcount(r)));
      }
      u32 w = from_warp;
      if (!W->warp[w].ready) { u32 hi = w >= 31 ? 0 : rw & ~((2u << w) - 1); w = __builtin_ctz(hi ? hi : rw); }
      return take(w, __builtin_ctz(W->warp[w].ready));
    }
    if (!W->tma.empty()) { run_tma(W->random ? rnd() % W->tma.size() : 0); continue; }
    return nullptr;
  }
}
[[noreturn]] void to_main() { void* d; emu_swap(&d, W->main_sp); __builtin_unreachable(); }

void deadlock() {
  std::string s = "deadlock:";
  int n = 0;
  for (u32 i = 0; i < W->nthreads && n < 6; i++) if (W->f[i].state) {
    if (i && W->f[i - 1].state == W->f[i].state && W->f[i-1].warp == W->f[i].warp) continue;
    char b[96]; snprintf(b, sizeof b, " thread %u at %s;", i, W->f[i].state); s += b; n++;
  }
  if (W->err.empty()) W->err = s;
  W->failed = true; to_main();
}
inline void block_self(const char* why) {
  Fiber* s = me(); s->state = why;
  Fiber* n = pick(s->warp);
  if (!n) deadlock();
  W->st.switches++;
  if (n != s) { emu::cur = n; emu_swap(&s->sp, n->sp); }
  s->state = nullptr;
}
void release_bar(Bar& b, u32 self_warp) {
  u32 wm = 1u << self_warp;
  for (u32 w = 0; w < W->nwarps; w++) if (b.wait[w]) { wm |= 1u << w; W->warp[w].ready |= b.wait[w]; W->ready_warps |= 1u << w; b.wait[w] = 0; }
  b.count = 0; W->st.barriers++;
  emu::chk_barrier(wm);
}
[[noreturn]] void fiber_exit() {
  Fiber* s = me(); s->state = nullptr; W->alive--;
  Bar& b = W->bar[0];
  if (b.count && b.expect == 0 && b.count == W->alive) release_bar(b, s->warp);
  Fiber* n = W->alive ? pick(s->warp) : nullptr;
  if (!n) { if (W->alive) deadlock(); to_main(); }
  emu::cur = n; void* d; emu_swap(&d, n->sp); __builtin_unreachable();
}
void trampoline() { W->entry(me()->params); fiber_exit(); }

inline float bf(u32 v) { return __uint_as_float(v << 16); }

void exec_slot(Slot& s, Warp& wp) {
  switch (s.op) {
    case emu::OP_SYNCWARP: break;
    case emu::OP_SHFL:
      for (u32 m = s.mask; m; m &= m - 1) { int l = __builtin_ctz(m); auto* a = (emu::ShflArg*)s.arg[l];
        if (!(s.mask >> (a->src & 31) & 1)) emu::fail("shuffle from lane %d, which is not in mask %08x", a->src, s.mask);
        a->out = ((emu::ShflArg*)s.arg[a->src & 31])->v; }
      break;
    case emu::OP_BALLOT: {
      u32 r = 0;
      for (u32 m = s.mask; m; m &= m - 1) { int l = __builtin_ctz(m); r |= (u32)((emu::BallotArg*)s.arg[l])->pred << l; }
      for (u32 m = s.mask; m; m &= m - 1) ((emu::BallotArg*)s.arg[__builtin_ctz(m)])->out = r;
      break; }
    case emu::OP_REDUCE: {
      int kind = ((emu::ReduceArg*)s.arg[__builtin_ctz(s.mask)])->kind; bool first = true; u32 r = 0;
      for (u32 m = s.mask; m; m &= m - 1) {
        u32 v = ((emu::ReduceArg*)s.arg[__builtin_ctz(m)])->v;
        if (first) r = v; else switch (kind) {
          case 0: r += v; break; case 1: r = std::max(r, v); break; case 2: r = (u32)std::max((int)r, (int)v); break;
          case 3: r = std::min(r, v); break; case 4: r = (u32)std::min((int)r, (int)v); break;
          case 5: r &= v; break; case 6: r |= v; break; default: r ^= v; }
        first = false;
      }
      for (u32 m = s.mask; m; m &= m - 1) ((emu::ReduceArg*)s.arg[__builtin_ctz(m)])->out = r;
      break; }
    case emu::OP_LDMATRIX: case emu::OP_LDMATRIX_T: {
      u16 t[4][8][8]; int tiles = ((emu::LdmArg*)s.arg[0])->tiles;
      for (int i = 0; i < tiles; i++) {
        u32 cnt[8] = {};
        for (int r = 0; r < 8; r++) {
          u32 a = ((emu::LdmArg*)s.arg[i * 8 + r])->addr;
          if (a & 15) emu::fail("ldmatrix row address %u is not 16-byte aligned", a);
          if (a + 16 > W->smem) emu::fail("ldmatrix row address %u outside shared memory (%u bytes)", a, W->smem);
          emu::chk_access_as(&W->f[(emu::cur->warp) * 32 + i * 8 + r], W->arena + a, 16, 0, nullptr);
          memcpy(t[i][r], W->arena + a, 16); cnt[(a >> 4) & 7]++;
        }
        W->st.ldm_phases += *std::max_element(cnt, cnt + 8); W->st.ldm_ideal++;
      }
      for (int l = 0; l < 32; l++) { u32* r = ((emu::LdmArg*)s.arg[l])->r;
        for (int i = 0; i < tiles; i++) {
          if (s.op == emu::OP_LDMATRIX) memcpy(&r[i], &t[i][l >> 2][(l & 3) * 2], 4);
          else r[i] = t[i][(l & 3) * 2][l >> 2] | (u32)t[i][(l & 3) * 2 + 1][l >> 2] << 16;
        } }
      break; }
    case emu::OP_MMA_TF32: {
      auto tf = [](u32 v) { return __uint_as_float(v & ~0x1fffu); };
      float A[16][8], B[8][8], C[16][8];
      for (int l = 0; l < 32; l++) { auto* a = (emu::MmaArg*)s.arg[l]; int g = l >> 2, c = l & 3;
        A[g][c] = tf(a->a[0]); A[g + 8][c] = tf(a->a[1]); A[g][c + 4] = tf(a->a[2]); A[g + 8][c + 4] = tf(a->a[3]);
        B[c][g] = tf(a->b0); B[c + 4][g] = tf(a->b1);
        for (int e = 0; e < 2; e++) { C[g][2 * c + e] = a->d[e]; C[g + 8][2 * c + e] = a->d[2 + e]; } }
      for (int i = 0; i < 16; i++) for (int k = 0; k < 8; k++) { float x = A[i][k]; for (int j = 0; j < 8; j++) C[i][j] += x * B[k][j]; }
      for (int l = 0; l < 32; l++) { auto* a = (emu::MmaArg*)s.arg[l]; int g = l >> 2, c = l & 3;
        for (int e = 0; e < 2; e++) { a->d[e] = C[g][2 * c + e]; a->d[2 + e] = C[g + 8][2 * c + e]; } }
      W->st.mma++;
      break; }
    case emu::OP_MMA_F16: case emu::OP_MMA_BF16: {
      auto bf = [&](u32 v) -> float { if (s.op == emu::OP_MMA_BF16) return __uint_as_float(v << 16); return f16_to_f32(f16{(u16)v}); };
      float A[16][16], B[16][8], C[16][8];
      for (int l = 0; l < 32; l++) { auto* a = (emu::MmaArg*)s.arg[l]; int g = l >> 2, k = (l & 3) * 2;
        for (int e = 0; e < 2; e++) {
          A[g][k + e] = bf(a->a[0] >> 16 * e & 0xffff); A[g + 8][k + e] = bf(a->a[1] >> 16 * e & 0xffff);
          A[g][k + 8 + e] = bf(a->a[2] >> 16 * e & 0xffff); A[g + 8][k + 8 + e] = bf(a->a[3] >> 16 * e & 0xffff);
          B[k + e][g] = bf(a->b0 >> 16 * e & 0xffff); B[k + 8 + e][g] = bf(a->b1 >> 16 * e & 0xffff);
          C[g][k + e] = a->d[e]; C[g + 8][k + e] = a->d[2 + e];
        } }
      for (int i = 0; i < 16; i++) for (int k = 0; k < 16; k++) { float x = A[i][k]; for (int j = 0; j < 8; j++) C[i][j] += x * B[k][j]; }
      for (int l = 0; l < 32; l++) { auto* a = (emu::MmaArg*)s.arg[l]; int g = l >> 2, k = (l & 3) * 2;
        for (int e = 0; e < 2; e++) { a->d[e] = C[g][k + e]; a->d[2 + e] = C[g + 8][k + e]; } }
      W->st.mma++;
      break; }
  }
}
}  // namespace

namespace emu {
__thread Ctx* cur = nullptr;

#define WEAK __attribute__((weak))
WEAK void chk_block_begin(uint8_t*, uint32_t, uint32_t) {}
WEAK void chk_block_end() {}
WEAK void chk_barrier(uint32_t) {}
WEAK void chk_warp(unsigned) {}
WEAK void chk_arrive(uint32_t) {}
WEAK void chk_acquire(Ctx*, uint32_t) {}
WEAK uint32_t chk_tma_issue() { return 0; }
WEAK void chk_tma_write(uint32_t, const void*, unsigned) {}
WEAK void chk_tma_done(uint32_t, uint32_t) {}
WEAK void chk_proxy_fence() {}
WEAK void chk_cpa_issue(const void*, unsigned, const void*) {}
WEAK void chk_wgmma_read(unsigned, const void*, unsigned) {}
WEAK void chk_access_as(Ctx*, const void*, unsigned, int, const void*) {}
WEAK void chk_alloc(void*, size_t, int, const char*) {}
WEAK void chk_free(void*) {}
WEAK void chk_launch(bool) {}

bool is_stack(const void* p) { return W && (((const u8*)p >= W->stacks && (const u8*)p < W->stacks + MAXT * STACK) || ((const u8*)p >= (const u8*)W->f && (const u8*)p < (const u8*)(W->f + MAXT))); }

void fail(const char* fmt, ...) {
  char b[512]; va_list ap; va_start(ap, fmt); int n = snprintf(b, sizeof b, "block (%u,%u,%u) thread %u: ", cur->bid.x, cur->bid.y, cur->bid.z, cur->lin);
  vsnprintf(b + n, sizeof b - n, fmt, ap); va_end(ap);
  W->err = b; W->failed = true; to_main();
}
u8* dyn_smem() { return W->arena; }
u32 smem_off(const void* p) {
  size_t o = (const u8*)p - W->arena; if (o > W->smem) fail("smem_addr of a pointer outside shared memory"); return (u32)o;
}
void warp_op(Op op, u32 mask, void* arg) {
  Fiber* s = me(); Warp& wp = W->warp[s->warp]; u32 bit = 1u << s->lane;
  if (!(mask & bit)) fail("lane %u is not in its own mask %08x", s->lane, mask);
  Slot* sl = nullptr;
  for (auto& c : wp.slot) if (c.used && (c.mask & mask)) {
    if (c.op != op || c.mask != mask || (c.arrived & bit)) fail("diverged warp collective: op %d mask %08x meets op %d mask %08x", op, mask, c.op, c.mask);
    sl = &c; break; }
  if (!sl) { for (auto& c : wp.slot) if (!c.used) { sl = &c; break; }
    if (!sl) fail("too many open warp collectives");
    sl->used = true; sl->op = op; sl->mask = mask; sl->arrived = 0; }
  sl->arg[s->lane] = arg; sl->arrived |= bit;
  if (sl->arrived == mask) {
    exec_slot(*sl, wp); sl->used = false; W->st.warp_ops++;
    wp.ready |= mask & ~bit; if (wp.ready) W->ready_warps |= 1u << s->warp;
    chk_warp(s->warp);
    if (W->random) { make_ready(s); block_self("warp collective"); }
    return;
  }
  block_self("warp collective");
}
void barrier(u32 id, u32 n, int line) {
  Fiber* s = me(); Bar& b = W->bar[id & 15];
  if (b.count == 0) b.expect = n; else if (b.expect != n) fail("barrier %u used with different thread counts %u and %u", id, b.expect, n);
  if (b.count == 0) b.line = line; else if (id == 0 && n == 0 && b.line != line) fail("divergent barrier: this thread is at line %d, others at line %d", line, b.line);
  b.count++;
  if (b.count == (n ? n : W->alive)) {
    release_bar(b, s->warp);
    if (W->random) { make_ready(s); block_self("barrier"); }
    return;
  }
  b.wait[s->warp] |= 1u << s->lane;
  block_self("barrier");
}
static void do_cpa(const CpA& c) {
  chk_access(W->arena + c.dst, c.size, 1, nullptr);
  if (c.bytes) { chk_access(c.src, c.bytes, 0, nullptr); memcpy(W->arena + c.dst, c.src, c.bytes); }
  memset(W->arena + c.dst + c.bytes, 0, c.size - c.bytes);
}
void cp_async(u32 dst, const void* src, u32 size, u32 bytes) {
  Fiber* s = me();
  if ((dst & (size - 1)) || ((u64)src & (size - 1))) fail("cp.async of %u bytes: address not a multiple of it (dst %u, src %p)", size, dst, src);
  if (dst + size > W->smem) fail("cp.async destination %u outside shared memory (%u bytes)", dst, W->smem);
  if (bytes > size) fail("cp.async of %u bytes told to copy %u", size, bytes);
  Warp& wp = W->warp[s->warp]; u32 i = s->cp_count++;
  if (wp.cpr.size() <= i) wp.cpr.push_back(Cpr{{}, 0});
  wp.cpr[i].addr[s->lane] = dst; wp.cpr[i].mask |= 1u << s->lane;
  chk_cpa_issue(W->arena + dst, size, __builtin_return_address(0));
  CpA c{dst, src, size, bytes, s->cp_group};
  if (W->async_mode == 1 || (W->async_mode == 2 && (rnd() & 1))) do_cpa(c); else s->cpa.push_back(c);
}
void cp_async_commit() { me()->cp_group++; }
void cp_async_wait(int n) {
  Fiber* s = me(); size_t k = 0;
  for (auto& c : s->cpa) if ((int)(s->cp_group - c.group) > n) do_cpa(c); else s->cpa[k++] = c;
  s->cpa.resize(k);
}
static MBar* find(u32 off, bool must = true) {
  for (auto& m : W->mbar) if (m.off == off) return &m;
  if (must) fail("mbarrier at shared offset %u used before init", off);
  return nullptr;
}
static void mb_check(MBar& m) {
  if (m.pending == 0 && m.tx == 0) {
    m.phase++; m.pending = m.count;
    size_t k = 0;
    for (Fiber* f : W->mwait) if (f->wait_bar == m.off && (m.phase & 1) != f->wait_par) make_ready(f); else W->mwait[k++] = f;
    W->mwait.resize(k);
  }
}
void mbar_init(u32 b, u32 c) {
  if (b & 7) fail("mbarrier at %u is not 8-byte aligned", b);
  if (b + 8 > W->smem) fail("mbarrier at %u outside shared memory", b);
  if (MBar* m = find(b, false)) *m = MBar{b, c, c, 0, 0}; else W->mbar.push_back(MBar{b, c, c, 0, 0});
}
void mbar_expect_tx(u32 b, u32 n) { MBar* m = find(b); m->tx += n; if (!m->pending) fail("mbarrier %u: more arrivals than its count", b); m->pending--; chk_arrive(b); mb_check(*m); }
void mbar_arrive(u32 b) { MBar* m = find(b); if (!m->pending) fail("mbarrier %u: more arrivals than its count", b); m->pending--; chk_arrive(b); mb_check(*m); }
void mbar_wait(u32 b, u32 p) {
  Fiber* s = me();
  if ((find(b)->phase & 1) != (p & 1)) { chk_acquire(s, b); return; }
  s->wait_bar = b; s->wait_par = p & 1; W->mwait.push_back(s); block_self("mbarrier wait"); chk_acquire(s, b);
}
void bar_arrive(u32 id, u32 n) {
  Fiber* s = me(); Bar& b = W->bar[id & 15];
  if (b.count == 0) b.expect = n; else if (b.expect != n) fail("barrier %u used with different thread counts %u and %u", id, b.expect, n);
  if (++b.count == n) release_bar(b, s->warp);
}
void note_access(const void* p, unsigned n, int w, const void* pc) {
  if ((u64)p & (n - 1)) fail("a %u-byte access at %p, which is not a multiple of it", n, p);
  if (!is_stack(p)) chk_access(p, n, w, pc);
}
void fence_proxy_async() { chk_proxy_fence(); }
void tma_load(u32 dst, const void* map, u32 bar, const int* c, int rank) {
  TmaOp o; o.dst = dst; o.bar = bar; memcpy(&o.m, map, sizeof o.m); for (int i = 0; i < rank; i++) o.c[i] = c[i];
  if (o.m.rank != rank) fail("tensor map has rank %d, instruction has %d", o.m.rank, rank);
  u32 al = o.m.swz == 3 ? 1024 : o.m.swz == 2 ? 512 : o.m.swz == 1 ? 256 : 128;
  if (dst % 128) fail("TMA destination %u is not 128-byte aligned", dst);
  if (dst % al) fail("TMA destination %u is not %u-byte aligned, as its swizzle pattern assumes here", dst, al);
  find(bar);
  o.token = chk_tma_issue();
  W->tma.push_back(o);
  if (W->async_mode == 1) run_tma(W->tma.size() - 1);
}
void wgmma_fence() {}
static void run_wgmma(WgOp& o) {
  auto rd = [&](u64 desc, int r, int k) -> float {
    u32 start = (desc & 0x3fff) << 4, sbo = (desc >> 32 & 0x3fff) << 4, lay = desc >> 62;
    if (lay != 1) fail("wgmma descriptor layout %u not emulated", lay);
    u32 a = start + (r >> 3) * sbo + (r & 7) * 128 + k * 2;
    a ^= (a >> 3) & 0x70;
    if (a + 2 > W->smem) fail("wgmma operand address %u outside shared memory", a);
    if (k == 0) { /* one 32-byte row slice: two swizzled 16-byte chunks */
      for (u32 h = 0; h < 2; h++) { u32 q = start + (r >> 3) * sbo + (r & 7) * 128 + h * 16; q ^= (q >> 3) & 0x70; chk_wgmma_read(emu::cur->warp & ~3u, W->arena + q, 16); } }
    u16 v; memcpy(&v, W->arena + a, 2); return bf(v);
  };
  static thread_local float A[64][16], B[16][256];
  for (int r = 0; r < 64; r++) for (int k = 0; k < 16; k++) A[r][k] = rd(o.da, r, k);
  for (int n = 0; n < o.n; n++) for (int k = 0; k < 16; k++) B[k][n] = rd(o.db, n, k);
  for (int r = 0; r < 64; r++) {
    float c[256];
    int w = r >> 4, h = r >> 3 & 1, g = r & 7;
    for (int n = 0; n < o.n; n++) { int l = w * 32 + g * 4 + (n & 7) / 2; c[n] = o.acc ? o.d[l][(n >> 3) * 4 + h * 2 + (n & 1)] : 0.f; }
    for (int k = 0; k < 16; k++) { float x = A[r][k]; for (int n = 0; n < o.n; n++) c[n] += x * B[k][n]; }
    for (int n = 0; n < o.n; n++) { int l = w * 32 + g * 4 + (n & 7) / 2; o.d[l][(n >> 3) * 4 + h * 2 + (n & 1)] = c[n]; }
  }
  o.done = true; W->st.wgmma++;
}
void wgmma(float* d, int n, u64 da, u64 db, int acc) {
  Fiber* s = me(); Wg& g = W->wg[s->warp >> 2]; u32 i = s->wg_issue++ - g.base;
  if (i == g.ops.size()) { g.ops.push_back(WgOp{da, db, n, acc, 0, s->wg_group, false, {}}); }
  WgOp& o = g.ops[i];
  if (o.da != da || o.db != db || o.n != n || o.acc != acc) fail("wgmma operands differ between the threads of a warpgroup");
  o.d[s->lin & 127] = d;
  if (++o.arrived == 128 && W->async_mode == 1) run_wgmma(o);
}
void wgmma_commit() { me()->wg_group++; }
void wgmma_wait(int n) {
  Fiber* s = me(); u32 wgi = s->warp >> 2; Wg& g = W->wg[wgi];
  if (++g.waiting == 128) {
    g.waiting = 0;
    while (!g.ops.empty()) {
      WgOp& o = g.ops.front();
      if ((int)(s->wg_group - o.group) <= n) break;
      if (o.arrived != 128) fail("wgmma issued by only %u of 128 threads", o.arrived);
      if (!o.done) run_wgmma(o);
      g.ops.pop_front(); g.base++;
    }
    for (u32 w = wgi * 4; w < wgi * 4 + 4; w++) { W->warp[w].ready |= W->bar[15].wait[w]; if (W->warp[w].ready) W->ready_warps |= 1u << w; W->bar[15].wait[w] = 0; }
    return;
  }
  W->bar[15].wait[s->warp] |= 1u << s->lane;
  block_self("wgmma wait");
}
void atomic_note(const void* p, unsigned n) { chk_access(p, n, 2, __builtin_return_address(0)); }
WEAK void chk_access(const void* p, unsigned n, int w, const void* pc) {}
}  // namespace emu

namespace {
void run_tma(size_t i) {
  TmaOp o = W->tma[i]; W->tma.erase(W->tma.begin() + i);
  const MapFields& m = o.m; u32 row = m.box[0] * m.elem, total = row;
  for (int r = 1; r < m.rank; r++) total *= m.box[r];
  if (o.dst + total > W->smem) emu::fail("TMA load of %u bytes at %u outside shared memory", total, o.dst);
  u32 rows = total / row;
  for (u32 j = 0; j < rows; j++) {
    const u8* g = (const u8*)m.base; bool in = true; u32 q = j;
    for (int r = 1; r < m.rank; r++) { int c = o.c[r] + (int)(q % m.box[r]); q /= m.box[r]; if (c < 0 || c >= (int)m.dim[r]) in = false; else g += c * m.stride[r - 1]; }
    for (u32 b = 0; b < row; b += 16) {
      u32 a = o.dst + j * row + b;
      if (m.swz == 3) a ^= (a >> 3) & 0x70; else if (m.swz == 2) a ^= (a >> 3) & 0x30; else if (m.swz == 1) a ^= (a >> 3) & 0x10;
      u8 tmp[16] = {};
      for (u32 e = 0; e < 16; e += m.elem) { int c = o.c[0] + (int)((b + e) / m.elem); if (in && c >= 0 && c < (int)m.dim[0]) memcpy(tmp + e, g + (long long)c * m.elem, m.elem); }
      emu::chk_tma_write(o.token, W->arena + a, 16);
      memcpy(W->arena + a, tmp, 16);
    }
  }
  emu::chk_tma_done(o.token, o.bar);
  MBar* mb = emu::find(o.bar); mb->tx -= total; emu::mb_check(*mb);
}

thread_local u8* altstack = nullptr;
void on_segv(int, siginfo_t* si, void*) {
  if (W && emu::cur) {
    char b[256]; snprintf(b, sizeof b, "block (%u,%u,%u) thread %u: wild access at %p (guard page)", emu::cur->bid.x, emu::cur->bid.y, emu::cur->bid.z, emu::cur->lin, si->si_addr);
    W->err = b; W->failed = true; siglongjmp(W->segv, 1);
  }
  signal(SIGSEGV, SIG_DFL);
}

void run_block(const EmuLaunch& L, void** params, emu::D3 bid) {
  Worker& w = *W;
  w.alive = w.nthreads; w.ready_warps = 0; w.mbar.clear(); w.tma.clear(); w.mwait.clear();
  memset(w.bar, 0, sizeof w.bar);
  for (auto& g : w.wg) { g.ops.clear(); g.base = 0; g.waiting = 0; }
  for (u32 i = 0; i < w.nwarps; i++) { w.warp[i].ready = 0; for (auto& s : w.warp[i].slot) s.used = false; w.warp[i].cpr.clear(); }
  memset(w.arena, 0xff, w.smem);   // 0xffff = NaN in bf16 / f16 / f32
  emu::chk_block_begin(w.arena, w.smem, w.nwarps);
  for (u32 i = 0; i < w.nthreads; i++) {
    Fiber& f = w.f[i];
    f.tid = {i % L.block[0], i / L.block[0] % L.block[1], i / (L.block[0] * L.block[1])};
    f.bid = bid; f.bdim = {L.block[0], L.block[1], L.block[2]}; f.gdim = {L.grid[0], L.grid[1], L.grid[2]};
    f.lin = i; f.warp = i / 32; f.lane = i % 32; f.params = params; f.state = nullptr;
    f.cp_group = f.cp_count = 0; f.cpa.clear(); f.wg_issue = f.wg_group = 0;
    u64* sp = (u64*)(w.stacks + (i + 1) * STACK - 256 - (i % 24) * 128);   // staggered tops: no 4K aliasing
    *--sp = 0; *--sp = (u64)&trampoline; for (int k = 0; k < 6; k++) *--sp = 0;
    f.sp = sp; make_ready(&f);
  }
  Fiber* n = pick(0);
  emu::cur = n;
  if (sigsetjmp(w.segv, 0) == 0) emu_swap(&w.main_sp, n->sp);
  emu::cur = nullptr;
  if (!w.failed) {
    emu::chk_block_end();
    for (u32 i = 0; i < w.nwarps; i++) for (auto& c : w.warp[i].cpr) for (int q = 0; q < 4; q++) {
      u32 cnt[8] = {}, any = 0; for (int l = q * 8; l < q * 8 + 8; l++) if (c.mask >> l & 1) { cnt[(c.addr[l] >> 4) & 7]++; any = 1; }
      w.st.cpa_phases += *std::max_element(cnt, cnt + 8); w.st.cpa_ideal += any; }
    for (u32 i = 0; i < w.nthreads; i++) if (!w.f[i].cpa.empty()) { /* copies never waited for: legal only if unused */ }
  }
  w.st.blocks++;
}
void setup(Worker& w) {
  w.stacks = (u8*)mmap(nullptr, MAXT * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  for (u32 i = 0; i < MAXT; i++) mprotect(w.stacks + i * STACK, 4096, PROT_NONE);
  w.arena_map = (u8*)mmap(nullptr, ARENA + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  w.f = new Fiber[MAXT]();
}
std::mutex pool_mu; std::vector<Worker*> pool;
Worker* get_worker() {
  { std::lock_guard<std::mutex> l(pool_mu); if (!pool.empty()) { Worker* w = pool.back(); pool.pop_back(); return w; } }
  Worker* w = new Worker(); setup(*w); return w;
}
}  // namespace

extern "C" {
void* emu_alloc(size_t bytes, int init, const char* name) {
  size_t pg = (bytes + 4095) / 4096 * 4096;
  u8* m = (u8*)mmap(nullptr, pg + 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  mprotect(m + 8192, pg, PROT_READ | PROT_WRITE);
  size_t pad = (pg - bytes) / 256 * 256;          // 256-byte aligned start, end as close as possible to the guard page
  u8* p = m + 8192 + pad;
  mprotect(m, 4096, PROT_READ | PROT_WRITE); ((u64*)m)[0] = pg + 3 * 4096; ((u64*)m)[1] = (u64)p; mprotect(m, 4096, PROT_READ);
  if (!init) memset(p, 0xff, bytes);
  emu::chk_alloc(p, bytes, init, name);
  return p;
}
void emu_free(void* v) { emu::chk_free(v); /* prototype: leaks */ }
void emu_tensor_map_2d(void* map, const void* base, uint32_t elem, uint32_t d0, uint32_t d1, uint64_t s1, uint32_t b0, uint32_t b1, uint32_t swz) {
  MapFields m = {}; m.base = (u64)base; m.rank = 2; m.elem = elem; m.dim[0] = d0; m.dim[1] = d1; m.stride[0] = s1; m.box[0] = b0; m.box[1] = b1; m.swz = swz;
  memset(map, 0, 128); memcpy(map, &m, sizeof m);
}
int emu_launch(void (*entry)(void**), void** params, const EmuLaunch* cfg, EmuStats* stats, char* err, size_t errlen) {
  static std::once_flag once;
  std::call_once(once, [] { struct sigaction sa = {}; sa.sa_sigaction = on_segv; sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER; sigaction(SIGSEGV, &sa, nullptr); });
  u64 nb = (u64)cfg->grid[0] * cfg->grid[1] * cfg->grid[2];
  u32 nt = cfg->block[0] * cfg->block[1] * cfg->block[2];
  if (!nt || nt > MAXT || cfg->smem > 227 * 1024) { snprintf(err, errlen, "bad launch shape"); return 1; }
  static std::shared_mutex gate;     // a checked launch runs alone: the checker's state is global
  std::unique_lock<std::shared_mutex> ex(gate, std::defer_lock); std::shared_lock<std::shared_mutex> sh(gate, std::defer_lock);
  if (cfg->check) ex.lock(); else sh.lock();
  if (cfg->check) emu::chk_launch(true);
  std::atomic<u64> next{0}; std::atomic<bool> bad{false}; std::mutex mu; std::string msg; EmuStats tot = {};
  auto body = [&](u32 id) {
    Worker* w = get_worker(); W = w;
    if (!altstack) { altstack = (u8*)malloc(65536); stack_t ss = {}; ss.ss_sp = altstack; ss.ss_size = 65536; sigaltstack(&ss, nullptr); }
    u32 pg = (cfg->smem + 4095) / 4096 * 4096;
    mprotect(w->arena_map, ARENA + 8192, PROT_NONE); if (pg) mprotect(w->arena_map + 4096, pg, PROT_READ | PROT_WRITE);
    w->arena = w->arena_map + 4096; w->smem = cfg->smem;      // 4 KiB-aligned base; the tail of the last page is not guarded
    w->nthreads = nt; w->nwarps = (nt + 31) / 32; w->entry = entry; w->random = cfg->seed != 0; w->async_mode = cfg->async_mode;
    w->failed = false; w->err.clear(); w->st = {};
    for (;;) {
      u64 b = next.fetch_add(1); if (b >= nb || bad) break;
      if (cfg->seed && !bad) {}
      w->rng = (cfg->seed + 1) * 0x9E3779B97F4A7C15ull ^ (b + 1) * 0xD1B54A32D192ED03ull;
      run_block(*cfg, params, {(u32)(b % cfg->grid[0]), (u32)(b / cfg->grid[0] % cfg->grid[1]), (u32)(b / ((u64)cfg->grid[0] * cfg->grid[1]))});
      if (w->failed) { bad = true; std::lock_guard<std::mutex> l(mu); if (msg.empty()) msg = w->err; break; }
    }
    { std::lock_guard<std::mutex> l(mu); u64* a = (u64*)&tot; u64* s = (u64*)&w->st; for (size_t i = 0; i < sizeof tot / 8; i++) a[i] += s[i]; }
    W = nullptr;
    std::lock_guard<std::mutex> l(pool_mu); pool.push_back(w);
  };
  u32 n = cfg->os_threads ? cfg->os_threads : 1;
  if (n > nb) n = nb;
  if (n <= 1) body(0);
  else { std::vector<std::thread> th; for (u32 i = 0; i < n; i++) th.emplace_back(body, i); for (auto& t : th) t.join(); }
  if (cfg->check) emu::chk_launch(false);
  if (stats) *stats = tot;
  if (bad) { snprintf(err, errlen, "%s", msg.c_str()); return 1; }
  return 0;
}
}
