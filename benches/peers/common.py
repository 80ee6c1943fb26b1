"""What all peers share: the network with BatchNorm folded, photographs, errors, and the loop that measures.

A peer is a script that calls `main(Peer())`. By itself it prepares its cases, checks each against float64, times them and
prints what it found:

    python with_PEER.py --weights W.safetensors --golden FILE_OR_FOLDER [--batch 1,8] [--threads 2] [--rounds 3] [--json]

With `--serve` it prints one line of JSON about itself and its cases and then waits: for every line `CASE SECONDS` on
standard input it answers with one line, the times of some calls in ms. So `run.py` measures all peers in turns.

Nothing is timed whose result was not compared with the golden file first, and what is too far off gets no speed.
"""
import argparse
import dataclasses
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from safetensors.numpy import load_file

EPSILON = 1e-3                              # of Keras' BatchNorm
MEAN_BGR = np.array([103.939, 116.779, 123.68])
STAGES = {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}
GRADIENT_TOLERANCE = 0.9                    # what 16 bits both ways do is far off, and may be shown beside its error
LOGITS_TOLERANCE = 0.1
LEAST_CALLS = 3
SLOW = 2.0                                  # seconds a call from which one call a round is enough


@dataclasses.dataclass
class Conv:
    """One convolution, with the BatchNorm after it folded in; in float64."""
    kernel: np.ndarray                      # rows, columns, in, out
    bias: np.ndarray
    stride: int
    pad: int


class Network:
    """ResNet-50 of variant v1: a stage strides in its first 1x1."""

    def __init__(self, tensors):
        self.convs = {}
        self.fold(tensors, "conv1", "bn_conv1", 2, 3)
        for stage, letters in STAGES.items():
            for letter in letters:
                name = f"{stage}{letter}"
                stride = 2 if letter == "a" and stage > 2 else 1
                for branch, step, pad in (("2a", stride, 0), ("2b", 1, 1), ("2c", 1, 0), ("1", stride, 0)):
                    if branch != "1" or letter == "a":
                        self.fold(tensors, f"res{name}_branch{branch}", f"bn{name}_branch{branch}", step, pad)
        self.dense = tensors["fc1000/kernel"].astype(np.float64), tensors["fc1000/bias"].astype(np.float64)

    def fold(self, tensors, name, norm, stride, pad):
        get = lambda tensor: tensors[tensor].astype(np.float64)
        scale = get(f"{norm}/gamma") / np.sqrt(get(f"{norm}/moving_variance") + EPSILON)
        bias = (get(f"{name}/bias") - get(f"{norm}/moving_mean")) * scale + get(f"{norm}/beta")
        self.convs[name] = Conv(get(f"{name}/kernel") * scale, bias, stride, pad)


def forward(ops, x):
    """The network in terms of `ops`: conv(x, name), relu, pool (3x3, stride 2, border 1), add, and head (mean, dense)."""
    # Behind a ReLU, Keras' border of zeros and one of minus infinity give the same maxima and gradients.
    x = ops.pool(ops.relu(ops.conv(x, "conv1")))
    for stage, letters in STAGES.items():
        for letter in letters:
            name = f"res{stage}{letter}_branch"
            y = ops.relu(ops.conv(x, name + "2a"))
            y = ops.relu(ops.conv(y, name + "2b"))
            y = ops.conv(y, name + "2c")
            x = ops.relu(ops.add(y, ops.conv(x, name + "1") if letter == "a" else x))
    return ops.head(x)


def preprocess(rgb):
    """Keras' preprocessing: BGR with its means taken off, in float64."""
    return rgb.astype(np.float64)[..., ::-1] - MEAN_BGR


class Photographs:
    """The golden photographs: inputs [n, 224, 224, 3], and what float64 says about them."""

    def __init__(self, path):
        files = [path]
        if os.path.isdir(path):
            files = [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".safetensors")]
        golden = [load_file(file) for file in files]
        self.names = [os.path.splitext(os.path.basename(file))[0] for file in files]
        self.inputs = np.stack([preprocess(g["rgb"]) for g in golden]).astype(np.float32)
        self.targets = np.array([g["targets"][0] for g in golden])
        self.logits = np.stack([g["logits"] for g in golden])
        self.gradients = np.stack([g["grad_top1"] for g in golden]).astype(np.float64)

    def batches(self, size):
        """Which photographs go together so that each is in some batch; they repeat where there are too few."""
        count = len(self.names)
        return [[(at + i) % count for i in range(size)] for at in range(0, count, size)]


def relative_error(found, wanted):
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


@dataclasses.dataclass
class Prepared:
    """What is timed is `run(place(inputs, targets))`, without the `place`."""
    place: Callable                         # float32 [n, 224, 224, 3] and classes -> arguments in the peer's own layout
    run: Callable                           # arguments -> result, which is there when it returns
    read: Callable                          # result -> logits [n, 1000] or None, gradient [n, 224, 224, 3] or None


@dataclasses.dataclass
class Case:
    """One way to ask a peer for something."""
    what: str                               # forward or gradient (which is forward and back)
    precision: str
    mode: str
    batch: int
    make: Callable                          # () -> Prepared: loads, compiles
    extra: dict = dataclasses.field(default_factory=dict)

    def id(self):
        return f"{self.what}/{self.precision}/{self.mode}/{self.batch}"


