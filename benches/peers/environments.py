"""Builds what the peers need, once: virtual environments, the Rust peers, the network as ONNX."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RUST = HERE / "rust"


class Missing(Exception):
    """Why a peer cannot run."""


def run(command, **options):
    print("+", " ".join(str(c) for c in command), file=sys.stderr, flush=True)
    done = subprocess.run([str(c) for c in command], stdout=sys.stderr, **options)
    if done.returncode != 0:
        raise Missing(f"`{Path(str(command[0])).name} {command[1]} ...` failed with exit code {done.returncode}")


class Environments:
    """Everything lies in `folder` and is made again only when what it is made from changes."""

    def __init__(self, folder, weights, batches, isa):
        self.folder, self.weights, self.batches = Path(folder).resolve(), weights, batches
        self.processor = "native" if isa == "best" else "x86-64-v3"
        self.known = {}

    def once(self, name, make):
        """The answer of the first time; a failure too is not tried again."""
        if name not in self.known:
            try:
                self.known[name] = make()
            except (Missing, OSError) as problem:
                self.known[name] = Missing(str(problem))
        if isinstance(self.known[name], Missing):
            raise self.known[name]
        return self.known[name]

    def python(self, name):
        """The interpreter of a virtual environment with `requirements/NAME.txt`."""
        return self.once(name, lambda: self.make_python(name))

    def make_python(self, name):
        wanted = (HERE / "requirements" / f"{name}.txt").read_text() + f"python {sys.version}\n"
        venv, stamp = self.folder / "venvs" / name, self.folder / "venvs" / f"{name}.stamp"
        python = venv / "bin" / "python"
        if not stamp.exists() or stamp.read_text() != wanted or not python.exists():
            shutil.rmtree(venv, ignore_errors=True)
            stamp.unlink(missing_ok=True)
            run([sys.executable, "-m", "venv", venv])
            run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                 "-r", HERE / "requirements" / f"{name}.txt"])
            stamp.write_text(wanted)
        return python

    def rust(self, name, tuned=True):
        """A program of the Rust workspace beside this file; `tuned`: compiled for the very processor."""
        def build():
            target, environment = self.folder / "rust", dict(os.environ)
            if tuned:
                target = self.folder / f"rust-{self.processor}"
                environment["RUSTFLAGS"] = f"-C target-cpu={self.processor}"
            # Each by itself, so that a peer that does not build leaves the others standing.
            run(["cargo", "build", "--release", "--locked", "--manifest-path", RUST / "Cargo.toml", "--package", f"peer-{name}",
                 "--target-dir", target], env=environment)
            return target / "release" / f"peer-{name}"
        return self.once(f"rust {name}", build)

    def onnx(self):
        """The folder of the exported networks."""
        def export():
            folder, stamp = self.folder / "onnx", self.folder / "onnx" / "stamp"
            script = HERE / "export_onnx.py"
            wanted = f"{self.weights.stat()} {self.batches} {script.read_text()}"
            if not stamp.exists() or stamp.read_text() != wanted:
                run([self.python("onnx"), script, "--weights", self.weights, "--batch",
                     ",".join(map(str, self.batches)), folder])
                stamp.write_text(wanted)
            return folder
        return self.once("the exported networks", export)
