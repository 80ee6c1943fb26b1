// What the runtime tells the checker. hooks.cpp has empty versions of all; the checker overrides them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace emu {
struct Ctx;
void chk_launch(bool on);
// A launch without the checker was handed these bytes of parameters: what they point to may have been written.
void chk_unchecked(const void* parameters, size_t n);
// The running thread called the emulator from here; file:line of the last such call of a thread, "" if unknown.
void chk_site(const void* pc);
const char* chk_line(const Ctx* c);
// A block starts: its shared memory, how many warps it has, its number in the grid (x fastest); it ends.
void chk_block_begin(uint8_t* smem, uint32_t bytes, uint32_t nwarps, uint32_t number);
void chk_block_end();
// The warps of the mask met at a barrier.
void chk_barrier(uint32_t warp_mask);
// The lanes of a warp met in a collective.
void chk_warp(unsigned warp);
// An mbarrier: made; its phase is complete; the running thread arrives (releases); a thread has waited for it
// (acquires).
void chk_mbar_init(uint32_t bar);
void chk_mbar_phase(uint32_t bar);
void chk_arrive(uint32_t bar);
void chk_acquire(Ctx* c, uint32_t bar);
// A bulk tensor load: issued by the running thread (the token names it from then on), reads global memory, writes
// shared memory, is complete at its mbarrier.
uint32_t chk_tma_issue(uint32_t bar);
void chk_tma_read(uint32_t token, const void* p, unsigned bytes);
void chk_tma_write(uint32_t token, const void* p, unsigned bytes);
void chk_tma_done(uint32_t token, uint32_t bar);
// A bulk tensor store by the running thread: reads shared memory from its issue until its group has been waited for.
void chk_store_issue(const void* p, unsigned bytes);
void chk_store_commit();
void chk_store_wait(uint32_t groups);
// The running thread made its ordinary accesses visible to the asynchronous engines.
void chk_proxy_fence();
// cp.async: issued by the running thread (the bytes count as written, but not yet with anything); its group is
// closed; all but its last groups have been waited for.
void chk_cpa_issue(const void* p, unsigned bytes, const void* pc);
void chk_cpa_commit();
void chk_cpa_wait(uint32_t groups);
// A wgmma of the warpgroup that starts at warp0 reads shared memory: told when it is issued, and again when it is
// waited for; the warpgroup has waited.
void chk_wgmma_read(unsigned warp0, const void* p, unsigned bytes, const void* pc = nullptr);
void chk_wgmma_waited(unsigned warp0);
// An access by the running thread, or by another. write: 0 read, 1 write, 2 atomic. pc: code address, or null.
void chk_access(const void* p, unsigned bytes, int write, const void* pc);
void chk_access_as(Ctx* c, const void* p, unsigned bytes, int write, const void* pc);
// Device memory comes and goes.
void chk_alloc(void* p, size_t bytes, int init, const char* name);
void chk_free(void* p);

// For the checker: ends the launch with a message that begins with the block and the thread.
[[noreturn]] void fail(const char* fmt, ...) __attribute__((format(printf, 1, 2)));
// Whether the address belongs to a thread's own stack or to the emulator's records of threads.
bool is_stack(const void* p);
// "folder/file.cu:12" of the code before a return address: the innermost line that is not in the emulator's own
// headers, and where the function it is in was called, if that was inlined.
std::string locate(const void* return_address);
}  // namespace emu
