"""Runs of the peers and of nca, each a process of its own with a time limit, for compare.py."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from asked import IS_PACK, ROOT, computes
from variants import FILES

LIMIT_S = {"cpu": 1800, "cuda": 300}   # of one run
PROBE_LIMIT_S = 120                    # of a framework that is only imported
WARMUP = {"cpu": 1, "cuda": 5}         # a GPU's clocks rise within the first steps
# They tell a library to take a slower kernel, or another precision than the one asked for.
MISLEADING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NVIDIA_TF32_OVERRIDE",
              "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "JAX_DEFAULT_MATMUL_PRECISION")
SHOWN = 80                             # characters of an answer that is not understood
PR_SET_PDEATHSIG = 1                   # <linux/prctl.h>: a signal when the parent ends


class Failure(Exception):
    """Of a run; done: how it ended, where it did."""

    def __init__(self, text, done=None):
        super().__init__(text)
        self.done = done


def last_line(done):
    return ((done.stdout + done.stderr).strip().splitlines() or ["no word"])[-1]


class TimeIsUp(Exception):
    pass


# --- what a run answers ---------------------------------------------------------------------------
def is_number(value):
    return type(value) in (int, float) and abs(value) < 1e300   # neither NaN nor infinite


def is_positive(value):
    return is_number(value) and value > 0


def is_number_or_none(value):
    return value is None or is_number(value)


# What must be in an answer, or may be as None, and how it is recognized.
OF_PROBE = {"device": lambda value: isinstance(value, str),
            "versions": lambda value: isinstance(value, dict)}
OF_PEER = {"median_ms": is_positive, "peak_rss_mb": is_number, "peak_device_mb": is_number_or_none}
OF_NCA = {**OF_PEER, "active_fraction": is_number}


def read_answer(who, text, fields):
    """The object that text is; Failure where it is none, or one of its fields is missing or odd."""
    try:
        answer, fault = json.loads(text), "no JSON object"
    except (ValueError, RecursionError):
        answer, fault = None, "no JSON"
    if isinstance(answer, dict):
        wrong = [name for name, is_right in fields.items() if not is_right(answer.get(name))]
        if not wrong:
            return answer
        fault = f"no usable {', '.join(wrong)}"
    said = " ".join(text.split())
    shown = repr(said if len(said) <= SHOWN else said[:SHOWN] + "...") if said else "nothing"
    raise Failure(f"{who}answered {shown}: {fault}")


# --- a run ----------------------------------------------------------------------------------------
def make_prepare(cores):
    """What a run does before its program starts: it keeps to its cores, and ends with us."""
    try:
        import ctypes   # a Python that was built without libffi has none
        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        prctl = None

    def prepare():
        if prctl:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if cores:
            os.sched_setaffinity(0, cores)
    return prepare


def end_group(process):
    """Ends a run and whatever it started: that would disturb the runs to come."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:   # nothing is left of it
        pass
    process.wait()


def run_in_group(command, environment, limit_s, cores):
    """Like subprocess.run(), in a session of its own, which ends with it."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
                          env=environment, start_new_session=True,
                          preexec_fn=make_prepare(cores)) as process:
        try:
            output = process.communicate(timeout=limit_s)
        finally:
            end_group(process)
    return subprocess.CompletedProcess(command, process.returncode, *output)


class Clock:
    """Says whether a run is likely to end in time: by what it took before, or else by the longest
    of the same peer, or else of the same framework."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds if seconds else float("inf")
        self.took = {}   # seconds of a run, by what it was: framework first, peer last

    def left(self):
        return self.end - time.monotonic()

    def likely(self, what):
        of_peer = [took for other, took in self.took.items() if other[-1] == what[-1]]
        of_framework = [took for other, took in self.took.items() if other[0] == what[0]]
        return self.took.get(what) or max(of_peer or of_framework, default=0)

    def time(self, what, action):
        """What action() gives; TimeIsUp where it would not end in time."""
        if self.likely(what) > self.left():
            raise TimeIsUp
        began = time.monotonic()
        try:
            return action()
        finally:
            self.took[what] = time.monotonic() - began


