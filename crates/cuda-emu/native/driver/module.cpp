// Modules: what may be loaded, and which kernels are in it.
#include "module.h"
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>

namespace emu {
struct Register {
  Register(const char* name, int checked, void (*entry)(void**), int nargs, const uint32_t* sizes);
};
}  // namespace emu

namespace driver {

static std::map<std::string, Entry>& entries() {
  static auto* all = new std::map<std::string, Entry>;
  return *all;
}
const Entry* find_entry(const std::string& name) {
  auto found = entries().find(name);
  return found == entries().end() ? nullptr : &found->second;
}

static std::set<void*>& functions() {
  static auto* all = new std::set<void*>;
  return *all;
}
Function* function_of(void* handle) {
  Locked locked(table_lock());
  return functions().count(handle) ? (Function*)handle : nullptr;
}

// Length of an ELF image: the driver is not told it either. Sections or their table come last.
static size_t elf_length(const u8* p) {
  auto read = [p](size_t at, size_t bytes) {
    u64 value = 0;
    memcpy(&value, p + at, bytes);
    return value;
  };
  u64 table = read(40, 8), entry = read(58, 2), count = read(60, 2), end = table + entry * count;
  for (u64 i = 0; i < count; i++) {
    u64 section = table + i * entry;
    if (read(section + 4, 4) != 8) end = std::max(end, read(section + 24, 8) + read(section + 32, 8));
  }
  return end;
}

// The stand-in compiler's images: "STAND-IN sm_90a fill/00_fill.cu", after the first bytes of an ELF file if asked to.
static const char MARK[] = "STAND-IN sm_";

// Whether a device runs code for an architecture: of its major version and of no later minor one; with a letter, only
// of its own.
static bool runs_on(const Device* device, const char* arch) {
  char* letter;
  int number = strtol(arch, &letter, 10), major = number / 10, minor = number % 10;
  if (*letter == 'a') return major == device->major && minor == device->minor;
  return major == device->major && minor <= device->minor;
}

extern "C" {
R cuModuleLoadData(void** handle, const void* data) {
  ENTER();
  if (!data) return INVALID_VALUE;
  const char* text = (const char*)data;
  bool elf = !memcmp(data, "\x7f" "ELF", 4);
  const char* start = elf ? text + 4 : text;
  std::string image;
  if (!strncmp(start, MARK, strlen(MARK))) {
    if (!runs_on(current->device, start + strlen(MARK))) return NO_BINARY_FOR_GPU;
    image = start;
  } else if (elf && ((const u8*)data)[4] == 2) {
    image.assign(text, elf_length((const u8*)data));
  } else {
    return INVALID_IMAGE;
  }
  Module* module = new Module;
  module->kind = MODULE;
  module->context = current;
  module->image = std::move(image);
  add_object(module);
  *handle = module;
  return OK;
}
R cuModuleUnload(void* handle) {
  R answer = leave();
  Locked locked(table_lock());
  Module* module = find<Module>(handle);
  if (!module) return INVALID_HANDLE;
  for (auto& f : module->functions) functions().erase(f.second.get());
  remove_object(module, MODULE);
  return answer;
}
R cuModuleGetFunction(void** handle, void* module_handle, const char* name) {
  ENTER();
  Locked locked(table_lock());
  Module* module = find<Module>(module_handle);
  if (!module) return INVALID_HANDLE;
  const Entry* entry = find_entry(name);
  // A real cubin must also have it; the stand-in compiler does not know its kernels.
  bool elf = module->image.compare(0, 4, "\x7f" "ELF") == 0;
  if (!entry || (elf && module->image.find(name) == std::string::npos)) return NOT_FOUND;
  auto& function = module->functions[name];
  if (!function) {
    function.reset(new Function{entry});
    functions().insert(function.get());
  }
  *handle = function.get();
  return OK;
}
R cuFuncGetAttribute(int* value, int which, void* handle) {
  ENTER();
  Function* function = function_of(handle);
  if (!function) return INVALID_HANDLE;
  switch (which) {
    case 0: *value = 1024; return OK;                        // threads of a block
    case 4: *value = 32; return OK;                          // registers: the emulator has none to count
    case 5: case 6: *value = current->device->major * 10 + current->device->minor; return OK;
    case 8: *value = function->shared_allowed; return OK;
    default: *value = 0; return OK;
  }
}
R cuFuncSetAttribute(void* handle, int which, int value) {
  ENTER();
  Function* function = function_of(handle);
  if (!function) return INVALID_HANDLE;
  if (which == 8) {
    if (value < 0 || value > attribute_of(current->device, 97)) return INVALID_VALUE;
    function->shared_allowed = value;
  }
  return OK;
}
R cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, void* handle, int threads, size_t shared, u32) {
  ENTER();
  if (!function_of(handle)) return INVALID_HANDLE;
  if (threads <= 0 || threads > 1024) return INVALID_VALUE;
  int by_threads = attribute_of(current->device, 39) / ((threads + 31) / 32 * 32);
  int by_shared = attribute_of(current->device, 81) / int(shared + 1024);
  *blocks = std::min(std::min(by_threads, by_shared), attribute_of(current->device, 106));
  return OK;
}
R cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void* handle, int threads, size_t shared) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, handle, threads, shared, 0);
}
}

}  // namespace driver

emu::Register::Register(const char* name, int checked, void (*entry)(void**), int nargs, const uint32_t* sizes) {
  driver::Entry& e = driver::entries()[name];
  e.name = name;
  (checked ? e.checked : e.fast) = entry;
  e.sizes.assign(sizes, sizes + nargs);
}
