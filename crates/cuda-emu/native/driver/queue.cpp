// Work queued on streams: done at once, or when somebody waits for it, or written down by a capture.
#include "stream.h"
#include <cstdlib>

namespace driver {

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

std::set<Stream*>& all_streams() {
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

std::set<std::shared_ptr<Capture>>& captures_of_thread() {
  static thread_local std::set<std::shared_ptr<Capture>> captures;
  return captures;
}

R forbid_in_capture() {
  for (auto& capture : captures_of_thread())
    if (capture->mode != 2) {
      capture->spoilt = true;
      return CAPTURE_UNSUPPORTED;
    }
  return OK;
}

}  // namespace driver
