// Collectives of the warp: how lanes meet, and the small ones (shuffle, ballot, reduce).
#include "runtime.h"

namespace emu {
namespace {
void run_nothing(Worker&, Meeting&) {}
void (*const RUN[OPS])(Worker&, Meeting&) = {run_nothing,  run_shuffle,  run_ballot, run_reduce, run_ldmatrix,
                                             run_ldmatrix, run_mma, run_mma,    run_mma};

template <class Arg> Arg& arg_of(const Meeting& m, u32 lane) { return *static_cast<Arg*>(m.arg[lane]); }
// Calls f for every lane of the mask.
template <class F> void for_lanes(u32 mask, F f) {
  for (; mask; mask &= mask - 1) f((u32)__builtin_ctz(mask));
}

// The meeting of these lanes: the one under way, or a new one.
Meeting& meeting_of(Worker& w, Fiber& f, Op op, u32 mask) {
  Warp& warp = w.warp[f.warp];
  const u32 bit = 1u << f.lane;
  Meeting* unused = nullptr;
  for (Meeting& m : warp.meeting) {
    if (!m.open) {
      if (!unused) unused = &m;
    } else if (m.mask & mask) {
      if (m.op == op && m.mask == mask && !(m.arrived & bit)) return m;
      const u32 other = (u32)__builtin_ctz(m.arrived);
      fail("diverged warp: %s with mask %08x at %s meets %s with mask %08x, where lane %u waits at %s", name_of(op),
           mask, here().c_str(), name_of(m.op), m.mask, other, locate(w.fibers[f.warp * WARP + other].pc).c_str());
    }
  }
  if (!unused) fail("more than four warp collectives under way in one warp");
  unused->open = true;
  unused->op = op;
  unused->mask = mask;
  unused->arrived = 0;
  return *unused;
}
}  // namespace

const char* name_of(Op op) {
  static const char* const NAMES[OPS] = {"__syncwarp", "a shuffle", "a ballot",   "a reduction", "ldmatrix",
                                         "ldmatrix.trans", "mma f16",   "mma bf16", "mma tf32"};
  return NAMES[op];
}

void warp_op(Op op, u32 mask, void* arg) {
  Worker& w = *worker;
  Fiber& f = ENTER(w);
  const u32 bit = 1u << f.lane;
  if (!(mask & bit)) fail("%s: lane %u is not in its own mask %08x", name_of(op), f.lane, mask);
  // The usual case first: the only meeting of the warp.
  Meeting& first = w.warp[f.warp].meeting[0];
  const bool usual = first.open && first.op == op && first.mask == mask && !(first.arrived & bit);
  Meeting& m = usual ? first : meeting_of(w, f, op, mask);
  m.arg[f.lane] = arg;
  m.arrived |= bit;
  if (m.arrived == m.mask) {
    RUN[op](w, m);
    m.open = false;
    w.stats.warp_ops++;
    make_ready(w, f.warp, mask & ~bit);
    if (w.checked) chk_warp(f.warp);
    if (!w.random) return;
    make_ready(w, f);
  }
  pause(w, f, Waits::Collective, (u32)op);
}

void run_shuffle(Worker&, Meeting& m) {
  for_lanes(m.mask, [&](u32 lane) {
    ShflArg& a = arg_of<ShflArg>(m, lane);
    const u32 src = (u32)a.src & 31;
    if (!(m.mask >> src & 1)) fail("lane %u shuffles from lane %u, which is not in the mask %08x", lane, src, m.mask);
    a.out = arg_of<ShflArg>(m, src).value;
  });
}

void run_ballot(Worker&, Meeting& m) {
  u32 votes = 0;
  for_lanes(m.mask, [&](u32 lane) { votes |= (u32)arg_of<BallotArg>(m, lane).predicate << lane; });
  for_lanes(m.mask, [&](u32 lane) { arg_of<BallotArg>(m, lane).out = votes; });
}

void run_reduce(Worker&, Meeting& m) {
  const u32 first = (u32)__builtin_ctz(m.mask);
  const Reduction kind = arg_of<ReduceArg>(m, first).kind;
  u32 r = arg_of<ReduceArg>(m, first).value;
  for_lanes(m.mask & (m.mask - 1), [&](u32 lane) {
    const ReduceArg& a = arg_of<ReduceArg>(m, lane);
    if (a.kind != kind) fail("the lanes of a reduction ask for different operations");
    const u32 v = a.value;
    switch (kind) {
      case ADD: r += v; break;
      case MAX_U32: r = r > v ? r : v; break;
      case MAX_I32: r = (int)r > (int)v ? r : v; break;
      case MIN_U32: r = r < v ? r : v; break;
      case MIN_I32: r = (int)r < (int)v ? r : v; break;
      case AND: r &= v; break;
      case OR: r |= v; break;
      case XOR: r ^= v; break;
    }
  });
  for_lanes(m.mask, [&](u32 lane) { arg_of<ReduceArg>(m, lane).out = r; });
}
}  // namespace emu
