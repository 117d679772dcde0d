"""What every peer is given and asked: the work of `nca bench step`, the oracle, a line of JSON.

A peer is one file per framework, and hands over a Framework; everything that must be alike between
frameworks stands here.
"""
import argparse
import collections
import json
import math
import os
import platform
import resource
import statistics
import sys
import time

import numpy as np
from safetensors import safe_open

from variants import EVERY, EVERY_PRECISION, NO_DEVICE, PRECISIONS, VARIANTS

CHANNELS, HIDDEN, ALPHA = 16, 128, 3
ALIVE_THRESHOLD = 0.1
RATE, BETA1, BETA2, EPSILON, NORM_EPSILON = 2e-3, 0.9, 0.999, 1e-7, 1e-8
WEIGHTS = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 8

# name            of the framework, as variants.py has it
# versions        of its packages
# open_device     (options) -> the device's name; raises NoDevice where there is none
# set_precision   (options, precision): of matrix products and convolutions from here on
# make_step       (options, weights, states, target) -> a train step, and the last states it reached
# run_rollout     (options, tensors, metadata) -> tensors of an oracle case
# run_adam        (options, tensors, metadata) -> the same, of an optimizer case
# synchronize     waits for the device
# peak_device_mb  10^6 bytes of the device's memory at the most; None on a CPU
Framework = collections.namedtuple(
    "Framework", "name versions open_device set_precision make_step run_rollout run_adam "
                 "synchronize peak_device_mb work")
# What is timed.
# draw             (options, random numbers) -> weights, states and target, as make_step takes them
# active_fraction  (states, fire rate) -> the share of cells that live and fire
Work = collections.namedtuple("Work", "draw active_fraction")


class NoDevice(Exception):
    pass


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def peak_rss_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- the train step to be timed -----------------------------------------------------------------
def draw_weights(rng):
    """A rule that changes little, so that the disc stays a disc."""
    sizes = {"hidden.weight": 0.14, "hidden.bias": 0.05, "output.weight": 2e-3, "output.bias": 0}
    shapes = ((HIDDEN, 3 * CHANNELS), (HIDDEN,), (CHANNELS, HIDDEN), (CHANNELS,))
    return {name: (sizes[name] * rng.uniform(-1, 1, shape)).astype(np.float32)
            for name, shape in zip(WEIGHTS, shapes)}


def draw_discs(rng, batch, grid, radius):
    """[B,H,W,C]: alpha 1 inside the disc, the other channels small; zero outside."""
    y, x = np.mgrid[0:grid, 0:grid] - (grid - 1) / 2
    inside = (np.hypot(y, x) < radius)[None, :, :, None]
    states = rng.uniform(-0.5, 0.5, (batch, grid, grid, CHANNELS)) * inside
    states[..., ALPHA] = inside[..., 0]
    return states.astype(np.float32)


