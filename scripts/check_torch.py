"""Proves that docs/nca_torch.py continues rollouts of nca: scripts/check_torch.sh runs it.

Rules are trained (and, where they are at hand, the article's published ones imported), each grows
by `nca run` into a .npy, and PyTorch goes on from several of its frames: with every cell firing,
and with nca's own fire bits, computed here from the description in include/nca/rng.h.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))
from nca_torch import NCA  # noqa: E402
from random_bits import check_philox, fire_mask  # noqa: E402

ALLOWED = 1e-5   # relative, over STEPS steps from each frame of STARTS
STEPS, STARTS = 16, (0, 13, 40)
SEED = 20261124 << 16   # beyond 32 bits, so that both words of the key count


def nca(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"check_torch: nca {arguments[0]}: {done.stderr.strip()}")


def go_on(rule, frames, start, seed, rate):
    """STEPS steps of PyTorch from frame `start`; the relative error to the frame of nca."""
    _, height, width, _ = frames.shape
    x = torch.tensor(frames[start])[None]
    with torch.no_grad():
        for step in range(start, start + STEPS):
            x = rule(x, torch.tensor(fire_mask(seed, step, height, width, rate))[None])
    expected = frames[start + STEPS].astype(np.float64)
    return np.linalg.norm(x[0].double().numpy() - expected) / np.linalg.norm(expected)


def check_rule(program, name, path, folder, size):
    rule, failed = NCA(path), 0
    for rate in (1.0, rule.fire_rate):
        film = folder / f"{name}-{rate:g}.npy"
        nca(program, "run", path, "--grid", size, "--steps", STARTS[-1] + STEPS, "--seed", SEED,
            "--fire-rate", rate, "--output", film, "--threads", 1)
        frames = np.load(film)
        assert (frames[-1][..., 3] > 0.1).sum() > 4, f"{name}: nothing grew"
        for start in STARTS:
            error = go_on(rule, frames, start, SEED, rate)
            failed += not error <= ALLOWED
            print(f"{name:28s} fire rate {rate:g}  frame {start:2d} to {start + STEPS:2d}  "
                  f"error {error:.1e} of {ALLOWED:.0e}  {'ok' if error <= ALLOWED else 'FAILED'}")
    # A check that cannot fail proves nothing: the masks of the next seed must lead elsewhere.
    if go_on(rule, frames, STARTS[-1], SEED + 1, rule.fire_rate) < 100 * ALLOWED:
        print(f"{name:28s} other fire masks change nothing  FAILED")
        failed += 1
    return failed


def check_others_are_refused(program, folder):
    """Rules of another kind than the article's: the module must not run them as if they were it."""
    failed = 0
    for setting in (("--perception", "summed"), ("--alive", "everywhere"), ("--noise", 0.01),
                    ("--hidden2", 8)):
        out = folder / f"other{setting[0]}"
        nca(program, "train", "--target-size", 6, "--padding", 2, "--batch", 2, "--damaged", 0,
            "--pool", 4, "--steps-min", 2, "--steps-max", 2, "--updates", 1, "--threads", 1,
            "--quiet", *setting, "--out", out)
        try:
            NCA(out / "model.safetensors")
            print(f"a rule of {setting[0]} {setting[1]} is not refused  FAILED")
            failed += 1
        except ValueError as error:
            print(f"refused: {error}")
    return failed


def make_rules(program, folder, published):
    """Name, file and grid of each rule: one as the presets have it, one of another shape."""
    common = ("--preset", "growing", "--target-size", 10, "--padding", 4, "--steps-min", 16,
              "--steps-max", 24, "--updates", 60, "--threads", 1, "--quiet")
    nca(program, "train", *common, "--out", folder / "plain")
    nca(program, "train", *common, "--angle", 30, "--step-size", 0.5, "--channels", 12,
        "--hidden", 32, "--fire-rate", 0.75, "--out", folder / "turned")
    yield "trained", folder / "plain/model.safetensors", "18"
    yield "trained, 12 channels, turned", folder / "turned/model.safetensors", "21x17"
    for source in sorted(published.glob("*.json")):
        nca(program, "import", source, "-o", folder / f"{source.stem}.safetensors")
        yield source.stem, folder / f"{source.stem}.safetensors", "40x44"


def main():
    parser = argparse.ArgumentParser(description="Continues rollouts of nca in PyTorch.")
    parser.add_argument("program", help="nca, built")
    parser.add_argument("--published", type=pathlib.Path, metavar="DIR",
                        default=ROOT / "../shared/data/published_models", help="rules to import")
    options = parser.parse_args()
    torch.set_num_threads(1)
    check_philox()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        failed = sum(check_rule(options.program, rule, path, folder, size)
                     for rule, path, size in make_rules(options.program, folder, options.published))
        failed += check_others_are_refused(options.program, folder)
    print("docs/nca_torch.py continues every rollout" if not failed else f"{failed} checks failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
