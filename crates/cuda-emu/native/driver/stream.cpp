// Streams: made, waited for, captured.
#include "stream.h"

namespace driver {

static void end_capture(std::shared_ptr<Capture> capture) {
  for (Stream* stream : capture->streams) stream->capture = nullptr;
  captures_of_thread().erase(capture);
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
  captures_of_thread().insert(capture);
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
}

}  // namespace driver
