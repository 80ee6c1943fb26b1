// What the stand-in driver remembers: devices, contexts, and the objects that live in them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>
#include "codes.h"

namespace driver {

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

// How launches are run: of the thread that queues them. The defaults come from the environment.
struct Settings {
  u32 checked = 0;
  u64 seed = 0;
  u32 async = 0, threads = 0;
};
Settings settings();

// Kinds of objects that are counted while they live.
enum Kind { ALLOCATION, HOST_ALLOCATION, STREAM, EVENT, MODULE, GRAPH, GRAPH_EXEC, KINDS };

struct Context;

// A device. The process has one or more; a thread can ask for others of its own.
struct Device {
  int handle = 0, major = 9, minor = 0, mode = 0;
  size_t memory = 0, used = 0;
  long live[KINDS] = {};
  Context* primary = nullptr;
  int retained = 0;
};
// The devices that this thread sees, in the order of their ordinals.
std::vector<Device*> devices_of_thread();
Device* device_of(int handle);

struct Context {
  Device* device;
  R sticky = OK;
  bool destroyed = false;
};
extern thread_local Context* current;

// Held while tables change; never while a kernel runs.
std::recursive_mutex& table_lock();
typedef std::lock_guard<std::recursive_mutex> Locked;

// Objects by handle, so that a stale handle is told from a live one.
struct Object {
  Kind kind;
  Context* context;
  virtual ~Object() {}
};
void add_object(Object* object);
// The object of a handle if it is alive and of this kind, else null.
Object* find_object(void* handle, Kind kind);
R remove_object(void* handle, Kind kind);
template <class T> T* find(void* handle) { return static_cast<T*>(find_object(handle, T::KIND)); }

// Every call of the driver begins with one of these. `enter` counts it and says what it has to answer instead of being
// carried out: an injected error, no context, or the error that took the context. `leave` is for calls that give
// something back: they are carried out whatever they answer.
R enter(bool needs_context = true);
R leave();
// An error that a call ends with; it takes the context if it is of that sort.
R failed(R code);

const std::string& last_error();
void set_last_error(const std::string& message);

}  // namespace driver

#define ENTER()                   \
  do {                            \
    if (driver::R refused = driver::enter()) return refused; \
  } while (0)
