// Streams and events: order, waiting, and what of it a capture writes down.
#include "stream.h"
#include <chrono>
#include <cstdlib>

namespace driver {

static thread_local std::set<std::shared_ptr<Capture>> captures;
static thread_local int lazy_of_thread = -1;

bool lazy() {
  static const bool from_env = [] {
    const char* text = getenv("BACKLIT_EMU_LAZY");
    return text && *text && *text != '0';
  }();
  return lazy_of_thread < 0 ? from_env : lazy_of_thread;
}
// 1: streams of this thread do their work when somebody waits for it; 0: at once; -1: as the environment says.
extern "C" void emu_configure_lazy(int on) { lazy_of_thread = on; }

static double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Stream* stream_of(void* handle) {
  if ((u64)handle > 2) return find<Stream>(handle);
  // The default stream of a context is never counted and never destroyed.
  static std::map<Context*, Stream> defaults;
  Locked locked(table_lock());
  Stream& stream = defaults[current];
  stream.kind = STREAM;
  stream.context = current;
  return &stream;
}

static R run(Context* context, const Op& op, const Settings& s) {
  if (context->sticky) return context->sticky;
  R code = op(s);
  if (is_sticky(code) && !context->sticky) context->sticky = code;
  return code;
}

R submit(Stream* stream, Op op) {
  if (!stream) return INVALID_HANDLE;
  if (stream->context != current) return INVALID_CONTEXT;
  if (auto capture = stream->capture) {
    if (capture->spoilt) return CAPTURE_INVALIDATED;
    if (capture->mode != 2 && capture->thread != std::this_thread::get_id()) return WRONG_THREAD;
    capture->ops.push_back(std::move(op));
    if (stream != capture->origin) capture->unjoined.insert(stream);
    stream->queued++;
    return OK;
  }
  if (!lazy()) {
    // What others left undone comes first.
    if (!stream->queue.empty())
      if (R code = flush(stream)) return code;
    stream->queued++;
    stream->done++;
    return run(stream->context, op, settings());
  }
  Locked locked(table_lock());
  stream->queue.push_back({std::move(op), settings()});
  stream->queued++;
  return OK;
}

R flush(Stream* stream, u64 upto) {
  Locked locked(table_lock());
  while (!stream->queue.empty() && stream->done < upto) {
    Stream::Queued next = std::move(stream->queue.front());
    stream->queue.pop_front();
    stream->done++;
    if (R code = run(stream->context, next.op, next.settings)) return code;
  }
  return stream->context->sticky;
}

static std::set<Stream*>& all_streams() {
  static auto* all = new std::set<Stream*>;
  return *all;
}

R flush_all() {
  Locked locked(table_lock());
  for (Stream* stream : all_streams())
    if (stream->context == current && !stream->capture)
      if (R code = flush(stream)) return code;
  return flush(stream_of(nullptr));
}

R forbid_in_capture() {
  for (auto& capture : captures)
    if (capture->mode != 2) {
      capture->spoilt = true;
      return CAPTURE_UNSUPPORTED;
    }
  return OK;
}

static void end_capture(std::shared_ptr<Capture> capture) {
  for (Stream* stream : capture->streams) stream->capture = nullptr;
  captures.erase(capture);
}

extern "C" {
R cuStreamCreate(void** handle, u32 flags) {
  ENTER();
  if (flags > 1) return INVALID_VALUE;
  Stream* stream = new Stream;
  stream->kind = STREAM;
  stream->context = current;
  Locked locked(table_lock());
  add_object(stream);
  all_streams().insert(stream);
  *handle = stream;
  return OK;
}
R cuStreamDestroy_v2(void* handle) {
  R answer = leave();
  Stream* stream = find<Stream>(handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->capture) {
    stream->capture->spoilt = true;
    if (stream->capture->origin == stream)
      end_capture(stream->capture);
    else
      stream->capture->streams.erase(stream);
  } else {
    flush(stream);
  }
  Locked locked(table_lock());
  all_streams().erase(stream);
  remove_object(stream, STREAM);
  return answer;
}
R cuStreamSynchronize(void* handle) {
  ENTER();
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->capture) {
    stream->capture->spoilt = true;
    return CAPTURE_UNSUPPORTED;
  }
  return flush(stream);
}
R cuCtxSynchronize() {
  ENTER();
  if (R refused = forbid_in_capture()) return refused;
  return flush_all();
}
R cuStreamWaitEvent(void* handle, void* event_handle, u32) {
  ENTER();
  Stream* stream = stream_of(handle);
  Event* event = find<Event>(event_handle);
  if (!stream || !event) return INVALID_HANDLE;
  if (auto capture = event->capture.lock()) {
    // A fork or a join of the captured graph; nodes stay in the order of the calls, which respects both.
    if (stream->capture && stream->capture != capture) return CAPTURE_INVALIDATED;
    if (!stream->capture) {
      stream->capture = capture;
      capture->streams.insert(stream);
      capture->unjoined.insert(stream);
    }
    if (event->stream && event->position == event->stream->queued) capture->unjoined.erase(event->stream);
    return OK;
  }
  if (stream->capture) return CAPTURE_UNSUPPORTED;
  if (!event->recorded || event->stream == stream) return OK;
  Stream* other = event->stream;
  u64 position = event->position;
  return submit(stream, [=](const Settings&) {
    Locked locked(table_lock());
    // A stream that is gone has done its work.
    return all_streams().count(other) ? flush(other, position) : (R)OK;
  });
}
R cuStreamBeginCapture_v2(void* handle, int mode) {
  ENTER();
  if ((u64)handle <= 2) return CAPTURE_UNSUPPORTED;
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->capture || mode < 0 || mode > 2) return INVALID_VALUE;
  if (R code = flush(stream)) return code;
  auto capture = std::make_shared<Capture>();
  capture->origin = stream;
  capture->thread = std::this_thread::get_id();
  capture->mode = mode;
  capture->streams.insert(stream);
  stream->capture = capture;
  captures.insert(capture);
  return OK;
}
R cuStreamEndCapture(void* handle, void** graph) {
  R injected = leave();
  Stream* stream = stream_of(handle);
  *graph = nullptr;
  if (!stream) return INVALID_HANDLE;
  auto capture = stream->capture;
  if (!capture) return INVALID_VALUE;
  if (capture->origin != stream) return CAPTURE_UNMATCHED;
  if (capture->mode != 2 && capture->thread != std::this_thread::get_id()) return WRONG_THREAD;
  end_capture(capture);
  if (injected) return injected;
  if (capture->spoilt) return CAPTURE_INVALIDATED;
  if (!capture->unjoined.empty()) return CAPTURE_UNJOINED;
  Graph* made = new Graph;
  made->kind = GRAPH;
  made->context = current;
  made->ops = std::move(capture->ops);
  add_object(made);
  *graph = made;
  return OK;
}
R cuStreamIsCapturing(void* handle, int* status) {
  ENTER();
  Stream* stream = stream_of(handle);
  if (!stream) return INVALID_HANDLE;
  *status = !stream->capture ? 0 : stream->capture->spoilt ? 2 : 1;
  return OK;
}

