// Devices and contexts.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include "state.h"

namespace driver {

// What an architecture has: multiprocessors, shared memory of a block and of a multiprocessor, threads of one, cache.
struct Model {
  int arch, multiprocessors, shared_block, shared_multiprocessor, threads, l2;
};
static const Model MODELS[] = {
    {75, 72, 65536, 65536, 1024, 6 << 20},      {80, 108, 166912, 167936, 2048, 40 << 20},
    {86, 84, 101376, 102400, 1536, 6 << 20},    {89, 128, 101376, 102400, 1536, 72 << 20},
    {90, 132, 232448, 233472, 2048, 50 << 20},  {100, 148, 232448, 233472, 2048, 126 << 20},
    {120, 170, 101376, 102400, 1536, 96 << 20},
};
static const Model& model_of(const Device* device) {
  const Model* best = &MODELS[0];
  for (const Model& model : MODELS)
    if (model.arch <= device->major * 10 + device->minor) best = &model;
  return *best;
}

int attribute_of(const Device* device, int which) {
  const Model& model = model_of(device);
  switch (which) {
    case 1: return 1024;                        // threads of a block
    case 2: case 3: return 1024;                // ... in x and y
    case 4: return 64;                          // ... in z
    case 5: return 2147483647;                  // blocks in x
    case 6: case 7: return 65535;               // ... in y and z
    case 8: return 48 << 10;                    // shared memory of a block without asking
    case 10: return 32;                         // warp
    case 12: case 82: return 65536;             // registers of a block, of a multiprocessor
    case 13: return 1500000;                    // clock in kHz
    case 16: return model.multiprocessors;
    case 20: return device->mode;
    case 36: return 2500000;                    // memory clock in kHz
    case 37: return 5120;                       // memory bus in bits
    case 38: return model.l2;
    case 39: return model.threads;
    case 75: return device->major;
    case 76: return device->minor;
    case 81: return model.shared_multiprocessor;
    case 97: return model.shared_block;
    case 106: return 32;                        // blocks of a multiprocessor
    case 111: return 1024;                      // shared memory that the system takes of a block
    default: return 0;
  }
}

static bool initialised = false;
static int device_count() { return (int)devices_of_thread().size(); }
static R enter_device() {
  if (R refused = enter(false)) return refused;
  return initialised ? OK : NOT_INITIALIZED;
}

extern "C" {
R cuInit(u32 flags) {
  if (R refused = enter(false)) return refused;
  if (flags) return INVALID_VALUE;
  if (!device_count()) return NO_DEVICE;
  initialised = true;
  return OK;
}
R cuDriverGetVersion(int* version) {
  if (R refused = enter(false)) return refused;
  const char* text = getenv("BACKLIT_EMU_DRIVER");
  *version = text && *text ? atoi(text) : 13000;
  return OK;
}
R cuDeviceGetCount(int* count) {
  if (R refused = enter_device()) return refused;
  *count = device_count();
  return OK;
}
R cuDeviceGet(int* device, int ordinal) {
  if (R refused = enter_device()) return refused;
  if (ordinal < 0 || ordinal >= device_count()) return INVALID_DEVICE;
  *device = devices_of_thread()[ordinal]->handle;
  return OK;
}
R cuDeviceGetName(char* name, int room, int device) {
  if (R refused = enter_device()) return refused;
  Device* d = device_of(device);
  if (!d || room <= 0) return INVALID_VALUE;
  snprintf(name, room, "CPU emulator (sm_%d%d)", d->major, d->minor);
  return OK;
}
R cuDeviceGetAttribute(int* value, int which, int device) {
  if (R refused = enter_device()) return refused;
  Device* d = device_of(device);
  if (!d) return INVALID_DEVICE;
  *value = attribute_of(d, which);
  return OK;
}
R cuDeviceTotalMem_v2(size_t* bytes, int device) {
  if (R refused = enter_device()) return refused;
  Device* d = device_of(device);
  if (!d) return INVALID_DEVICE;
  *bytes = d->memory;
  return OK;
}
R cuDevicePrimaryCtxRetain(Context** context, int device) {
  if (R refused = enter_device()) return refused;
  Device* d = device_of(device);
  if (!d) return INVALID_DEVICE;
  if (d->mode >= 2) return DEVICE_UNAVAILABLE;
  Locked locked(table_lock());
  if (!d->primary) d->primary = new Context{d};
  d->retained++;
  *context = d->primary;
  return OK;
}
static void destroy_primary(Device* d) {
  // Kept, so that a stale pointer to it can be recognised.
  if (d->primary) d->primary->destroyed = true;
  d->primary = nullptr;
}
R cuDevicePrimaryCtxRelease_v2(int device) {
  R answer = leave();
  Device* d = device_of(device);
  if (!d) return INVALID_DEVICE;
  Locked locked(table_lock());
  if (!d->retained) return INVALID_CONTEXT;
  if (!--d->retained) destroy_primary(d);
  return answer;
}
R cuDevicePrimaryCtxReset_v2(int device) {
  R answer = leave();
  Device* d = device_of(device);
  if (!d) return INVALID_DEVICE;
  Locked locked(table_lock());
  destroy_primary(d);
  return answer;
}
R cuCtxGetCurrent(Context** context) {
  if (R refused = enter(false)) return refused;
  *context = current;
  return OK;
}
R cuCtxSetCurrent(Context* context) {
  if (R refused = enter(false)) return refused;
  if (context && context->destroyed) return CONTEXT_IS_DESTROYED;
  current = context;
  return OK;
}
}

}  // namespace driver
