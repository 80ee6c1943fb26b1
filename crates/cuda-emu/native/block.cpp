// One block, from its first thread to its last.
#include <algorithm>
#include "runtime.h"

namespace emu {
namespace {
void start_thread(Worker& w, const EmuLaunch& launch, D3 block, u32 i) {
  Fiber& f = w.fibers[i];
  const uint32_t *b = launch.block, *g = launch.grid;
  f.tid = {i % b[0], i / b[0] % b[1], i / (b[0] * b[1])};
  f.bid = block;
  f.bdim = {b[0], b[1], b[2]};
  f.gdim = {g[0], g[1], g[2]};
  f.lin = i;
  f.warp = i / WARP;
  f.lane = i % WARP;
  f.waits = Waits::No;
  f.pc = nullptr;
  f.copies.clear();
  f.copies_done = 0;
  f.stores.clear();
  f.copy_group = f.copies_issued = f.store_group = f.wgmma_issued = f.wgmma_group = 0;
  prepare_context(f.context, w.stacks.bottom(i), w.stacks.top(i), fiber_main);
  make_ready(w, f);
}

void clear(Worker& w) {
  w.alive = w.threads;
  w.ready_warps = 0;
  w.mbarriers.clear();
  w.mbarrier_waiters.clear();
  w.loads.clear();
  std::fill(w.barrier, w.barrier + 16, Barrier{});
  for (WarpGroup& g : w.group) g = WarpGroup{};
  for (u32 i = 0; i < w.warps; i++) {
    w.warp[i].ready = 0;
    for (Meeting& m : w.warp[i].meeting) m.open = false;
    w.warp[i].records.clear();
  }
}

// The arena's page has room before and behind the block's shared memory: nobody may have written there.
bool untouched(const u8* from, const u8* to) {
  return std::all_of(from, to, [](u8 b) { return b == 0xff; });
}
}  // namespace

void run_block(Worker& w, const EmuLaunch& launch, D3 block) {
  clear(w);
  u8 *page = w.arena_map + 4096, *end = page + (w.smem + 4095) / 4096 * 4096;
  memset(page, 0xff, (size_t)(end - page));        // NaN in bf16, f16 and f32
  const u32 number = block.x + launch.grid[0] * (block.y + launch.grid[1] * block.z);
  if (w.checked) chk_block_begin(w.arena, w.smem, w.warps, number);
  for (u32 i = 0; i < w.threads; i++) start_thread(w, launch, block, i);
  Fiber* first = next_fiber(w, 0);
  cur = first;
  switch_context(w.main, first->context);
  if (w.fault_signal) w.error = describe(running()) + ": " + describe_fault(w);
  cur = nullptr;
  w.fault_signal = 0;
  w.stats.blocks++;
  if (w.failed) return;
  if (w.checked) chk_block_end();
  if (w.counting) count_copies(w);
  finish_stores(w);
  if (!w.failed && !(untouched(page, w.arena) && untouched(w.arena + w.smem, end))) {
    w.failed = true;
    w.error = describe(w.fibers[0]) + ": a thread of the block wrote outside its shared memory of " +
              std::to_string(w.smem) + " bytes";
  }
}
}  // namespace emu
