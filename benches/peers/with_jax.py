"""JAX on the CPU: one jit over the forward pass, one over forward and vector-Jacobian product."""
import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np

from common import Case, Prepared, cpu_isa, forward, main


class Ops:
    """NHWC. The weights are constants of the compiled program."""

    def __init__(self, net, dtype):
        self.convs = {name: (jnp.asarray(c.kernel, dtype), jnp.asarray(c.bias, dtype), c.stride, c.pad) for name, c in net.convs.items()}
        self.dense = [jnp.asarray(a, dtype) for a in net.dense]

    def conv(self, x, name):
        kernel, bias, stride, pad = self.convs[name]
        border = [(pad, pad)] * 2
        return jax.lax.conv_general_dilated(x, kernel, (stride, stride), border, dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias

    def pool(self, x):
        border = ((0, 0), (1, 1), (1, 1), (0, 0))
        return jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), border)

    relu, add = staticmethod(jax.nn.relu), staticmethod(jnp.add)

    def head(self, x):
        return x.mean((1, 2)) @ self.dense[0] + self.dense[1]


class Peer:
    __doc__ = __doc__
    name = "JAX"

    def versions(self):
        return {"jax": jax.__version__, "jaxlib": jax.lib.__version__}

    def isa(self):
        return f"{cpu_isa()}, XLA flags {os.environ.get('XLA_FLAGS', 'none')}"

    def cases(self, net, args):
        # JAX has no option for threads: it takes a thread for every processor that the process may use.
        ops = Ops(net, jnp.float32)
        for batch in args.batches:
            yield Case("forward", "f32", "jit", batch, lambda: self.make(ops, "forward"))
            yield Case("gradient", "f32", "jit", batch, lambda: self.make(ops, "gradient"))

    def make(self, ops, what):
        net = lambda x: forward(ops, x)

        def both(x, seeds):
            logits, back = jax.vjp(net, x)
            return logits, back(seeds)[0]
        only, both = jax.jit(net), jax.jit(both)

        def place(inputs, targets):
            return jnp.asarray(inputs), jax.nn.one_hot(targets, 1000)
        if what == "forward":
            return Prepared(place, lambda args: jax.block_until_ready(only(args[0])), lambda found: (found, None))
        return Prepared(place, lambda args: jax.block_until_ready(both(*args)), lambda found: found)


if __name__ == "__main__":
    main(Peer())
