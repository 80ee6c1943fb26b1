// From a code address to a line of source, by the addr2line of the system's binutils. Each address is asked for once.
#include <dlfcn.h>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>
#include "hooks.h"

namespace emu {
namespace {
// Wrappers are inlined into the kernel; lines of theirs say nothing.
bool is_wrapper(const char* line) {
  return strstr(line, "cuda-emu/native") || strstr(line, "device.cuh") || line[0] == '?';
}
// The path below kernels/, or the file's name.
std::string shorten(const char* line) {
  std::string s(line, strcspn(line, " \r\n"));
  if (const size_t k = s.rfind("/kernels/"); k != std::string::npos) return s.substr(k + 9);
  if (const size_t k = s.rfind('/'); k != std::string::npos) return s.substr(k + 1);
  return s;
}
std::string ask(const void* return_address) {
  Dl_info info;
  if (!dladdr(return_address, &info) || !info.dli_fname) return "?";
  const size_t offset = (size_t)return_address - (size_t)info.dli_fbase - 1;
  char text[1024];
  snprintf(text, sizeof text, "addr2line -i -e '%s' 0x%zx 2>/dev/null", info.dli_fname, offset);
  std::vector<std::string> frames;      // of inlined functions, innermost first
  if (FILE* pipe = popen(text, "r")) {
    while (fgets(text, sizeof text, pipe))
      if (!is_wrapper(text)) frames.push_back(shorten(text));
    pclose(pipe);
  }
  if (frames.empty()) return "code offset " + std::to_string(offset);
  return frames[0] == frames.back() ? frames[0] : frames[0] + " (called at " + frames.back() + ")";
}
}  // namespace

std::string locate(const void* return_address) {
  static std::mutex mutex;
  static auto& known = *new std::map<const void*, std::string>;
  if (!return_address) return "an unknown line";
  std::lock_guard<std::mutex> lock(mutex);
  auto it = known.find(return_address);
  if (it == known.end()) it = known.emplace(return_address, ask(return_address)).first;
  return it->second;
}
}  // namespace emu