R cuEventCreate(void** handle, u32 flags) {
  ENTER();
  if (flags > 7) return INVALID_VALUE;
  Event* event = new Event;
  event->kind = EVENT;
  event->context = current;
  event->timed = !(flags & 2);
  add_object(event);
  *handle = event;
  return OK;
}
R cuEventDestroy_v2(void* handle) {
  R answer = leave();
  R removed = remove_object(handle, EVENT);
  return removed ? removed : answer;
}
R cuEventRecord(void* handle, void* stream_handle) {
  ENTER();
  Event* event = find<Event>(handle);
  Stream* stream = stream_of(stream_handle);
  if (!event || !stream) return INVALID_HANDLE;
  event->capture = stream->capture;
  event->stream = stream;
  if (stream->capture) {
    event->recorded = false;
    event->position = stream->queued;
    return stream->capture->spoilt ? (R)CAPTURE_INVALIDATED : (R)OK;
  }
  event->recorded = true;
  R code = submit(stream, [=](const Settings&) {
    // It may have been destroyed since.
    if (Event* alive = find<Event>(handle)) alive->time = now_ms();
    return (R)OK;
  });
  event->position = stream->queued;
  return code;
}
static R wait_for(void* handle) {
  Event* event = find<Event>(handle);
  if (!event) return INVALID_HANDLE;
  if (event->capture.lock()) return CAPTURED_EVENT;
  if (!event->recorded) return OK;
  Locked locked(table_lock());
  return all_streams().count(event->stream) ? flush(event->stream, event->position) : (R)OK;
}
R cuEventQuery(void* handle) {
  ENTER();
  return wait_for(handle);
}
R cuEventSynchronize(void* handle) {
  ENTER();
  return wait_for(handle);
}
R cuEventElapsedTime_v2(float* ms, void* start, void* end) {
  ENTER();
  Event *a = find<Event>(start), *b = find<Event>(end);
  if (!a || !b || !a->timed || !b->timed || !a->recorded || !b->recorded) return INVALID_HANDLE;
  *ms = float(b->time - a->time);
  return OK;
}
R cuEventElapsedTime(float* ms, void* start, void* end) { return cuEventElapsedTime_v2(ms, start, end); }
}

}  // namespace driver
