"""Writes the network, BatchNorm folded, as ONNX: `resnet50-v1-batchN.onnx`, NCHW, float32, one file a batch size.

    python export_onnx.py --weights W.safetensors --batch 1,8 FOLDER
"""
import argparse
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from common import Network, forward

OPSET = 17


class Ops:
    """Every op appends a node and returns the name of its output."""

    def __init__(self, net):
        self.net, self.nodes, self.constants = net, [], []

    def node(self, kind, inputs, **attributes):
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, name, a):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(a, np.float32), name))
        return name

    def conv(self, x, name):
        c = self.net.convs[name]
        inputs = [x, self.constant(name + ".kernel", c.kernel.transpose(3, 2, 0, 1)), self.constant(name + ".bias", c.bias)]
        side = c.kernel.shape[0]
        return self.node("Conv", inputs, kernel_shape=[side] * 2, strides=[c.stride] * 2, pads=[c.pad] * 4)

    def pool(self, x):
        return self.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)

    def relu(self, x):
        return self.node("Relu", [x])

    def add(self, x, y):
        return self.node("Add", [x, y])

    def head(self, x):
        kernel, bias = self.net.dense
        mean = self.node("Flatten", [self.node("GlobalAveragePool", [x])])
        return self.node("Gemm", [mean, self.constant("dense.kernel", kernel), self.constant("dense.bias", bias)])


def export(net, batch):
    ops = Ops(net)
    logits = forward(ops, "image")
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (batch, 3, 224, 224))
    found = helper.make_tensor_value_info(logits, TensorProto.FLOAT, (batch, 1000))
    graph = helper.make_graph(ops.nodes, "resnet50-v1", [image], [found], ops.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True)
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("folder")
    args = parser.parse_args()
    os.makedirs(args.folder, exist_ok=True)
    net = Network(load_file(args.weights))
    for batch in args.batch.split(","):
        onnx.save(export(net, int(batch)), os.path.join(args.folder, f"resnet50-v1-batch{batch}.onnx"))


if __name__ == "__main__":
    main()
