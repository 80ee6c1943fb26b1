// Empty hooks, for a build without the checker.
#include "hooks.h"

#define WEAK __attribute__((weak))
namespace emu {
WEAK void chk_launch(bool) {}
WEAK void chk_block_begin(uint8_t*, uint32_t, uint32_t, uint32_t) {}
WEAK void chk_block_end() {}
WEAK void chk_barrier(uint32_t) {}
WEAK void chk_warp(unsigned) {}
WEAK void chk_arrive(uint32_t) {}
WEAK void chk_acquire(Ctx*, uint32_t) {}
WEAK uint32_t chk_tma_issue(uint32_t) { return 0; }
WEAK void chk_unchecked(const void*, size_t) {}
WEAK void chk_site(const void*) {}
WEAK const char* chk_line(const Ctx*) { return ""; }
WEAK void chk_mbar_init(uint32_t) {}
WEAK void chk_mbar_phase(uint32_t) {}
WEAK void chk_cpa_commit() {}
WEAK void chk_cpa_wait(uint32_t) {}
WEAK void chk_wgmma_waited(unsigned) {}
WEAK void chk_tma_write(uint32_t, const void*, unsigned) {}
WEAK void chk_tma_read(uint32_t, const void*, unsigned) {}
WEAK void chk_tma_done(uint32_t, uint32_t) {}
WEAK void chk_store_issue(const void*, unsigned) {}
WEAK void chk_store_commit() {}
WEAK void chk_store_wait(uint32_t) {}
WEAK void chk_proxy_fence() {}
WEAK void chk_cpa_issue(const void*, unsigned, const void*) {}
WEAK void chk_wgmma_read(unsigned, const void*, unsigned, const void*) {}
WEAK void chk_access(const void*, unsigned, int, const void*) {}
WEAK void chk_access_as(Ctx*, const void*, unsigned, int, const void*) {}
WEAK void chk_alloc(void*, size_t, int, const char*) {}
WEAK void chk_free(void*) {}
}  // namespace emu
