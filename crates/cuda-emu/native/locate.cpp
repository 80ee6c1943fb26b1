// From a code address to a line of source, by the addr2line of the system's binutils.
#include <dlfcn.h>
#include <cstdio>
#include <cstring>
#include "hooks.h"

namespace emu {
namespace {
// Wrappers are inlined into the kernel; the kernel's own line is the first that is not one of theirs.
bool is_wrapper(const char* line) {
  return strstr(line, "cuda-emu/native") || strstr(line, "device.cuh") || strstr(line, "??");
}
}  // namespace

std::string locate(const void* return_address) {
  Dl_info info;
  if (!return_address || !dladdr(return_address, &info) || !info.dli_fname) return "?";
  const size_t offset = (size_t)(static_cast<const char*>(return_address) - static_cast<const char*>(info.dli_fbase)) - 1;
  char command[1024];
  snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%zx 2>/dev/null", info.dli_fname, offset);
  FILE* pipe = popen(command, "r");
  if (!pipe) return "?";
  std::string found = "?";
  char line[512];
  bool kernel = false;
  while (fgets(line, sizeof line, pipe)) {
    if (kernel) continue;
    line[strcspn(line, " \n")] = 0;
    const char* slash = strrchr(line, '/');
    found = slash ? slash + 1 : line;
    kernel = !is_wrapper(line);
  }
  pclose(pipe);
  return found;
}
}  // namespace emu
