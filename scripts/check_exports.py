"""Proves what nca export writes by other programs: scripts/check_exports.sh runs it.

Every frame of rollouts by `nca run` goes one step through the exported ONNX graph, in ONNX Runtime,
with nca's own fire bits and noise; what comes out must be the next frame. TensorBoard reads the
numbers and pictures of a run.
"""
import argparse
import gzip
import json
import pathlib
import struct
import subprocess
import tempfile

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from random_bits import check_philox, fire_mask, noise

ROOT = pathlib.Path(__file__).parent.parent
ALLOWED = 1e-6   # of the largest number of a frame, in a step: both sides compute in float32
SEED, STEPS = 20261127 << 16, 24


def nca(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"check_exports: nca {arguments[0]}: {done.stderr.strip()}")


# name; channels, inputs, hidden layers, frozen; metadata beside fire rate, angle and step size
RULES = (
    ("sobel, turned", (12, 36, (32,), 0), {"angle_degrees": "30", "step_size": "0.5"}),
    ("sobel, everywhere", (8, 24, (16,), 0), {"alive": "everywhere", "fire_rate": "0.75"}),
    ("summed, noise", (8, 24, (16, 12), 0), {"perception": "summed", "noise": "0.02"}),
    ("moore, two layers", (8, 72, (24, 16), 0), {"perception": "moore", "alive": "everywhere"}),
    ("moore, frozen, channel", (12, 108, (20, 12), 1),
     {"perception": "moore", "alive": "channel", "frozen": "1", "noise": "0.02"}),
)


def make_rule(path, sizes, metadata):
    """A rule of random weights, small enough that states stay finite."""
    channels, inputs, hidden, frozen = sizes
    draw, tensors = np.random.default_rng(7), {}
    for name, units in zip(("hidden", "hidden2"), hidden):
        tensors[f"{name}.weight"] = draw.normal(0, inputs ** -0.5, (units, inputs))
        tensors[f"{name}.bias"] = draw.normal(0, 0.1, units)
        inputs = units
    tensors["output.weight"] = draw.normal(0, 0.2 * inputs ** -0.5, (channels - frozen, inputs))
    tensors["output.bias"] = draw.normal(0.02, 0.02, channels - frozen)
    usual = {"fire_rate": "0.5", "angle_degrees": "0", "step_size": "1"}
    save_file({name: value.astype(np.float32) for name, value in tensors.items()}, path,
              metadata={**usual, **metadata})


def make_digits(folder):
    """Ten pictures in the files of MNIST's test set, for a rule with a frozen channel."""
    pictures = np.zeros((10, 28, 28), np.uint8)
    for i, picture in enumerate(pictures):
        picture[4:24, 6 + i:10 + i] = picture[6:10, 4:24] = 255
    folder.mkdir()
    for name, magic, values in (("images-idx3", 2051, pictures),
                                ("labels-idx1", 2049, np.arange(10, dtype=np.uint8))):
        head = struct.pack(f">{1 + values.ndim}i", magic, *values.shape)
        with gzip.open(folder / f"t10k-{name}-ubyte.gz", "wb") as file:
            file.write(head + values.tobytes())


def check_onnx(program, name, rule, folder, options=()):
    """The largest error of a step over all frames, relative to the frame's largest number."""
    graph, film = folder / "rule.onnx", folder / "film.npy"
    nca(program, "export", rule, "-o", graph, "--force")
    nca(program, "run", rule, "--steps", STEPS, "--seed", SEED, "--output", film, "--force",
        "--threads", 1, *options)
    model = onnx.load(graph)
    onnx.checker.check_model(model, full_check=True)
    facts = {pair.key: float(pair.value) for pair in model.metadata_props}
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    inputs = {value.name: value.shape for value in session.get_inputs()}
    frames, worst, moved = np.load(film), 0, 0
    height, width = frames.shape[1:3]
    for step, (state, expected) in enumerate(zip(frames, frames[1:])):
        fire = fire_mask(SEED, step, height, width, facts["fire_rate"]).astype(np.float32)
        given = {"state": np.stack([state] * 2), "fire": np.stack([fire] * 2)}
        if "noise" in inputs:
            given["noise"] = np.stack([noise(SEED, step, height, width, inputs["noise"][3],
                                             facts["noise"])] * 2)
        found = session.run(None, given)[0]
        worst = max(worst, np.abs(found - expected).max() / np.abs(expected).max())
        moved = max(moved, np.abs(found - state).max())
    is_right = worst <= ALLOWED and moved > 0.01
    print(f"onnx  {name:24s} {len(frames) - 1} steps of {height}x{width}: largest error "
          f"{worst:.1e} of {ALLOWED:.0e}  {'ok' if is_right else 'FAILED'}")
    return not is_right


def check_all_onnx(program, folder):
    failed = check_onnx(program, "lizard of the zoo", ROOT / "zoo/lizard.safetensors", folder)
    make_digits(folder / "digits")
    for name, sizes, metadata in RULES:
        rule = folder / "rule.safetensors"
        make_rule(rule, sizes, metadata)
        options = (("--task", "digits", "--data", folder / "digits") if sizes[3] else
                   ("--grid", "19x24"))
        failed += check_onnx(program, name, rule, folder, options)
    return failed


def check_tensorboard(program, folder):
    """TensorBoard's own reader finds the numbers of metrics.jsonl, and the pictures' bytes."""
    run, events = folder / "run", folder / "events"
    nca(program, "train", "--target", ROOT / "docs/growth-and-healing.png", "--target-size", 8,
        "--padding", 2, "--batch", 2, "--pool", 4, "--reseeded", 1, "--damaged", 0,
        "--steps-min", 2, "--steps-max", 3, "--updates", 40, "--pictures-every", 20, "--quiet",
        "--out", run)
    nca(program, "report", run, "--tensorboard", events)
    reader = EventAccumulator(str(events / "run"), size_guidance={"scalars": 0, "images": 0})
    reader.Reload()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    failed = 0
    for name in ("loss", "log10_loss", "gradient_norm", "rate", "active_fraction"):
        found = [(event.step, event.value) for event in reader.Scalars(name)]
        expected = [(line["update"], float(np.float32(line[name]))) for line in lines]
        is_right = found == expected
        failed += not is_right
        print(f"tensorboard  {name:16s} {len(found)} values  {'ok' if is_right else 'FAILED'}")
    for name, step in (("batch", 20), ("batch", 40), ("pool", 40), ("target", 0)):
        file = f"{name}-{step:06d}.png" if step else f"{name}.png"
        bytes_of = {image.step: image.encoded_image_string for image in reader.Images(name)}
        is_right = bytes_of.get(step) == (run / "pictures" / file).read_bytes()
        failed += not is_right
        print(f"tensorboard  {name:16s} of update {step}  {'ok' if is_right else 'FAILED'}")
    return failed


def main():
    parser = argparse.ArgumentParser(description="Reads what nca export writes.")
    parser.add_argument("program", help="nca, built")
    options = parser.parse_args()
    check_philox()
    with tempfile.TemporaryDirectory() as name:
        failed = check_all_onnx(options.program, pathlib.Path(name))
        failed += check_tensorboard(options.program, pathlib.Path(name))
    print("every export is read as it was meant" if not failed else f"{failed} checks failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
