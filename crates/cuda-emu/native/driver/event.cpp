// Events: points in the order of a stream.
#include <chrono>
#include "stream.h"

namespace driver {

static double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

extern "C" {
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
