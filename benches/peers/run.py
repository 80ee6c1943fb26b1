#!/usr/bin/env python3
"""Measures Backlit and its peers side by side, in turns, each beside its error.

    python3 benches/peers/run.py                    # everything: builds what is missing, measures, writes the results
    python3 benches/peers/run.py --only backlit,pytorch --rounds 3
    python3 benches/peers/run.py --isa avx2         # everybody as on a processor without AVX-512
    python3 benches/peers/run.py --readme           # only writes README's table and picture from the newest results

README.md beside this file tells what is measured and how.
"""
import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from pathlib import Path

import readme
import report
from environments import HERE, ROOT, Environments, Missing
from worker import Failed, Worker

DROP = 1.5                                  # a mode that takes so many times its peer's best is measured once
RESULTS = ROOT / "benches" / "results"


def python(environment, script):
    return lambda made: [made.python(environment), HERE / script]


def rust(name, **options):
    return lambda made: [made.rust(name, **options)]


# By the name that --only takes: how it is started, and whether it reads the network as ONNX. Backlit is first: the
# others are compared with it. It is built as users build it, for any processor; the other Rust peers for this one.
PEERS = {
    "backlit": (rust("ours", tuned=False), False),
    "pytorch": (python("torch", "with_pytorch.py"), False),
    "tensorflow": (python("tensorflow", "with_tensorflow.py"), False),
    "jax": (python("jax", "with_jax.py"), False),
    "onnxruntime": (python("onnx", "with_onnxruntime.py"), True),
    "openvino": (python("onnx", "with_openvino.py"), True),
    "candle": (rust("candle"), False),
    "rten": (rust("rten"), True),
}


def start(args, made):
    """A worker for every peer that can be had, and why the others cannot."""
    workers, skipped = {}, {}
    for name in args.only.split(","):
        command, onnx = PEERS[name]
        try:
            command = command(made) + ["--weights", args.weights, "--golden", args.golden, "--batch", args.batch,
                                       "--threads", args.threads, "--serve"]
            command += ["--onnx", made.onnx()] if onnx else []
            command += [f"--{key}={getattr(args, key)}" for key in ("what", "precision") if getattr(args, key) and name != "backlit"]
            print(f"preparing {name}", file=sys.stderr, flush=True)
            workers[name] = Worker(command, args.threads, args.isa)
        except (Missing, Failed, OSError) as problem:
            skipped[name] = str(problem)
            print(f"skipped {name}: {problem}", file=sys.stderr, flush=True)
    return workers, skipped


def in_turns(workers):
    """All cases, those of one kind and batch beside each other, so that what is compared is close in time."""
    cases = [(name, case) for name, worker in workers.items() for case in worker.about["cases"] if "skipped" not in case]
    order = lambda item: (item[1]["what"], item[1]["batch"])
    return sorted(cases, key=order)         # stable: peers stay in their order


def measure(args, workers):
    """For every case its rounds: the median of each in ms an image, and all single times."""
    turns = in_turns(workers)
    for _, case in turns:
        case |= {"rounds": [], "calls_ms": []}
    dropped = set()
    for i in range(args.rounds):
        for name, case in turns:
            if name not in workers or (name, case["id"]) in dropped:
                continue
            try:
                times = workers[name].measure(case["id"], args.seconds)
            except (Failed, OSError) as problem:
                print(f"{name} died: {problem}", file=sys.stderr, flush=True)
                workers.pop(name).close()
                continue
            case["rounds"].append(statistics.median(times) / case["batch"])
            case["calls_ms"].append([round(ms, 3) for ms in times])
            print(f"round {i + 1}: {name} {case['id']}: {case['rounds'][-1]:.1f} ms an image", file=sys.stderr, flush=True)
        dropped |= slow_modes(turns)


def slow_modes(turns):
    """Modes that cannot become their peer's best any more."""
    best = {}
    key = lambda name, case: (name, case["what"], case["precision"], case["batch"])
    for name, case in turns:
        if case["rounds"]:
            best[key(name, case)] = min(best.get(key(name, case), float("inf")), min(case["rounds"]))
    return {(name, case["id"]) for name, case in turns
            if case["rounds"] and min(case["rounds"]) > DROP * best[key(name, case)]}


def git(*args):
    done = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def commit():
    found = git("rev-parse", "--short=12", "HEAD")
    return "unknown" if found is None else found + (" with uncommitted changes" if git("status", "--porcelain", "-uno") else "")


def processor():
    info = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*:\s*(.*)$", info.read_text() if info.exists() else "", re.M)
    return " ".join(named[1].split()) if named else platform.machine()


def save(path, text):
    """Whole or not at all."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text)
    os.replace(part, path)
    print(f"written: {path}", file=sys.stderr)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PEERS), help="of " + ", ".join(PEERS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each case in each round, and at least three calls")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--what", default="", help="of the peers only: forward or gradient")
    parser.add_argument("--precision", default="", help="of the peers only: f32 or bf16")
    parser.add_argument("--isa", choices=("best", "avx2"), default="best")
    parser.add_argument("--weights", type=Path, default=ROOT / "weights" / "keras-resnet50-v1.safetensors")
    golden = os.environ.get("BACKLIT_GOLDEN", ROOT / "tests" / "golden" / "chelsea.safetensors")
    parser.add_argument("--golden", type=Path, default=golden, help="a golden file, or a folder of them")
    parser.add_argument("--folder", type=Path, default=ROOT / "target" / "peers", help="for what is built")
    parser.add_argument("--out", type=Path, default=RESULTS, help="for DATE-PROCESSOR-peers.md and .json")
    parser.add_argument("--readme", action="store_true", help="measures nothing, writes README's table and picture")
    parser.add_argument("--from", type=Path, dest="source", help="with --readme: results other than the newest")
    args = parser.parse_args()
    unknown = set(args.only.split(",")) - set(PEERS)
    if unknown:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    if not args.readme and not args.weights.exists():
        parser.error(f"{args.weights} is missing: `cargo run --release -- weights fetch` brings it")
    if not args.readme and not args.golden.exists():
        parser.error(f"{args.golden} is missing")
    return args


def main():
    args = arguments()
    if args.readme:
        readme.write(args.source or readme.newest(RESULTS))
        return
    made = Environments(args.folder, args.weights, [int(n) for n in args.batch.split(",")], args.isa)
    workers, skipped = start(args, made)
    abouts = {name: worker.about for name, worker in workers.items()}
    measure(args, workers)
    for worker in workers.values():
        worker.close()
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    found = {
        "date": today, "processor": processor(), "threads": args.threads, "commit": commit(), "isa": args.isa,
        "rounds": args.rounds, "seconds": args.seconds, "network": "ResNet-50 v1, Keras weights, BatchNorm folded",
        "python": platform.python_version(), "system": platform.platform(), "peers": abouts, "skipped": skipped}
    slug = "-".join(re.findall(r"[a-z0-9]+", found["processor"].lower()))
    name = f"{today}-{slug}-peers" + ("" if args.isa == "best" else f"-{args.isa}")
    args.out.mkdir(parents=True, exist_ok=True)
    # A line for every list of numbers.
    lists = re.compile(r"\[[-0-9.e+,\s]*\]")
    save(args.out / f"{name}.json", lists.sub(lambda m: " ".join(m[0].split()), json.dumps(found, indent=1)) + "\n")
    text = report.markdown(found)
    save(args.out / f"{name}.md", text)
    print(text)


if __name__ == "__main__":
    main()
