// Launches by name on emulator memory, past the driver, its contexts and its sticky errors: for tests of the emulator.
#include <cstring>
#include "../host.h"
#include "module.h"

namespace driver {

extern "C" {
// One argument of `size` bytes; settings of the thread. 0 = ok; else emu_last_error says why.
int emu_direct(const char* name, const void* argument, size_t size, const u32* grid, const u32* block, u32 shared) {
  set_last_error("");
  const Entry* entry = find_entry(name);
  if (!entry) {
    set_last_error(std::string("no kernel ") + name);
    return 1;
  }
  if (entry->sizes.size() != 1 || entry->sizes[0] != size) {
    size_t expected = entry->sizes.empty() ? 0 : entry->sizes[0];
    set_last_error(entry->name + ": its argument has " + std::to_string(expected) + " bytes, not " + std::to_string(size));
    return 1;
  }
  const size_t align = 128;
  std::vector<u8> copy(size + align);
  u8* aligned = copy.data() + (align - (u64)copy.data() % align);
  memcpy(aligned, argument, size);
  void* params[1] = {aligned};
  Settings s = settings();
  EmuLaunch launch;
  memset(&launch, 0, sizeof launch);
  memcpy(launch.grid, grid, sizeof launch.grid);
  memcpy(launch.block, block, sizeof launch.block);
  launch.smem = shared;
  launch.os_threads = 1;
  launch.seed = s.seed;
  launch.async_mode = s.async;
  launch.check = s.checked;
  if (!s.checked) emu::chk_unchecked(params[0], size);
  char message[2048] = "";
  if (!emu_launch(s.checked ? entry->checked : entry->fast, params, &launch, nullptr, message, sizeof message)) return 0;
  set_last_error(message);
  return 1;
}
}

}  // namespace driver