def neighbourhood(alpha):
    """[B,H,W] -> the largest value within the 3x3 neighbourhood, as far as the grid goes."""
    height, width = alpha.shape[1:]
    padded = np.pad(alpha, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    return np.max([padded[:, i:i + height, j:j + width] for i in range(3) for j in range(3)], 0)


def active_fraction(states, fire_rate):
    """Of the cells of a batch: those that are alive, times the share of them that fires."""
    return float((neighbourhood(states[..., ALPHA]) > ALIVE_THRESHOLD).mean() * fire_rate)


def radius_of(active, fire_rate, grid):
    """The disc, one cell wider for the alive mask, has the asked share of active cells."""
    return math.sqrt(active / fire_rate * grid * grid / math.pi) - 1


def draw_growing(options, rng):
    weights = draw_weights(rng)
    states = draw_discs(rng, options.batch, options.grid,
                        radius_of(options.active, options.fire_rate, options.grid))
    return weights, states, rng.uniform(0, 1, (options.grid, options.grid, 4)).astype(np.float32)


GROWING = Work(draw_growing, active_fraction)


def time_steps(step, synchronize, warmup, repeats):
    """Milliseconds of each step, and of the first one, which compiles."""
    spent = []
    for _ in range(1 + warmup + repeats):
        synchronize()
        began = time.perf_counter()
        step()
        synchronize()
        spent.append(1e3 * (time.perf_counter() - began))
    return spent[1 + warmup:], spent[0]


def bench(framework, options, device_name):
    imported_mb = peak_rss_mb()
    precision, = options.precision
    framework.set_precision(options, precision)
    rng = np.random.default_rng(options.seed)
    weights, states, target = framework.work.draw(options, rng)
    step, rollout_end = framework.make_step(options, weights, states, target)
    spent, first = time_steps(step, framework.synchronize, options.warmup, options.repeats)
    peak_mb, peak_device_mb = peak_rss_mb(), framework.peak_device_mb()
    print(json.dumps({
        "framework": framework.name, "variant": options.variant, "device": device_name,
        "precision": precision, "batch": options.batch, "grid": [options.grid] * 2,
        "steps": options.steps,
        "median_ms": statistics.median(spent), "min_ms": min(spent), "max_ms": max(spent),
        "first_ms": first, "repeats": options.repeats, "peak_rss_mb": peak_mb,
        "imported_rss_mb": imported_mb, "peak_device_mb": peak_device_mb,
        "active_fraction": [framework.work.active_fraction(states, options.fire_rate),
                            framework.work.active_fraction(rollout_end(), options.fire_rate)],
        "threads": options.threads, "python": platform.python_version(),
        "versions": framework.versions}))


# --- the oracle -----------------------------------------------------------------------------------
def read_case(path):
    with safe_open(path, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()


def relative_error(got, expected):
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    norm = np.linalg.norm(expected)
    return np.linalg.norm(got - expected) / (norm if norm > 0 else 1)


def check_case(path, framework, options):
    """Runs a case; its worst tensor: name, error and allowance, as the oracle's README sets it."""
    tensors, metadata = read_case(path)
    is_adam = "learning_rate" in tensors
    found = (framework.run_adam if is_adam else framework.run_rollout)(options, tensors, metadata)
    worst = ("", 0.0, 1e-5)
    for name in (n for n in tensors if n.startswith("expected.")):
        error = relative_error(found[name.removeprefix("expected.")], tensors[name])
        allowed = max(1e-5, 10 * float(metadata.get("float32_error." + name, 0)))
        if not error / allowed <= worst[1] / worst[2]:
            worst = (name, error, allowed)
    return worst


def is_of_use(path):
    """Rollouts, and optimizer cases of the recipe that is timed: normalized, nothing clipped."""
    _, metadata = read_case(path)
    if "clip" not in metadata:
        return True
    return int(metadata["normalize"]) == 1 and float(metadata["clip"]) == 0


def check(framework, options):
    """Allowances are those of f32; errors of less than f32 are reported and cannot fail."""
    failed = 0
    for precision in options.precision:
        framework.set_precision(options, precision)
        for path in (p for p in options.check if is_of_use(p)):
            name, error, allowed = check_case(path, framework, options)
            is_right = error <= allowed
            failed += precision == "f32" and not is_right
            verdict = ("ok" if is_right else "FAILED") if precision == "f32" else "reported only"
            print(f"{framework.name:6s}{options.variant:22s}{precision:5s}"
                  f"{os.path.basename(path):40s}{verdict:14s}worst {name or '-'} {error:.1e} of "
                  f"{allowed:.1e}", flush=True)
    return 1 if failed else 0


# --- the command line -----------------------------------------------------------------------------
def positive(text):
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def parse(framework):
    variants = EVERY[framework]
    parser = Parser(prog=os.path.basename(sys.argv[0]),
                    description="Times one train step of an NCA; prints JSON.")
    parser.add_argument("--variant", choices=variants, default=variants[0])
    parser.add_argument("--device", choices=tuple(VARIANTS), default="cpu")
    parser.add_argument("--precision", choices=EVERY_PRECISION, nargs="+", default=["f32"],
                        help="one to time, one or more to check")
    parser.add_argument("--batch", type=positive, default=4)
    parser.add_argument("--grid", type=positive, default=56)
    parser.add_argument("--steps", type=positive, default=128)
    parser.add_argument("--active", type=float, default=0.22)
    parser.add_argument("--fire-rate", type=float, default=0.5)
    parser.add_argument("--repeats", type=positive, default=5)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--probe", action="store_true", help="name device and versions, and end")
    parser.add_argument("--check", nargs="+", metavar="CASE",
                        help="run these oracle cases instead of timing; exit 1 where one fails")
    options = parser.parse_args()
    for precision in options.precision:
        if framework not in PRECISIONS[options.device].get(precision, ()):
            parser.error(f"--precision {precision}: {framework} does not compute in it on "
                         f"{options.device}")
    return options


def run(framework, options):
    """Does what was asked; the exit code."""
    try:
        device_name = framework.open_device(options)
    except NoDevice as why:
        print(why, file=sys.stderr)
        return NO_DEVICE
    if options.probe:
        print(json.dumps({"device": device_name, "versions": framework.versions}))
    elif options.check:
        return check(framework, options)
    else:
        bench(framework, options, device_name)
    return 0
