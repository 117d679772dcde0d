"""What every peer is given and asked: the work of `nca bench step`, the oracle, a line of JSON.

A peer is one file per framework. It hands over a function that makes a train step and two that run
oracle cases; everything that must be alike between frameworks stands here.
"""
import argparse
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

from variants import VARIANTS

CHANNELS, HIDDEN, ALPHA = 16, 128, 3
ALIVE_THRESHOLD = 0.1
RATE, BETA1, BETA2, EPSILON, NORM_EPSILON = 2e-3, 0.9, 0.999, 1e-7, 1e-8
WEIGHTS = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 8


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


def time_steps(step, warmup, repeats):
    """Milliseconds of each step, and of the first one, which compiles."""
    spent = []
    for _ in range(1 + warmup + repeats):
        began = time.perf_counter()
        step()
        spent.append(1e3 * (time.perf_counter() - began))
    return spent[1 + warmup:], spent[0]


def bench(framework, options, make_step, versions):
    imported_mb = peak_rss_mb()
    rng = np.random.default_rng(options.seed)
    weights = draw_weights(rng)
    states = draw_discs(rng, options.batch, options.grid,
                        radius_of(options.active, options.fire_rate, options.grid))
    target = rng.uniform(0, 1, (options.grid, options.grid, 4)).astype(np.float32)
    step, rollout_end = make_step(options, weights, states, target)
    spent, first = time_steps(step, options.warmup, options.repeats)
    peak_mb = peak_rss_mb()
    print(json.dumps({
        "framework": framework, "variant": options.variant, "batch": options.batch,
        "grid": [options.grid] * 2, "steps": options.steps,
        "median_ms": statistics.median(spent), "min_ms": min(spent), "max_ms": max(spent),
        "first_ms": first, "repeats": options.repeats, "peak_rss_mb": peak_mb,
        "imported_rss_mb": imported_mb,
        "active_fraction": [active_fraction(states, options.fire_rate),
                            active_fraction(rollout_end(), options.fire_rate)],
        "threads": options.threads, "python": platform.python_version(), "versions": versions}))


# --- the oracle -----------------------------------------------------------------------------------
def read_case(path):
    with safe_open(path, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()


def relative_error(got, expected):
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    norm = np.linalg.norm(expected)
    return np.linalg.norm(got - expected) / (norm if norm > 0 else 1)


def check_case(path, variant, run_rollout, run_adam):
    """Runs a case; its worst tensor: name, error and allowance, as the oracle's README sets it."""
    tensors, metadata = read_case(path)
    if "learning_rate" in tensors:
        found = run_adam(tensors, metadata)
    else:
        found = run_rollout(variant, tensors, metadata)
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


def check(framework, options, run_rollout, run_adam):
    failed = 0
    for path in (p for p in options.check if is_of_use(p)):
        name, error, allowed = check_case(path, options.variant, run_rollout, run_adam)
        is_right = error <= allowed
        failed += not is_right
        print(f"{framework} {options.variant:20s} {os.path.basename(path):46s} "
              f"{'ok' if is_right else 'FAILED'}  worst {name or '-'} {error:.1e} of {allowed:.1e}")
    return 1 if failed else 0


# --- the command line -----------------------------------------------------------------------------
def positive(text):
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def parse(framework):
    variants = VARIANTS[framework]
    parser = Parser(prog=os.path.basename(sys.argv[0]),
                    description="Times one train step of a growing NCA; prints JSON.")
    parser.add_argument("--variant", choices=variants, default=variants[0])
    parser.add_argument("--batch", type=positive, default=4)
    parser.add_argument("--grid", type=positive, default=56)
    parser.add_argument("--steps", type=positive, default=128)
    parser.add_argument("--active", type=float, default=0.22)
    parser.add_argument("--fire-rate", type=float, default=0.5)
    parser.add_argument("--repeats", type=positive, default=5)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", nargs="+", metavar="CASE",
                        help="run these oracle cases instead of timing; exit 1 where one fails")
    return parser.parse_args()
