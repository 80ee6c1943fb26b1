// Devices, contexts, handles, counted calls and injected errors.
#include "state.h"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

namespace driver {

thread_local Context* current;

std::recursive_mutex& table_lock() {
  static std::recursive_mutex lock;
  return lock;
}

// ---- settings ----

static u64 number_of(const char* name, u64 otherwise) {
  const char* text = getenv(name);
  if (!text || !*text) return otherwise;
  char* end;
  u64 value = strtoull(text, &end, 10);
  switch (*end | 32) {
    case 'k': return value << 10;
    case 'm': return value << 20;
    case 'g': return value << 30;
    default: return value;
  }
}

static Settings from_env() {
  Settings s;
  s.checked = number_of("BACKLIT_EMU_CHECK", 0) != 0;
  s.seed = number_of("BACKLIT_EMU_SEED", 0);
  s.threads = number_of("BACKLIT_EMU_THREADS", 0);
  if (const char* text = getenv("BACKLIT_EMU_ASYNC"))
    s.async = !strcmp(text, "eager") ? 1 : !strcmp(text, "random") ? 2 : 0;
  return s;
}

static thread_local bool configured = false;
static thread_local Settings of_thread;
static thread_local std::string message;

Settings settings() {
  static const Settings defaults = from_env();
  return configured ? of_thread : defaults;
}

const std::string& last_error() { return message; }
void set_last_error(const std::string& text) { message = text; }

// ---- devices ----

static const size_t DEFAULT_MEMORY = size_t(16) << 30;

static Device* device_from_env(int handle) {
  Device* device = new Device;
  device->handle = handle;
  device->memory = number_of("BACKLIT_EMU_MEMORY", DEFAULT_MEMORY);
  // "sm_90", "90a" and "90" are the same.
  if (const char* text = getenv("BACKLIT_EMU_ARCH")) {
    int arch = atoi(text + strcspn(text, "0123456789"));
    device->major = arch / 10;
    device->minor = arch % 10;
  }
  device->mode = number_of("BACKLIT_EMU_MODE", 0);
  return device;
}

// All there ever were, by handle; those of the process come first.
static int of_process = 0;
static std::vector<Device*>& devices() {
  static std::vector<Device*> all = [] {
    std::vector<Device*> made;
    of_process = number_of("BACKLIT_EMU_DEVICES", 1);
    for (int i = 0; i < of_process; i++) made.push_back(device_from_env(i));
    return made;
  }();
  return all;
}
static thread_local std::vector<Device*> own;

std::vector<Device*> devices_of_thread() {
  Locked locked(table_lock());
  auto& all = devices();
  return own.empty() ? std::vector<Device*>(all.begin(), all.begin() + of_process) : own;
}
Device* device_of(int handle) {
  Locked locked(table_lock());
  return handle >= 0 && handle < (int)devices().size() ? devices()[handle] : nullptr;
}

// ---- objects ----

static std::unordered_map<void*, std::unique_ptr<Object>>& objects() {
  static auto* all = new std::unordered_map<void*, std::unique_ptr<Object>>;
  return *all;
}
void add_object(Object* object) {
  Locked locked(table_lock());
  object->context->device->live[object->kind]++;
  objects()[object].reset(object);
}
Object* find_object(void* handle, Kind kind) {
  Locked locked(table_lock());
  auto found = objects().find(handle);
  return found != objects().end() && found->second->kind == kind ? found->second.get() : nullptr;
}
R remove_object(void* handle, Kind kind) {
  Locked locked(table_lock());
  Object* object = find_object(handle, kind);
  if (!object) return INVALID_HANDLE;
  object->context->device->live[kind]--;
  objects().erase(handle);
  return OK;
}

// ---- calls ----

static thread_local u64 calls = 0, fail_at = 0;
static thread_local R fail_with = OK;
static std::atomic<u64> calls_of_process{0};

// BACKLIT_EMU_FAIL=K or K:CODE lets the K-th call of the process fail.
static R injected() {
  static const u64 at = number_of("BACKLIT_EMU_FAIL", 0);
  static const R with = [] {
    const char* text = getenv("BACKLIT_EMU_FAIL");
    const char* colon = text ? strchr(text, ':') : nullptr;
    return colon ? atoi(colon + 1) : LAUNCH_FAILED;
  }();
  calls++;
  if (++calls_of_process == at) return with;
  if (fail_at && calls == fail_at) {
    fail_at = 0;
    return fail_with;
  }
  return OK;
}

R failed(R code) {
  if (is_sticky(code) && current && current->sticky == OK) current->sticky = code;
  return code;
}

R enter(bool needs_context) {
  if (R code = injected()) return failed(code);
  if (!needs_context) return OK;
  if (!current) return INVALID_CONTEXT;
  if (current->destroyed) return CONTEXT_IS_DESTROYED;
  return current->sticky;
}

R leave() {
  if (R code = injected()) return failed(code);
  return current && !current->destroyed ? current->sticky : OK;
}

// ---- what tests set and ask ----

extern "C" {
void emu_configure(u32 checked, u64 seed, u32 async, u32 threads) {
  of_thread = Settings{checked, seed, async, threads};
  configured = true;
}
// Back to the defaults, which the environment can set.
void emu_configure_default() { configured = false; }

// One more device of its own for this thread: nothing on it is seen by others. major 0: back to those of the process.
// memory 0: as much as those have. mode: the compute mode; 2 prohibits use, 3 means that somebody else has it.
void emu_configure_device(int major, int minor, u64 memory, int mode) {
  Locked locked(table_lock());
  if (major == 0) {
    own.clear();
    return;
  }
  Device* device = new Device;
  device->handle = (int)devices().size();
  device->major = major;
  device->minor = minor;
  device->mode = mode;
  device->memory = memory ? memory : DEFAULT_MEMORY;
  devices().push_back(device);
  own.push_back(device);
}

// Lets the k-th call of this thread from now answer `code` without being carried out; k = 0: none.
void emu_fail_call(u64 k, R code) {
  fail_at = k ? calls + k : 0;
  fail_with = code;
}
u64 emu_calls() { return calls; }

// Objects alive on the devices of this thread, of one kind or (kind < 0) of all.
int64_t emu_live(int kind) {
  int64_t sum = 0;
  for (Device* device : devices_of_thread()) {
    Locked locked(table_lock());
    for (int k = 0; k < KINDS; k++)
      if (kind < 0 || kind == k) sum += device->live[k];
  }
  return sum;
}
// References to the primary contexts of the devices of this thread.
int emu_retained() {
  int sum = 0;
  for (Device* device : devices_of_thread()) sum += device->retained;
  return sum;
}

const char* emu_last_error() { return message.c_str(); }
}

}  // namespace driver
