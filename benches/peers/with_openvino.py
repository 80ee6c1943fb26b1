"""OpenVINO on the CPU, forward only: it has no gradient."""
import os

import numpy as np
import openvino

from common import Case, Prepared, cpu_isa, main


class Peer:
    __doc__ = __doc__
    name = "OpenVINO"

    def versions(self):
        return {"openvino": openvino.get_version().split("-")[0]}

    def isa(self):
        return f"{cpu_isa()}, capabilities {' '.join(self.capabilities())}"

    def capabilities(self):
        return openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    def cases(self, net, args):
        for precision in ("f32", "bf16"):
            for batch in args.batches:
                yield Case("forward", precision, "latency", batch, lambda *, a=(precision, batch): self.make(*a, args))

    def make(self, precision, batch, args):
        if precision.upper() not in self.capabilities() and precision != "f32":
            raise NotImplementedError(f"OpenVINO has no {precision} on this processor")
        options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": args.threads, "NUM_STREAMS": 1,
                   "PERFORMANCE_HINT": "LATENCY"}
        network = openvino.Core().compile_model(os.path.join(args.onnx, f"resnet50-v1-batch{batch}.onnx"), "CPU", options)
        request = network.create_infer_request()

        def place(inputs, targets):
            return openvino.Tensor(np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)))

        def run(image):
            request.infer([image], share_inputs=True)
            return request.get_output_tensor().data
        return Prepared(place, run, lambda found: (found, None))


if __name__ == "__main__":
    main(Peer())
