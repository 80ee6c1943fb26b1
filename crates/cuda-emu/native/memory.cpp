// Device memory, and the shared memory of blocks as kernels address it.
#include <sys/mman.h>
#include <unistd.h>
#include <deque>
#include <map>
#include <mutex>
#include "runtime.h"

namespace emu {
namespace {
constexpr size_t PAGE = 4096, ALIGN = 256;
struct Mapping { void* map; size_t bytes; };
std::mutex mutex;
std::map<void*, Mapping>& mappings() {
  static std::map<void*, Mapping>& all = *new std::map<void*, Mapping>;   // lives as long as the process
  return all;
}

// Addresses freed last stay taken, and unreadable: what is mapped next would come to lie there, and a kernel that still
// uses them would find itself in somebody else's memory. They cost no memory, and there are 2^47 of them.
constexpr size_t KEPT = 4096;
std::deque<Mapping>& kept() {
  static std::deque<Mapping>& all = *new std::deque<Mapping>;
  return all;
}

// Gives the memory back, not yet the addresses; the mutex is held.
void retire(Mapping m) {
  if (mmap(m.map, m.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
    munmap(m.map, m.bytes);
    return;
  }
  kept().push_back(m);
  if (kept().size() <= KEPT) return;
  munmap(kept().front().map, kept().front().bytes);
  kept().pop_front();
}
}  // namespace

u8* dyn_smem() { return worker->arena; }

u32 smem_off(const void* p) {
  const Worker& w = *worker;
  const u8* q = static_cast<const u8*>(p);
  if (q < w.arena || q > w.arena + w.smem) {
    fail("smem_addr of a pointer outside shared memory (%s)", locate(__builtin_return_address(0)).c_str());
  }
  return (u32)(q - w.arena);
}

bool is_stack(const void* p) {
  const Worker* w = worker;
  if (!w) return false;
  const u8 *q = static_cast<const u8*>(p), *fibers = reinterpret_cast<const u8*>(w->fibers);
  return w->stacks.contains(p) || (q >= fibers && q < fibers + sizeof(Fiber) * Stacks::MOST);
}

void note_access(const void* p, unsigned bytes, int write, const void* pc) {
  if ((u64)p & (bytes - 1)) {
    fail("an access of %u bytes at %p, which is not a multiple of it (%s)", bytes, p, locate(pc).c_str());
  }
  if (worker->checked && !is_stack(p)) chk_access(p, bytes, write, pc);
}
}  // namespace emu

using namespace emu;

extern "C" void* emu_alloc(size_t bytes, int initialised, const char* name) {
  const size_t pages = (bytes + PAGE - 1) / PAGE * PAGE;
  void* map = mmap(nullptr, pages + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  u8* first = static_cast<u8*>(map) + PAGE;
  if (mprotect(first, pages, PROT_READ | PROT_WRITE)) {
    munmap(map, pages + 2 * PAGE);
    return nullptr;
  }
  u8* p = first + (pages - bytes) / ALIGN * ALIGN;     // the end as near to the guard page as the alignment lets it be
  if (!initialised) memset(p, 0xff, bytes);
  {
    std::lock_guard<std::mutex> lock(mutex);
    mappings()[p] = Mapping{map, pages + 2 * PAGE};
  }
  chk_alloc(p, bytes, initialised, name);
  return p;
}

extern "C" void emu_free(void* p) {
  Mapping mapping;
  {
    std::lock_guard<std::mutex> lock(mutex);
    const auto found = mappings().find(p);
    if (found == mappings().end()) return;
    mapping = found->second;
    mappings().erase(found);
  }
  chk_free(p);
  std::lock_guard<std::mutex> lock(mutex);
  retire(mapping);
}
