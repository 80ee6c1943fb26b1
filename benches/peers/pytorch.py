"""The same task in PyTorch: ResNet-50 v1, BatchNorm folded, weights frozen, gradient of one logit to the input only.

    python pytorch.py --weights W.safetensors --golden G.safetensors [--out DIR]

Everything that is ever advised for speed is tried: channels_last, cudnn.benchmark, CUDA graphs over forward and
backward together, torch.compile(mode="max-autotune"); in strict float32, TF32, float16 and bfloat16. PyTorch is given
its inputs on the device, in its own type and layout, and leaves its gradient there. Speed is never printed without the
error beside it: relative L2 error of the gradient against the float64 gradient of the golden file.
"""
import argparse
import json
import os
import statistics
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file

import common

SEED_SCALE = 1024.0                         # keeps float16 gradients away from zero; a power of two, undone in float32
L2_BYTES = 128 << 20                        # inputs rotate over more than any level-2 cache holds
TYPES = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class ResNet50(torch.nn.Module):
    """Variant v1 with every BatchNorm folded into the convolution before it; weights frozen."""

    def __init__(self, net):
        super().__init__()
        self.convs = torch.nn.ModuleDict()
        for name, c in net.convs.items():
            kernel = torch.from_numpy(c.kernel.transpose(3, 2, 0, 1).copy())
            conv = torch.nn.Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[2], c.stride, c.pad)
            conv.weight.data, conv.bias.data = kernel, torch.from_numpy(c.bias)
            self.convs[name] = conv
        self.fc = torch.nn.Linear(2048, 1000)
        self.fc.weight.data, self.fc.bias.data = torch.from_numpy(net.dense[0].T.copy()), torch.from_numpy(net.dense[1])
        self.eval().requires_grad_(False)

    relu, add = staticmethod(F.relu), staticmethod(torch.add)

    def conv(self, x, name):
        return self.convs[name](x)

    def pool(self, x):
        return F.max_pool2d(x, 3, 2, 1)

    def head(self, x):
        return self.fc(x.mean((2, 3)))

    def forward(self, x):
        return common.forward(self, x)


class Subject:
    """One network in one type, and the ways to ask it for a gradient."""

    def __init__(self, net, kind, device):
        self.kind, self.device, self.dtype = kind, device, TYPES[kind]
        self.net = ResNet50(net).to(device, self.dtype).to(memory_format=torch.channels_last)

    def precision(self):
        fast = self.kind != "fp32"
        torch.backends.cuda.matmul.allow_tf32 = fast
        torch.backends.cudnn.allow_tf32 = fast

    def scale(self):
        return SEED_SCALE if self.dtype == torch.float16 else 1.0

    def gradient(self, net, x, seeds):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(net(x), x, seeds)[0]

    def eager(self, x, seeds):
        return lambda x=x: self.gradient(self.net, x, seeds)

    def graph(self, x, seeds):
        """Forward and backward together in one CUDA graph."""
        static = x.clone(memory_format=torch.channels_last)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.gradient(self.net, static, seeds)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            found = self.gradient(self.net, static, seeds)

        def run(x):
            static.copy_(x)
            graph.replay()
            return found
        return run

    def compiled(self, x, seeds):
        """Inductor's kernels chosen by trial, CUDA graphs under both passes."""
        torch._dynamo.reset()
        net = torch.compile(self.net, mode="max-autotune", dynamic=False)

        def run(x):
            torch.compiler.cudagraph_mark_step_begin()
            return self.gradient(net, x, seeds)
        for _ in range(3):
            run(x)
        return run


def seconds(run, inputs, device, least, most):
    """One time a call, each with another input, after a warm-up."""
    begin = time.perf_counter()
    for x in inputs[:3]:
        run(x)
    if device.type == "cuda":
        torch.cuda.synchronize()
    times, i = [], 0
    while len(times) < least or (time.perf_counter() - begin < most and len(times) < 2000):
        x = inputs[i % len(inputs)]
        i += 1
        if device.type == "cuda":
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            run(x)
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end) / 1e3)
        else:
            start = time.perf_counter()
            run(x)
            times.append(time.perf_counter() - start)
    return times


