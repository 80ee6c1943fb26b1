// A libcuda.so stand-in for tests: the driver calls cudarc makes, carried out on the CPU by the fiber emulator.
#include "device.cuh"
#include "host.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>
#include <map>
#include <chrono>
#include <functional>
#include <memory>
#include <array>
#include <thread>
#include <algorithm>
typedef int R; enum { OK = 0, INVALID = 1, NOT_FOUND = 500, LAUNCH_FAILED = 719 };
typedef void (*Entry)(void**);
struct Fn { std::string name; Entry fast = nullptr, checked = nullptr; int smem_max = 48 * 1024; std::vector<u32> sizes; };
static std::map<std::string, Fn>& fns() { static std::map<std::string, Fn> f; return f; }
emu::Register::Register(const char* name, int checked, void (*entry)(void**), int nargs, const u32* sizes) {
  Fn& f = fns()[name]; f.name = name; (checked ? f.checked : f.fast) = entry; f.sizes.assign(sizes, sizes + nargs);
}
struct Settings { u32 checked = 0; u64 seed = 0; u32 async = 0, threads = 0; };
static thread_local Settings settings; static thread_local std::string last_error;
extern "C" void emu_configure(u32 checked, u64 seed, u32 async, u32 threads) { settings = Settings{checked, seed, async, threads}; }
extern "C" const char* emu_last_error() { return last_error.c_str(); }
struct Ev { double t; };
struct Graph { std::vector<std::function<R()>> ops; };
struct Stream { Graph* cap = nullptr; };
static Stream def; static void* cur_ctx; static R sticky = OK;
static double now() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
static Stream* S(void* s) { return (u64)s < 16 ? &def : (Stream*)s; }
static R submit(void* s, std::function<R()> f) { if (S(s)->cap) { S(s)->cap->ops.push_back(f); return OK; } return f(); }
static R launch(const u32* g, const u32* b, u32 smem, void* s, Fn* f, void** params) {
  if ((int)smem > f->smem_max) return INVALID;
  auto copy = std::make_shared<std::vector<std::vector<u64>>>();   // a launch copies its arguments
  for (size_t i = 0; i < f->sizes.size(); i++) { copy->emplace_back((f->sizes[i] + 7) / 8 + 8); u8* p = (u8*)copy->back().data(); p += (64 - (u64)p % 64) % 64; memcpy(p, params[i], f->sizes[i]); }
  std::array<u32, 3> G{g[0], g[1], g[2]}, B{b[0], b[1], b[2]};
  return submit(s, [=]() -> R {
    u32 threads = settings.threads ? settings.threads : std::max(1u, std::thread::hardware_concurrency());
    EmuLaunch L = {{G[0], G[1], G[2]}, {B[0], B[1], B[2]}, smem, settings.checked ? 1u : threads, settings.seed, settings.async, settings.checked};
    std::vector<void*> p; for (auto& a : *copy) { u8* q = (u8*)a.data(); p.push_back(q + (64 - (u64)q % 64) % 64); }
    if (!settings.checked) for (size_t i = 0; i < p.size(); i++) emu::chk_unchecked(p[i], f->sizes[i]);
    char err[1024]; if (emu_launch(settings.checked ? f->checked : f->fast, p.data(), &L, nullptr, err, sizeof err)) { last_error = f->name + ": " + err; fprintf(stderr, "emulated launch of %s\n", last_error.c_str()); return sticky = LAUNCH_FAILED; }
    return OK; });
}
// A launch by name on emulator memory, without the driver and its sticky error: one argument of `size` bytes, settings of
// the thread. 0 = ok; else emu_last_error says why.
extern "C" int emu_direct(const char* name, const void* argument, size_t size, const u32* grid, const u32* block, u32 smem) {
  last_error.clear();
  auto it = fns().find(name);
  if (it == fns().end()) { last_error = std::string("no kernel ") + name; return 1; }
  Fn& f = it->second;
  if (f.sizes.size() != 1 || f.sizes[0] != size) { last_error = f.name + ": its argument has " + std::to_string(f.sizes.empty() ? 0 : f.sizes[0]) + " bytes, not " + std::to_string(size); return 1; }
  std::vector<u8> copy(size + 128);
  u8* p = copy.data() + (128 - (u64)copy.data() % 128);
  memcpy(p, argument, size);
  void* params[1] = {p};
  EmuLaunch l = {};
  memcpy(l.grid, grid, 12); memcpy(l.block, block, 12);
  l.smem = smem; l.os_threads = 1; l.seed = settings.seed; l.async_mode = settings.async; l.check = settings.checked;
  if (!settings.checked) emu::chk_unchecked(p, size);
  char err[1024];
  if (!emu_launch(settings.checked ? f.checked : f.fast, params, &l, nullptr, err, sizeof err)) return 0;
  last_error = err;
  return 1;
}
extern "C" {
R cuInit(u32) { return OK; }
R cuDriverGetVersion(int* v) { *v = 13000; return OK; }
R cuGetErrorString(R e, const char** s) { *s = e == LAUNCH_FAILED ? "emulated launch failed" : "error"; return OK; }
R cuGetErrorName(R, const char** s) { *s = "EMU"; return OK; }
R cuDeviceGetCount(int* n) { *n = 1; return OK; }
R cuDeviceGet(int* d, int) { *d = 0; return OK; }
R cuDeviceGetName(char* s, int n, int) { snprintf(s, n, "CPU emulator"); return OK; }
R cuDeviceGetAttribute(int* v, int a, int) { *v = a == 75 ? 9 : a == 76 ? 0 : a == 16 ? 132 : a == 97 ? 232448 : a == 10 ? 32 : 0; return OK; }
R cuDeviceTotalMem_v2(size_t* n, int) { *n = 1ull << 30; return OK; }
R cuDevicePrimaryCtxRetain(void** c, int) { *c = (void*)0x10; return OK; }
R cuDevicePrimaryCtxRelease_v2(int) { return OK; }
R cuCtxGetCurrent(void** c) { *c = cur_ctx; return OK; }
R cuCtxSetCurrent(void* c) { cur_ctx = c; return OK; }
R cuCtxSynchronize() { return sticky; }
R cuStreamCreate(void** s, u32) { *s = new Stream; return OK; }
R cuStreamDestroy_v2(void* s) { delete (Stream*)s; return OK; }
R cuStreamSynchronize(void*) { return sticky; }
R cuStreamWaitEvent(void*, void*, u32) { return OK; }
R cuStreamBeginCapture_v2(void* s, int) { if (S(s) == &def) return INVALID; S(s)->cap = new Graph; return OK; }
R cuStreamEndCapture(void* s, void** g) { *g = S(s)->cap; S(s)->cap = nullptr; return OK; }
R cuStreamIsCapturing(void* s, int* st) { *st = S(s)->cap ? 1 : 0; return OK; }
R cuGraphInstantiateWithFlags(void** e, void* g, u64) { *e = g; return OK; }
R cuGraphInstantiate_v2(void** e, void* g, void*, void*, size_t) { *e = g; return OK; }
R cuGraphUpload(void*, void*) { return OK; }
R cuGraphLaunch(void* e, void*) { for (auto& f : ((Graph*)e)->ops) if (R r = f()) return r; return OK; }
R cuGraphExecDestroy(void*) { return OK; }
R cuGraphDestroy(void* g) { delete (Graph*)g; return OK; }
R cuEventCreate(void** e, u32) { *e = new Ev{0}; return OK; }
R cuEventDestroy_v2(void* e) { delete (Ev*)e; return OK; }
R cuEventRecord(void* e, void* s) { return submit(s, [=] { ((Ev*)e)->t = now(); return (R)OK; }); }
R cuEventQuery(void*) { return OK; }
R cuEventSynchronize(void*) { return sticky; }
R cuEventElapsedTime(float* ms, void* a, void* b) { *ms = ((Ev*)b)->t - ((Ev*)a)->t; return OK; }
R cuEventElapsedTime_v2(float* ms, void* a, void* b) { return cuEventElapsedTime(ms, a, b); }
R cuMemAlloc_v2(u64* p, size_t n) { *p = (u64)emu_alloc(n ? n : 1, 0, "device buffer"); return OK; }
R cuMemAllocAsync(u64* p, size_t n, void*) { return cuMemAlloc_v2(p, n); }
R cuMemFree_v2(u64 p) { emu_free((void*)p); return OK; }
R cuMemFreeAsync(u64 p, void*) { return cuMemFree_v2(p); }
namespace emu_ns {}
void emu_mark_init(void* p, size_t n); void emu_mark_copied(void* d, const void* s, size_t n);
R cuMemcpyHtoDAsync_v2(u64 d, const void* h, size_t n, void* s) { return submit(s, [=] { memcpy((void*)d, h, n); emu_mark_init((void*)d, n); return (R)OK; }); }
R cuMemcpyHtoD_v2(u64 d, const void* h, size_t n) { memcpy((void*)d, h, n); emu_mark_init((void*)d, n); return OK; }
R cuMemcpyDtoHAsync_v2(void* h, u64 d, size_t n, void* s) { return submit(s, [=] { memcpy(h, (void*)d, n); return (R)OK; }); }
R cuMemcpyDtoH_v2(void* h, u64 d, size_t n) { memcpy(h, (void*)d, n); return OK; }
R cuMemcpyDtoDAsync_v2(u64 d, u64 x, size_t n, void* s) { return submit(s, [=] { memcpy((void*)d, (void*)x, n); emu_mark_copied((void*)d, (void*)x, n); return (R)OK; }); }
R cuMemsetD8Async(u64 d, u8 v, size_t n, void* s) { return submit(s, [=] { memset((void*)d, v, n); emu_mark_init((void*)d, n); return (R)OK; }); }
R cuModuleLoadData(void** m, const void*) { *m = (void*)0x20; return OK; }
R cuModuleUnload(void*) { return OK; }
R cuModuleGetFunction(void** f, void*, const char* n) { auto it = fns().find(n); if (it == fns().end()) return NOT_FOUND; *f = &it->second; return OK; }
R cuFuncGetAttribute(int* v, int, void*) { *v = 0; return OK; }
R cuFuncSetAttribute(void* f, int a, int v) { if (a == 8) { if (v > 232448) return INVALID; ((Fn*)f)->smem_max = v; } return OK; }
R cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* n, void*, int, size_t, u32) { *n = 1; return OK; }
R cuLaunchKernel(void* f, u32 gx, u32 gy, u32 gz, u32 bx, u32 by, u32 bz, u32 sm, void* s, void** p, void**) { u32 g[3] = {gx, gy, gz}, b[3] = {bx, by, bz}; return launch(g, b, sm, s, (Fn*)f, p); }
R cuLaunchCooperativeKernel(void* f, u32 gx, u32 gy, u32 gz, u32 bx, u32 by, u32 bz, u32 sm, void* s, void** p) { return INVALID; }
struct Cfg { u32 g[3], b[3], smem; void* s; void* attrs; u32 n; };
R cuLaunchKernelEx(const Cfg* c, void* f, void** p, void**) { return launch(c->g, c->b, c->smem, c->s, (Fn*)f, p); }
R cuTensorMapEncodeTiled(void* m, int type, u32 rank, void* base, const u64* dim, const u64* stride, const u32* box, const u32* es, int inter, int swz, int, int) {
  if (rank != 2) return INVALID;
  u32 el = type == 9 || type == 6 || type == 1 ? 2 : type == 0 ? 1 : 4;
  if ((u64)base & 15 || stride[0] % 16 || box[0] > 256 || box[1] > 256 || box[0] * el % 16) return INVALID;
  if (swz && box[0] * el > (16u << swz)) return INVALID;
  if ((u64)m & 63) return INVALID;
  emu_tensor_map_2d(m, base, el, dim[0], dim[1], stride[0], box[0], box[1], swz); return OK;
}
}
