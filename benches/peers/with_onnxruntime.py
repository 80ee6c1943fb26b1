"""ONNX Runtime on the CPU, forward only: it has no gradient outside of its training builds."""
import os

import numpy as np
import onnxruntime

from common import Case, Prepared, cpu_isa, main


class Peer:
    __doc__ = __doc__
    name = "ONNX Runtime"

    def versions(self):
        return {"onnxruntime": onnxruntime.__version__}

    def isa(self):
        return cpu_isa()

    def cases(self, net, args):
        for batch in args.batches:
            path = os.path.join(args.onnx, f"resnet50-v1-batch{batch}.onnx")
            yield Case("forward", "f32", "optimised", batch, lambda *, path=path: self.make(path, args.threads))

    def make(self, path, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Threads that wait for work must not take it from the next peer.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

        def place(inputs, targets):
            return np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))
        return Prepared(place, lambda image: session.run(None, {"image": image})[0], lambda found: (found, None))


if __name__ == "__main__":
    main(Peer())
