// Launches: blocks spread over OS threads, one worker each.
#include <sys/mman.h>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include "runtime.h"

namespace emu {
namespace {
constexpr u32 MOST_SHARED = 227 << 10, ARENA = 256 << 10, PAGE = 4096;

// Workers are kept: their stacks are warm.
std::mutex pool_mutex;
std::vector<Worker*> pool;
Worker* borrow() {
  {
    std::lock_guard<std::mutex> lock(pool_mutex);
    if (!pool.empty()) {
      Worker* w = pool.back();
      pool.pop_back();
      return w;
    }
  }
  Worker* w = new Worker();
  void* map = mmap(nullptr, ARENA + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  w->arena_map = static_cast<u8*>(map);
  w->fibers = new Fiber[Stacks::MOST]();
  return w;
}
void give_back(Worker* w) {
  std::lock_guard<std::mutex> lock(pool_mutex);
  pool.push_back(w);
}

// Shared memory ends at the guard page, or as near before it as a start at a multiple of 1024 allows.
void place_arena(Worker& w, u32 bytes) {
  const u32 pages = (bytes + PAGE - 1) / PAGE * PAGE;
  mprotect(w.arena_map, ARENA + 2 * PAGE, PROT_NONE);
  if (pages) mprotect(w.arena_map + PAGE, pages, PROT_READ | PROT_WRITE);
  w.arena = w.arena_map + PAGE + (pages - bytes) / 1024 * 1024;
  w.smem = bytes;
}

// What the OS threads of a launch share.
struct Progress {
  std::atomic<u64> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::string error;
  EmuStats stats{};
};

void add(EmuStats& to, const EmuStats& from) {
  to.blocks += from.blocks;
  to.switches += from.switches;
  to.barriers += from.barriers;
  to.warp_ops += from.warp_ops;
  to.mma += from.mma;
  to.wgmma += from.wgmma;
  to.ldm_phases += from.ldm_phases;
  to.ldm_ideal += from.ldm_ideal;
  to.cpa_phases += from.cpa_phases;
  to.cpa_ideal += from.cpa_ideal;
}

// Runs blocks until there are none left. With a seed they come in another order.
void work(Progress& progress, void (*entry)(void**), void** params, const EmuLaunch& launch, bool counting) {
  Worker& w = *borrow();
  worker = &w;
  use_alternate_stack();
  place_arena(w, launch.smem);
  w.entry = entry;
  w.params = params;
  w.threads = launch.block[0] * launch.block[1] * launch.block[2];
  w.warps = (w.threads + WARP - 1) / WARP;
  w.stacks.reserve(w.threads);
  w.timing = (Timing)launch.async_mode;
  w.random = launch.seed != 0;
  w.checked = launch.check != 0;
  w.counting = counting;
  w.failed = false;
  w.error.clear();
  w.stats = {};
  const u64 gx = launch.grid[0], gy = launch.grid[1], blocks = gx * gy * launch.grid[2];
  for (u64 i; !progress.failed && (i = progress.next.fetch_add(1)) < blocks;) {
    const u64 b = launch.seed & 1 ? blocks - 1 - i : i;
    w.rng = (launch.seed + 1) * 0x9e3779b97f4a7c15ull ^ (b + 1) * 0xd1b54a32d192ed03ull;
    run_block(w, launch, {(u32)(b % gx), (u32)(b / gx % gy), (u32)(b / (gx * gy))});
    if (!w.failed) continue;
    std::lock_guard<std::mutex> lock(progress.mutex);
    if (!progress.failed) progress.error = w.error;
    progress.failed = true;
  }
  {
    std::lock_guard<std::mutex> lock(progress.mutex);
    add(progress.stats, w.stats);
  }
  worker = nullptr;
  give_back(&w);
}

std::string refuse(const EmuLaunch& l) {
  const u64 threads = (u64)l.block[0] * l.block[1] * l.block[2];
  if (!l.grid[0] || !l.grid[1] || !l.grid[2]) return "a launch without blocks";
  if (!threads || threads > Stacks::MOST) return "a block of " + std::to_string(threads) + " threads: 1 to 1024";
  if (l.smem > MOST_SHARED) return std::to_string(l.smem) + " bytes of shared memory: at most 232448";
  if (l.async_mode > 2) return "an asynchrony that does not exist";
  if (l.cluster[0] * l.cluster[1] * l.cluster[2] > 1) return "clusters are not emulated";
  return "";
}

thread_local bool count_launches = false;
thread_local EmuStats last_stats;
}  // namespace
}  // namespace emu

using namespace emu;

extern "C" int emu_launch(void (*entry)(void**), void** params, const EmuLaunch* cfg, EmuStats* stats, char* err,
                          size_t errlen) {
  Progress progress;
  progress.error = refuse(*cfg);
  if (!progress.error.empty()) {
    snprintf(err, errlen, "%s", progress.error.c_str());
    return 1;
  }
  catch_faults();
  // The checker's records are of one launch of one OS thread.
  if (cfg->check) chk_launch(true);
  const bool counting = count_launches || stats;
  const u64 blocks = (u64)cfg->grid[0] * cfg->grid[1] * cfg->grid[2];
  const u64 wanted = cfg->check || !cfg->os_threads ? 1 : cfg->os_threads;
  const u64 n = wanted < blocks ? wanted : blocks;
  std::vector<std::thread> helpers;
  for (u64 i = 1; i < n; i++) helpers.emplace_back([&] { work(progress, entry, params, *cfg, counting); });
  work(progress, entry, params, *cfg, counting);
  for (std::thread& t : helpers) t.join();
  if (cfg->check) chk_launch(false);
  last_stats = progress.stats;
  if (stats) *stats = progress.stats;
  if (!progress.failed) return 0;
  snprintf(err, errlen, "%s", progress.error.c_str());
  return 1;
}

extern "C" void emu_count(int on) { count_launches = on != 0; }
extern "C" void emu_last_stats(EmuStats* out) { *out = last_stats; }