class Runner:
    def __init__(self, options):
        self.options = options
        self.clock = Clock(options.seconds)

    def environment(self):
        """The one device, and compiled code kept beside the build, where there is one."""
        found = {name: value for name, value in os.environ.items() if name not in MISLEADING}
        cache = pathlib.Path(tempfile.gettempdir()) if IS_PACK else ROOT / "build-peers"
        found.update(JAX_PLATFORMS=self.options.device, TF_CPP_MIN_LOG_LEVEL="2",
                     XLA_PYTHON_CLIENT_PREALLOCATE="false",
                     TORCHINDUCTOR_CACHE_DIR=str(cache / "inductor"))
        if self.options.device == "cpu":
            found["CUDA_VISIBLE_DEVICES"] = ""
        return found

    def run(self, command, environment, limit_s):
        cores = sorted(os.sched_getaffinity(0))[:self.options.threads]
        limit_s = max(min(limit_s, self.clock.left()), 0.1)
        try:
            done = run_in_group(command, environment, limit_s,
                                cores if self.options.is_pinned else None)
        except subprocess.TimeoutExpired:
            raise Failure(f"took more than {limit_s:.0f} s") from None
        except OSError as error:
            raise Failure(str(error)) from None
        if done.returncode != 0:
            raise Failure(f"exit code {done.returncode}: {last_line(done)}", done)
        return done.stdout

    def run_peer(self, framework, arguments, limit_s=None):
        device = self.options.device
        script = ROOT / "bench/peers" / FILES[framework]
        return self.run([self.options.python, str(script), "--device", device, "--threads",
                         str(self.options.threads), *arguments],
                        self.environment(), limit_s or LIMIT_S[device])

    def run_nca(self, arguments):
        """With the libraries that a pack has for nca, and only nca: Python has its own."""
        device, found = self.options.device, self.environment()
        libraries = self.options.nca.resolve().parent / "lib"
        if libraries.is_dir():
            found["LD_LIBRARY_PATH"] = ":".join(
                [str(libraries)] + [p for p in [found.get("LD_LIBRARY_PATH")] if p])
        on_cpu = ["--threads", str(self.options.threads)] if device == "cpu" else []
        return read_answer("nca ", self.run(
            [str(self.options.nca.absolute()), "bench", "step", "--device", device, "--json",
             *on_cpu, *arguments], found, LIMIT_S[device]), OF_NCA)

    def probe_peer(self, framework):
        """The framework's device and versions."""
        action = lambda: self.run_peer(framework, ["--probe"], PROBE_LIMIT_S)
        return read_answer("", self.clock.time((framework, "probe"), action), OF_PROBE)

    def probe_nca(self, precision):
        self.run_nca(["--precision", precision, "--batch", "1", "--grid", "8", "--steps", "1",
                      "--repeats", "1", "--warmup", "0"])

    def check_peer(self, peer, cases):
        """What the peer says of the oracle's cases, in every precision that is asked for."""
        precisions = [p for p in self.options.precision if computes(peer, p, self.options.device)]
        arguments = ["--variant", peer.variant, "--precision", *precisions, "--check", *cases]
        return self.clock.time((peer.framework, "check", peer),
                               lambda: self.run_peer(peer.framework, arguments))

    def time_pair(self, config, precision, peer, peer_is_first):
        """The results of the peer and of nca."""
        warmup = WARMUP[self.options.device]
        size = ["--batch", str(config.batch), "--grid", str(config.grid), "--steps",
                str(config.steps), "--active", str(config.active)]
        of_case = ["--case", "digits"] if config.work == "digits" else []
        of_peer = lambda: read_answer("", self.run_peer(peer.framework, [
            "--variant", peer.variant, "--precision", precision, *size,
            "--repeats", str(self.options.repeats), "--warmup", str(warmup)]), OF_PEER)
        of_nca = lambda: self.run_nca([
            "--precision", precision, *of_case, *size,
            "--repeats", str(2 * self.options.repeats - 1), "--warmup", str(1 + warmup)])

        def both():
            if peer_is_first:
                peer_result = of_peer()
                return peer_result, of_nca()
            nca_result = of_nca()
            return of_peer(), nca_result
        return self.clock.time((peer.framework, "pair", config, precision, peer), both)
