// Streams, the work queued on them, captures.
#pragma once
#include <atomic>
#include <deque>
#include <set>
#include <thread>
#include "state.h"

namespace driver {

// A piece of work. A kernel is run as the thread that queued it had it set.
typedef std::function<R(const Settings&)> Op;

struct Graph : Object {
  static const Kind KIND = GRAPH;
  std::vector<Op> ops;
};

struct Stream;
// A graph in the making. Streams that wait for an event of it join it.
struct Capture {
  Stream* origin;
  std::thread::id thread;
  int mode;
  bool spoilt = false;
  std::vector<Op> ops;
  std::set<Stream*> streams, unjoined;
};

struct Stream : Object {
  static const Kind KIND = STREAM;
  std::shared_ptr<Capture> capture;
  struct Queued {
    Op op;
    Settings settings;
  };
  std::deque<Queued> queue;
  std::atomic<u64> queued{0}, done{0};   // threads may share a stream
};

struct Event : Object {
  static const Kind KIND = EVENT;
  bool timed = true, recorded = false;
  double time = 0;
  Stream* stream = nullptr;   // that it was recorded on last
  u64 position = 0;           // how much was queued there before it
  std::weak_ptr<Capture> capture;
};

// The stream of a handle; 0, 1 and 2 are the default streams of the current context.
Stream* stream_of(void* handle);
// Queues work, or writes it down if the stream is captured. Work is done at once, or, if streams are lazy, when
// somebody waits for it.
R submit(Stream* stream, Op op);
// Does what is queued on a stream, on all streams of the current context.
R flush(Stream* stream, u64 upto = ~u64(0));
R flush_all();
// All that are alive. Those under capture that the calling thread began.
std::set<Stream*>& all_streams();
std::set<std::shared_ptr<Capture>>& captures_of_thread();
// What a thread must not do while it captures: the capture is spoilt.
R forbid_in_capture();
bool lazy();

}  // namespace driver