def inputs_for(picture, batch, subject):
    """Batches of noisy copies of the picture, the first with the picture itself in front; more bytes than the cache holds."""
    generator = torch.Generator(subject.device).manual_seed(1)
    picture = picture.to(subject.device)
    size = batch * picture[0].numel() * picture.element_size()
    count = max(4, -(-L2_BYTES // size)) if subject.device.type == "cuda" else 2
    inputs = []
    for i in range(count):
        x = picture.expand(batch, -1, -1, -1).clone()
        noise = torch.randn(x.shape, generator=generator, device=subject.device)
        noise[0] *= 0.0 if i == 0 else 1.0
        x = (x + 20 * noise).to(subject.dtype)
        inputs.append(x.contiguous(memory_format=torch.channels_last))
    return inputs


def measure(subject, mode, batch, picture, golden, least, most):
    subject.precision()
    target = int(golden["targets"][0])
    seeds = torch.zeros(batch, 1000, dtype=subject.dtype, device=subject.device)
    seeds[:, target] = subject.scale()
    inputs = inputs_for(picture, batch, subject)
    begin = time.perf_counter()
    run = getattr(subject, mode)(inputs[0], seeds)
    found = run(inputs[0])[0].double().cpu().numpy().transpose(1, 2, 0) / subject.scale()
    prepared = time.perf_counter() - begin
    error = common.relative_error(found, golden["grad_top1"].astype(np.float64))
    times = sorted(seconds(run, inputs, subject.device, least, most))
    at = lambda q: times[min(len(times) - 1, int(q * len(times)))]
    median = statistics.median(times)
    return {"type": subject.kind, "mode": mode, "batch": batch, "error": error, "median_ms": 1e3 * median,
            "p10_ms": 1e3 * at(0.1), "p90_ms": 1e3 * at(0.9), "images_per_s": batch / median, "runs": len(times),
            "first_call_s": prepared}


def roof(device):
    """What a large matrix product of random numbers reaches."""
    found = {}
    for name, dtype in (("fp16", torch.float16), ("bf16", torch.bfloat16)):
        a, b = (torch.randn(8192, 8192, device=device, dtype=dtype) for _ in range(2))
        times = seconds(lambda _: a @ b, [None] * 3, device, 10, 0.5)
        found[f"product_{name}_tflops"] = 2 * 8192**3 / statistics.median(times) / 1e12
    a = torch.empty(1 << 30, dtype=torch.uint8, device=device).random_()
    b = torch.empty_like(a)
    times = seconds(lambda _: b.copy_(a), [None] * 3, device, 10, 0.5)
    found["copy_tb_per_s"] = 2 * a.numel() / statistics.median(times) / 1e12
    return found


def plan(args, cuda):
    """What to measure, the most telling first: what compiles takes a minute each."""
    kinds, batches, modes = args.types.split(","), [int(b) for b in args.batches.split(",")], args.modes.split(",")
    quick = [(k, m, b) for m in modes if m != "compiled" for k in kinds for b in batches]
    order = {"fp16": 0, "bf16": 1, "tf32": 2, "fp32": 3}
    slow = [(k, "compiled", b) for b in sorted(batches, key=lambda b: (b != 64, b != 1, -b)) for k in kinds]
    slow.sort(key=lambda c: order[c[0]])
    return [c for c in quick if cuda or c[1] == "eager"] + (slow if cuda and "compiled" in modes else [])


def versions(device):
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    return {"device": name, "torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
            "python": sys.version.split()[0]}


def markdown(report):
    lines = ["## PyTorch: gradient of one logit to the input", "", ", ".join(f"{k} {v}" for k, v in report["versions"].items()), ""]
    if report["roof"]:
        lines += [", ".join(f"{k} {v:.1f}" for k, v in report["roof"].items()), ""]
    lines += ["| type | mode | batch | ms median (p10-p90) | images/s | error | first call, s |", "|---|---|--:|--:|--:|--:|--:|"]
    for r in report["rows"]:
        if "failed" in r:
            lines.append(f"| {r['type']} | {r['mode']} | {r['batch']} | {r['failed']} | | | |")
        else:
            lines.append(f"| {r['type']} | {r['mode']} | {r['batch']} | {r['median_ms']:.3f} ({r['p10_ms']:.3f}-{r['p90_ms']:.3f}) "
                         f"| {r['images_per_s']:.0f} | {r['error']:.1e} | {r['first_call_s']:.1f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True, help="safetensors with the names of Keras' ResNet-50")
    parser.add_argument("--golden", required=True, help="safetensors with rgb, targets and grad_top1 of a photograph")
    parser.add_argument("--out", help="folder for peers.md and peers.json")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--types", default="fp16,bf16,tf32,fp32")
    parser.add_argument("--batches", default="1,8,64,256")
    parser.add_argument("--modes", default="eager,graph,compiled")
    parser.add_argument("--budget", type=float, default=240, help="seconds after which nothing new is begun")
    parser.add_argument("--tolerance", type=float, default=0.5, help="largest error that may have a speed")
    args = parser.parse_args()

    begin = time.perf_counter()
    device = torch.device(args.device)
    torch.backends.cudnn.benchmark = True
    net, golden = common.Network(load_file(args.weights)), load_file(args.golden)
    picture = torch.from_numpy(common.preprocess(golden["rgb"]).transpose(2, 0, 1)[None].copy()).float()
    report = {"versions": versions(device), "roof": roof(device) if device.type == "cuda" else {}, "rows": []}
    subjects, wrong = {}, False
    for kind, mode, batch in plan(args, device.type == "cuda"):
        row = {"type": kind, "mode": mode, "batch": batch}
        if time.perf_counter() - begin > args.budget:
            report["rows"].append(row | {"failed": "left out: no time"})
            continue
        try:
            if kind not in subjects:
                subjects[kind] = Subject(net, kind, device)
            row = measure(subjects[kind], mode, batch, picture, golden, 3 if device.type == "cpu" else 20, 1.0)
            if not row["error"] <= args.tolerance:
                wrong, row = True, {"type": kind, "mode": mode, "batch": batch, "failed": f"wrong: error {row['error']:.1e}"}
        except Exception as problem:                    # one configuration that fails leaves the others standing
            row = row | {"failed": f"{type(problem).__name__}: {problem}".splitlines()[0][:120]}
        report["rows"].append(row)
        print(json.dumps(row), flush=True)
        if args.out:
            os.makedirs(args.out, exist_ok=True)
            with open(os.path.join(args.out, "peers.json"), "w") as file:
                json.dump(report, file, indent=1)
            with open(os.path.join(args.out, "peers.md"), "w") as file:
                file.write(markdown(report))
    print(markdown(report))
    measured = any("median_ms" in row for row in report["rows"])
    sys.exit(1 if wrong or not measured else 0)


if __name__ == "__main__":
    main()
