"""One peer in a process of its own, which prepares and checks its cases and then waits for its turns."""
import json
import os
import subprocess
import tempfile
import time

PREPARE_S = 3600                            # compilers take minutes a case
PAUSE_S = 0.3                               # threads that wait for more work give up within it


def environment(threads, isa):
    """What tells libraries how many threads to use, and which instructions."""
    n = str(threads)
    found = dict(os.environ) | {
        "OMP_NUM_THREADS": n, "MKL_NUM_THREADS": n, "RAYON_NUM_THREADS": n, "RTEN_NUM_THREADS": n,
        "PYTHONDONTWRITEBYTECODE": "1"}
    if isa == "avx2":
        found |= {"BACKLIT_ISA": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
                  "DNNL_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
                  "XLA_FLAGS": (os.environ.get("XLA_FLAGS", "") + " --xla_cpu_max_isa=AVX2").strip()}
    return found


class Failed(Exception):
    """What a worker died of."""


class Worker:
    def __init__(self, command, threads, isa):
        self.log = tempfile.TemporaryFile("w+")
        # The same processors for everybody: some peers take a thread for each that they may use.
        processors = sorted(os.sched_getaffinity(0))[:threads]
        self.process = subprocess.Popen(
            [str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=environment(threads, isa), preexec_fn=lambda: os.sched_setaffinity(0, processors))
        self.about = self.reply()

    def reply(self):
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.log.seek(0)
            said = [text for text in self.log.read().splitlines() if text.strip()]
            raise Failed(f"exit code {code}: {said[-1][:200] if said else 'no output'}")
        return json.loads(line)

    def measure(self, case, seconds):
        """Times of single calls in ms."""
        time.sleep(PAUSE_S)
        self.process.stdin.write(f"{case} {seconds}\n")
        self.process.stdin.flush()
        return self.reply()["ms"]

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
