// Device memory, page-locked memory, copies.
#include <cstdlib>
#include <cstring>
#include "../host.h"
#include "stream.h"

namespace driver {

extern "C" void emu_mark_init(void* p, size_t bytes);
extern "C" void emu_mark_copied(void* to, const void* from, size_t bytes);

struct Block {
  size_t bytes;
  Device* device;
};
typedef std::map<u64, Block> Blocks;
static Blocks& on_device() {
  static auto* all = new Blocks;
  return *all;
}
static Blocks& page_locked() {
  static auto* all = new Blocks;
  return *all;
}

// Whether all of the bytes lie in one block.
static bool inside(const Blocks& blocks, u64 address, size_t bytes) {
  Locked locked(table_lock());
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin()) return bytes == 0;
  auto at = std::prev(after);
  return address - at->first <= at->second.bytes && bytes <= at->second.bytes - (address - at->first);
}
static bool on_gpu(u64 address, size_t bytes) { return inside(on_device(), address, bytes); }

// Counted with the contexts' devices, like the objects that have handles of their own.
static void add_block(Blocks& blocks, u64 address, size_t bytes, Kind kind) {
  Locked locked(table_lock());
  blocks[address] = {bytes, current->device};
  current->device->live[kind]++;
  if (kind == ALLOCATION) current->device->used += bytes;
}
static bool remove_block(Blocks& blocks, u64 address, Kind kind) {
  Locked locked(table_lock());
  auto at = blocks.find(address);
  if (at == blocks.end()) return false;
  at->second.device->live[kind]--;
  if (kind == ALLOCATION) at->second.device->used -= at->second.bytes;
  blocks.erase(at);
  return true;
}

static R put(u64 to, const void* from, size_t bytes) {
  memcpy((void*)to, from, bytes);
  emu_mark_init((void*)to, bytes);
  return OK;
}

extern "C" {
R cuMemGetInfo_v2(size_t* unused, size_t* total) {
  ENTER();
  Locked locked(table_lock());
  *total = current->device->memory;
  *unused = *total - current->device->used;
  return OK;
}
R cuMemAlloc_v2(u64* address, size_t bytes) {
  ENTER();
  if (R refused = forbid_in_capture()) return refused;
  if (!bytes) return INVALID_VALUE;
  {
    Locked locked(table_lock());
    if (bytes > current->device->memory - current->device->used) return OUT_OF_MEMORY;
  }
  void* p = emu_alloc(bytes, 0, "device memory");
  if (!p) return OUT_OF_MEMORY;
  add_block(on_device(), (u64)p, bytes, ALLOCATION);
  *address = (u64)p;
  return OK;
}
R cuMemFree_v2(u64 address) {
  R answer = leave();
  if (R refused = forbid_in_capture()) return refused;
  // The driver waits for all work before it frees.
  if (current) flush_all();
  if (!remove_block(on_device(), address, ALLOCATION)) return INVALID_VALUE;
  emu_free((void*)address);
  return answer;
}
R cuMemHostAlloc(void** p, size_t bytes, u32) {
  ENTER();
  if (R refused = forbid_in_capture()) return refused;
  if (!bytes || posix_memalign(p, 4096, bytes)) return OUT_OF_MEMORY;
  memset(*p, 0xff, bytes);
  add_block(page_locked(), (u64)*p, bytes, HOST_ALLOCATION);
  return OK;
}
R cuMemFreeHost(void* p) {
  R answer = leave();
  if (current) flush_all();
  if (!remove_block(page_locked(), (u64)p, HOST_ALLOCATION)) return INVALID_VALUE;
  free(p);
  return answer;
}

R cuMemcpyHtoDAsync_v2(u64 to, const void* from, size_t bytes, void* handle) {
  ENTER();
  if (!on_gpu(to, bytes) || !from) return INVALID_VALUE;
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (!lazy() || stream->capture || inside(page_locked(), (u64)from, bytes))
    return submit(stream, [=](const Settings&) { return put(to, from, bytes); });
  // Ordinary memory is copied away before the call returns.
  auto staged = std::make_shared<std::vector<u8>>((const u8*)from, (const u8*)from + bytes);
  return submit(stream, [=](const Settings&) { return put(to, staged->data(), bytes); });
}
R cuMemcpyDtoHAsync_v2(void* to, u64 from, size_t bytes, void* handle) {
  ENTER();
  if (!on_gpu(from, bytes) || !to) return INVALID_VALUE;
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  bool wait = lazy() && !stream->capture && !inside(page_locked(), (u64)to, bytes);
  R code = submit(stream, [=](const Settings&) {
    memcpy(to, (const void*)from, bytes);
    return (R)OK;
  });
  // Into ordinary memory it is done when the call returns.
  return code || !wait ? code : flush(stream);
}
R cuMemcpyDtoDAsync_v2(u64 to, u64 from, size_t bytes, void* stream) {
  ENTER();
  if (!on_gpu(to, bytes) || !on_gpu(from, bytes)) return INVALID_VALUE;
  return submit(stream_of(stream), [=](const Settings&) {
    memcpy((void*)to, (const void*)from, bytes);
    emu_mark_copied((void*)to, (const void*)from, bytes);
    return (R)OK;
  });
}
R cuMemsetD8Async(u64 to, u8 value, size_t bytes, void* stream) {
  ENTER();
  if (!on_gpu(to, bytes)) return INVALID_VALUE;
  return submit(stream_of(stream), [=](const Settings&) {
    memset((void*)to, value, bytes);
    emu_mark_init((void*)to, bytes);
    return (R)OK;
  });
}
R cuMemcpyHtoD_v2(u64 to, const void* from, size_t bytes) {
  ENTER();
  if (!on_gpu(to, bytes) || !from) return INVALID_VALUE;
  if (R code = flush(stream_of(nullptr))) return code;
  return put(to, from, bytes);
}
R cuMemcpyDtoH_v2(void* to, u64 from, size_t bytes) {
  ENTER();
  if (!on_gpu(from, bytes) || !to) return INVALID_VALUE;
  if (R code = flush(stream_of(nullptr))) return code;
  memcpy(to, (const void*)from, bytes);
  return OK;
}
}

}  // namespace driver
