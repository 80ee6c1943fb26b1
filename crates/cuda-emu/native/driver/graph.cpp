// Graphs: captured work, made executable, queued as a whole.
#include "stream.h"

namespace driver {

struct GraphExec : Object {
  static const Kind KIND = GRAPH_EXEC;
  std::shared_ptr<const std::vector<Op>> ops;
};

extern "C" {
R cuGraphInstantiateWithFlags(void** handle, void* graph_handle, u64) {
  ENTER();
  Graph* graph = find<Graph>(graph_handle);
  if (!graph) return INVALID_HANDLE;
  GraphExec* exec = new GraphExec;
  exec->kind = GRAPH_EXEC;
  exec->context = current;
  exec->ops = std::make_shared<const std::vector<Op>>(graph->ops);
  add_object(exec);
  *handle = exec;
  return OK;
}
R cuGraphInstantiate_v2(void** exec, void* graph, void*, void*, size_t) {
  return cuGraphInstantiateWithFlags(exec, graph, 0);
}
R cuGraphUpload(void* handle, void* stream) {
  ENTER();
  return find<GraphExec>(handle) && stream_of(stream) ? (R)OK : (R)INVALID_HANDLE;
}
R cuGraphLaunch(void* handle, void* stream) {
  ENTER();
  GraphExec* exec = find<GraphExec>(handle);
  if (!exec) return INVALID_HANDLE;
  auto ops = exec->ops;
  return submit(stream_of(stream), [ops](const Settings& s) -> R {
    for (const Op& op : *ops)
      if (R code = op(s)) return code;
    return OK;
  });
}
R cuGraphExecDestroy(void* handle) {
  R answer = leave();
  R removed = remove_object(handle, GRAPH_EXEC);
  return removed ? removed : answer;
}
R cuGraphDestroy(void* handle) {
  R answer = leave();
  R removed = remove_object(handle, GRAPH);
  return removed ? removed : answer;
}
}

}  // namespace driver
