// Launches: what the driver would refuse is refused, the rest is run by the emulator.
#include <algorithm>
#include <cstring>
#include <thread>
#include "../host.h"
#include "module.h"
#include "stream.h"

namespace driver {

// CUlaunchAttribute and CUlaunchConfig.
struct Attribute {
  u32 id;
  char pad[4];
  union {
    char bytes[64];
    u32 cluster[3];
    int flag;
  };
};
struct Config {
  u32 grid[3], block[3], shared;
  void* stream;
  const Attribute* attributes;
  u32 count;
};
enum { ATTRIBUTE_COOPERATIVE = 2, ATTRIBUTE_CLUSTER = 4, ATTRIBUTE_OVERLAP = 6 };

// The arguments of a launch, copied as the driver does, at addresses that suit any argument.
struct Arguments {
  static const size_t ALIGN = 128;
  std::vector<u8> bytes;
  std::vector<size_t> offsets;
  Arguments(const std::vector<u32>& sizes, void** from) {
    size_t total = ALIGN;
    for (u32 size : sizes) total += (size + ALIGN - 1) / ALIGN * ALIGN;
    bytes.resize(total);
    size_t at = ALIGN - (u64)bytes.data() % ALIGN;
    for (size_t i = 0; i < sizes.size(); i++) {
      memcpy(&bytes[at], from[i], sizes[i]);
      offsets.push_back(at);
      at += (sizes[i] + ALIGN - 1) / ALIGN * ALIGN;
    }
  }
  std::vector<void*> pointers() {
    std::vector<void*> all;
    for (size_t offset : offsets) all.push_back(&bytes[offset]);
    return all;
  }
};

static R run(const Entry* entry, EmuLaunch launch, Arguments& arguments, const Settings& s) {
  void (*code)(void**) = s.checked ? entry->checked : entry->fast;
  if (!code) {
    set_last_error(entry->name + ": this build has no " + (s.checked ? "checked" : "fast") + " kernels");
    return LAUNCH_FAILED;
  }
  u32 all = std::max(1u, std::thread::hardware_concurrency());
  // The checker sees one thread at a time.
  launch.os_threads = s.checked ? 1 : s.threads ? s.threads : all;
  launch.seed = s.seed;
  launch.async_mode = s.async;
  launch.check = s.checked;
  char message[2048] = "";
  auto pointers = arguments.pointers();
  // What an unchecked kernel writes, nobody sees: what its parameters point to counts as written from now on.
  if (!s.checked)
    for (size_t i = 0; i < pointers.size(); i++) emu::chk_unchecked(pointers[i], entry->sizes[i]);
  if (emu_launch(code, pointers.data(), &launch, nullptr, message, sizeof message)) {
    set_last_error(entry->name + ": " + message);
    return LAUNCH_FAILED;
  }
  return OK;
}

static R check(const Config& c, const Function* f, u32 (&cluster)[3]) {
  u64 threads = u64(c.block[0]) * c.block[1] * c.block[2];
  for (int i = 0; i < 3; i++)
    if (!c.grid[i] || !c.block[i] || c.grid[i] > (u32)attribute_of(current->device, 5 + i)) return INVALID_VALUE;
  if (threads > 1024 || c.block[2] > 64) return INVALID_VALUE;
  if (c.shared > (u32)f->shared_allowed) return INVALID_VALUE;
  for (u32 i = 0; i < c.count; i++) {
    const Attribute& a = c.attributes[i];
    if (a.id == ATTRIBUTE_COOPERATIVE && a.flag) return NOT_SUPPORTED;
    if (a.id == ATTRIBUTE_OVERLAP && a.flag && current->device->major < 9) return NOT_SUPPORTED;
    if (a.id != ATTRIBUTE_CLUSTER) continue;
    if (current->device->major < 9) return NOT_SUPPORTED;
    memcpy(cluster, a.cluster, sizeof cluster);
    for (int d = 0; d < 3; d++)
      if (!cluster[d] || c.grid[d] % cluster[d]) return INVALID_VALUE;
    if (cluster[0] * cluster[1] * cluster[2] > 8) return INVALID_VALUE;
  }
  return OK;
}

extern "C" {
R cuLaunchKernelEx(const Config* c, void* handle, void** params, void** extra) {
  ENTER();
  Function* f = function_of(handle);
  if (!f) return INVALID_HANDLE;
  if (extra || !params) return INVALID_VALUE;
  u32 cluster[3] = {1, 1, 1};
  if (R refused = check(*c, f, cluster)) return refused;
  EmuLaunch launch;
  memset(&launch, 0, sizeof launch);
  memcpy(launch.grid, c->grid, sizeof launch.grid);
  memcpy(launch.block, c->block, sizeof launch.block);
  launch.smem = c->shared;
  memcpy(launch.cluster, cluster, sizeof launch.cluster);
  auto arguments = std::make_shared<Arguments>(f->entry->sizes, params);
  const Entry* entry = f->entry;
  return submit(stream_of(c->stream),
                [=](const Settings& s) { return run(entry, launch, *arguments, s); });
}
R cuLaunchKernel(void* f, u32 gx, u32 gy, u32 gz, u32 bx, u32 by, u32 bz, u32 shared, void* stream, void** params,
                 void** extra) {
  Config c = {{gx, gy, gz}, {bx, by, bz}, shared, stream, nullptr, 0};
  return cuLaunchKernelEx(&c, f, params, extra);
}
}

}  // namespace driver
