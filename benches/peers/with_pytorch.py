"""PyTorch on the CPU: channels_last, weights frozen, gradient to the input only; eager and three ways to compile."""
import os

os.environ.setdefault("TORCHINDUCTOR_MAX_AUTOTUNE_POINTWISE", "0")

import numpy as np
import torch

from common import Case, Prepared, main
from pytorch import ResNet50

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


class Peer:
    __doc__ = __doc__
    name = "PyTorch"

    def versions(self):
        return {"torch": torch.__version__}

    def isa(self):
        return f"ATen {torch.backends.cpu.get_cpu_capability()}, oneDNN at most {os.environ.get('ONEDNN_MAX_CPU_ISA', 'what there is')}"

    def cases(self, net, args):
        torch.set_num_threads(args.threads)
        for precision, dtype in TYPES.items():
            module = ResNet50(net).to(dtype).to(memory_format=torch.channels_last)
            for batch in args.batches:
                for mode in ("eager", "compiled", "frozen"):
                    yield Case("forward", precision, mode, batch, lambda *, a=(module, dtype, mode): self.forward(*a))
                for mode in ("eager", "compiled", "joint"):
                    yield Case("gradient", precision, mode, batch, lambda *, a=(module, dtype, mode): self.gradient(*a))

    def forward(self, module, dtype, mode):
        net = compiled(module, mode)

        def run(args):
            with torch.inference_mode() if mode == "eager" else torch.no_grad():
                return net(args[0])
        return Prepared(place(dtype), run, lambda found: (array(found), None))

    def gradient(self, module, dtype, mode):
        if mode == "joint":
            return self.joint(module, dtype)
        net = compiled(module, mode)

        def run(args):
            x = args[0].detach().requires_grad_()
            logits = net(x)
            return logits.detach(), torch.autograd.grad(logits, x, args[1])[0]
        return Prepared(place(dtype), run, read_both)

    def joint(self, module, dtype):
        """Forward and back compiled as one graph of an inference, so that weights are constants of it."""
        def both(x, seeds):
            logits, back = torch.func.vjp(module, x)
            return logits, back(seeds)[0]
        net = compiled(both, "frozen")

        def run(args):
            with torch.no_grad():
                return net(*args)
        return Prepared(place(dtype), run, read_both)


def compiled(net, mode):
    if mode == "eager":
        return net
    torch._dynamo.reset()
    options = {"freezing": mode == "frozen"}
    return torch.compile(net, dynamic=False, options=options)


def place(dtype):
    def place(inputs, targets):
        x = torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy()).to(dtype).contiguous(memory_format=torch.channels_last)
        seeds = torch.zeros(len(targets), 1000, dtype=dtype)
        seeds[torch.arange(len(targets)), torch.from_numpy(targets).long()] = 1
        return x, seeds
    return place


def array(tensor):
    return tensor.double().numpy()


def read_both(found):
    return array(found[0]), array(found[1]).transpose(0, 2, 3, 1)


if __name__ == "__main__":
    main(Peer())
