"""TensorFlow on the CPU: one tf.function, as a graph of oneDNN and Eigen kernels and compiled by XLA."""
import os

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from common import Case, Prepared, cpu_isa, forward, main


class Ops:
    """NHWC. The weights are constants, so that whatever can be worked out once is."""

    def __init__(self, net):
        # Made into tensors while a function is traced; those made before would be its arguments.
        self.convs, self.dense = net.convs, net.dense

    def conv(self, x, name):
        conv = self.convs[name]
        border = [[0, 0], [conv.pad] * 2, [conv.pad] * 2, [0, 0]]
        return tf.nn.bias_add(tf.nn.conv2d(x, constant(conv.kernel), conv.stride, border), constant(conv.bias))

    def pool(self, x):
        return tf.nn.max_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID")

    relu, add = staticmethod(tf.nn.relu), staticmethod(tf.add)

    def head(self, x):
        return tf.matmul(tf.reduce_mean(x, (1, 2)), constant(self.dense[0])) + constant(self.dense[1])


def constant(a):
    return tf.constant(a.astype(np.float32))


class Peer:
    __doc__ = __doc__
    name = "TensorFlow"

    def versions(self):
        return {"tensorflow": tf.__version__}

    def isa(self):
        return f"{cpu_isa()}, oneDNN at most {os.environ.get('ONEDNN_MAX_CPU_ISA', 'what there is')}, XLA flags {os.environ.get('XLA_FLAGS', 'none')}"

    def cases(self, net, args):
        tf.config.threading.set_intra_op_parallelism_threads(args.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.ops = Ops(net)
        for batch in args.batches:
            for mode in ("graph", "xla"):
                for what in ("forward", "gradient"):
                    yield Case(what, "f32", mode, batch, lambda *, a=(what, mode, batch): self.make(*a))

    def make(self, what, mode, batch):
        image, seeds = tf.TensorSpec((batch, 224, 224, 3)), tf.TensorSpec((batch, 1000))

        @tf.function(jit_compile=mode == "xla", input_signature=(image,))
        def only(x):
            return forward(self.ops, x)

        @tf.function(jit_compile=mode == "xla", input_signature=(image, seeds))
        def both(x, seeds):
            with tf.GradientTape() as tape:
                tape.watch(x)
                logits = forward(self.ops, x)
            return logits, tape.gradient(logits, x, seeds)

        def place(inputs, targets):
            return tf.constant(inputs), tf.one_hot(targets, 1000)
        # `.numpy()` waits and copies nothing.
        if what == "forward":
            return Prepared(place, lambda args: only(args[0]).numpy(), lambda found: (found, None))
        return Prepared(place, lambda args: [found.numpy() for found in both(*args)], lambda found: found)


if __name__ == "__main__":
    main(Peer())
