// Sites: the places in kernels that touch memory, numbered; and their names, file:line, from the debug information.
#pragma once
#include <dlfcn.h>
#include <link.h>

#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "cells.h"

namespace emu::check {
class Sites {
 public:
  static Sites& get() {
    static Sites* s = new Sites();
    return *s;
  }

  // A number for a return address in this library; 0 for none.
  u16 number(const void* pc) {
    const size_t at = (const u8*)pc - text_;
    if (at >= bytes_) return 0;
    const u16 known = __atomic_load_n(&table_[at], __ATOMIC_ACQUIRE);
    return known ? known : add(pc, at);
  }
  const void* address(u16 site) {
    std::lock_guard<std::mutex> l(mutex_);
    return site < pcs_.size() ? pcs_[site] : nullptr;
  }
  // Whether an address is in this library, as constants of the kernels are.
  bool in_image(const void* p) const { return (size_t)((const u8*)p - text_) < bytes_; }

  // "folder/file.cu:12", with the line that called the function the site is in, if that was inlined.
  std::string name(const void* pc) {
    if (!pc) return "an unknown line";
    std::lock_guard<std::mutex> l(mutex_);
    auto it = names_.find(pc);
    if (it == names_.end()) it = names_.emplace(pc, ask(pc)).first;
    return it->second;
  }
  std::string name(u16 site) { return name(address(site)); }

 private:
  const u8* text_ = nullptr;
  size_t bytes_ = 0;
  u16* table_ = nullptr;
  std::string file_;
  std::vector<const void*> pcs_{nullptr};
  std::map<const void*, std::string> names_;
  std::mutex mutex_;

  Sites() {
    dl_iterate_phdr(find_image, this);
    table_ = reserve<u16>(bytes_ + 1);
  }
  static int find_image(dl_phdr_info* info, size_t, void* self) {
    Sites& s = *static_cast<Sites*>(self);
    const u8* here = (const u8*)&find_image;
    size_t end = 0;
    bool mine = false;
    for (int i = 0; i < info->dlpi_phnum; i++) {
      const ElfW(Phdr)& h = info->dlpi_phdr[i];
      if (h.p_type != PT_LOAD) continue;
      end = std::max<size_t>(end, h.p_vaddr + h.p_memsz);
      mine |= (size_t)(here - (const u8*)info->dlpi_addr - h.p_vaddr) < h.p_memsz;
    }
    if (!mine) return 0;
    s.text_ = (const u8*)info->dlpi_addr;
    s.bytes_ = end;
    s.file_ = info->dlpi_name;
    return 1;
  }
  u16 add(const void* pc, size_t at) {
    std::lock_guard<std::mutex> l(mutex_);
    if (table_[at]) return table_[at];
    if (pcs_.size() > 0xffff) return 0;
    pcs_.push_back(pc);
    __atomic_store_n(&table_[at], (u16)(pcs_.size() - 1), __ATOMIC_RELEASE);
    return table_[at];
  }
  static std::string shorten(std::string line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    if (const size_t note = line.find(" (disc"); note != std::string::npos) line.resize(note);
    if (const size_t k = line.rfind("/kernels/"); k != std::string::npos) return line.substr(k + 9);
    if (const size_t k = line.rfind('/'); k != std::string::npos) return line.substr(k + 1);
    return line;
  }
  // The frames of inlined functions, innermost first; those of device.cuh and the emulator say nothing.
  std::string ask(const void* pc) {
    char command[512], text[512];
    snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%zx 2>/dev/null", file_.c_str(), (size_t)((const u8*)pc - text_) - 1);
    std::vector<std::string> frames;
    if (FILE* f = popen(command, "r")) {
      while (fgets(text, sizeof text, f)) {
        const bool ours = strstr(text, "/native/") || strstr(text, "device.cuh");
        if (!ours && text[0] != '?') frames.push_back(shorten(text));
      }
      pclose(f);
    }
    if (frames.empty()) {
      snprintf(text, sizeof text, "code offset 0x%zx", (size_t)((const u8*)pc - text_));
      return text;
    }
    return frames.size() == 1 || frames[0] == frames.back() ? frames[0] : frames[0] + " (called at " + frames.back() + ")";
  }
};
}  // namespace emu::check
