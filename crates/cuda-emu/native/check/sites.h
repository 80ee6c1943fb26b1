// Sites: the places in kernels that touch memory, numbered in 16 bits.
#pragma once
#include <link.h>

#include <mutex>
#include <string>
#include <vector>

#include "cells.h"
#include "hooks.h"

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

  // "folder/file.cu:12"
  std::string name(u16 site) { return locate(address(site)); }

 private:
  const u8* text_ = nullptr;
  size_t bytes_ = 0;
  u16* table_ = nullptr;
  std::vector<const void*> pcs_{nullptr};
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
};
}  // namespace emu::check