def check(prepared, photos, batch, what):
    """Errors of a case over all photographs; raises if they are too large. Returns also the arguments to time."""
    logits, gradients, timed = [], [], None
    for chosen in photos.batches(batch):
        args = prepared.place(photos.inputs[chosen], photos.targets[chosen])
        timed = args if timed is None else timed
        found, gradient = prepared.read(prepared.run(args))
        for row, photo in enumerate(chosen):
            if found is not None:
                logits.append(relative_error(np.asarray(found[row], np.float64), photos.logits[photo]))
            if gradient is not None:
                gradients.append(relative_error(np.asarray(gradient[row], np.float64), photos.gradients[photo]))
    errors = {}
    for name, found, most in (("logits", logits, LOGITS_TOLERANCE), ("gradient", gradients, GRADIENT_TOLERANCE)):
        if found:
            # A NaN is no maximum: every one is looked at.
            wrong = [error for error in found if not error <= most]
            if wrong:
                raise ValueError(f"wrong: relative error of {name} {wrong[0]:.1e}, allowed is {most:g}")
            errors[name] = {"median": statistics.median(found), "worst": max(found)}
    if not errors or what == "gradient" and not gradients:
        raise ValueError("nothing was checked")
    return errors, timed


def times_ms(run, args, seconds):
    """Times of single calls after one that does not count."""
    begin = time.perf_counter()
    run(args)
    least = 1 if time.perf_counter() - begin > SLOW else LEAST_CALLS
    times, begin = [], time.perf_counter()
    while len(times) < least or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run(args)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def prepare(peer, args):
    """Every case that the arguments ask for, checked, and what is timed for those that hold."""
    net, photos = Network(load_file(args.weights)), Photographs(args.golden)
    described, ready = [], {}
    wanted = lambda case: all(not chosen or str(value) in chosen.split(",") for chosen, value in (
        (args.what, case.what), (args.precision, case.precision), (args.mode, case.mode), (args.batch, case.batch)))
    for case in filter(wanted, peer.cases(net, args)):
        row = {"id": case.id(), "what": case.what, "precision": case.precision, "mode": case.mode, "batch": case.batch}
        begin = time.perf_counter()
        try:
            prepared = case.make()
            errors, timed = check(prepared, photos, case.batch, case.what)
            ready[case.id()] = prepared, timed
            row |= {"errors": errors, "prepared_s": time.perf_counter() - begin}
        except Exception as problem:                    # one case that fails leaves the others standing
            row |= {"skipped": f"{type(problem).__name__}: {problem}".splitlines()[0][:200]}
        print(json.dumps(row), file=sys.stderr, flush=True)
        described.append(row)
    about = {"peer": peer.name, "versions": peer.versions(), "isa": peer.isa(), "photographs": photos.names, "cases": described}
    return about, ready


def serve(about, ready, replies):
    print(json.dumps(about), file=replies, flush=True)
    for line in sys.stdin:
        name, seconds = line.rsplit(maxsplit=1)
        prepared, timed = ready[name]
        print(json.dumps({"id": name, "ms": times_ms(prepared.run, timed, float(seconds))}), file=replies, flush=True)


def alone(about, ready, args, replies):
    cases = {case["id"]: case | {"rounds": []} for case in about["cases"]}
    for _ in range(args.rounds):
        for name, (prepared, timed) in ready.items():
            cases[name]["rounds"].append(statistics.median(times_ms(prepared.run, timed, args.seconds)) / cases[name]["batch"])
    if args.json:
        print(json.dumps(about | {"cases": list(cases.values())}), file=replies)
        return
    for name, case in cases.items():
        said = case.get("skipped")
        if said is None:
            rounds = case["rounds"]
            errors = ", ".join(f"{k} error {e['median']:.1e} / {e['worst']:.1e}" for k, e in case["errors"].items())
            said = f"{statistics.median(rounds):.1f} ms an image ({min(rounds):.1f}-{max(rounds):.1f}), {errors}"
        print(f"{name}: {said}", file=replies)


def main(peer):
    # Libraries print what they like; only what is meant as a reply goes to standard output.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    parser = argparse.ArgumentParser(description=peer.__doc__)
    parser.add_argument("--weights", required=True, help="safetensors with the names of Keras' ResNet-50")
    parser.add_argument("--golden", required=True, help="a golden file, or a folder of them")
    parser.add_argument("--batch", default="1,8", help="batch sizes, with commas")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--what", default="", help="forward, gradient; without it both")
    parser.add_argument("--precision", default="", help="f32, bf16; without it all")
    parser.add_argument("--mode", default="", help="only these modes")
    parser.add_argument("--onnx", default="target/peers/onnx", help="folder of the exported networks, for peers that read ONNX")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each case in each round")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help="be measured by run.py")
    args = parser.parse_args()
    args.batches = [int(n) for n in args.batch.split(",")]
    about, ready = prepare(peer, args)
    serve(about, ready, replies) if args.serve else alone(about, ready, args, replies)


def cpu_isa():
    """The widest vector instructions that the processor shows."""
    flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split()
    named = (("AMX", "amx_tile"), ("AVX-512", "avx512f"), ("AVX2", "avx2"))
    return "processor has " + next((name for name, flag in named if flag in flags), "no AVX2")
