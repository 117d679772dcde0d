#!/usr/bin/env python3
"""Rollouts of a rule that classifies digits, with their gradients, by PyTorch's autograd in f64.

Each case is a file that `nca verify` reads: what a rollout starts from, exact in f32, and what must
come out of it. The metadata hold PyTorch's own error in f32, the yardstick for ours.

    make_digits_cases.py OUT_DIR              the small cases that lie in tests/verify/cases
    make_digits_cases.py OUT_DIR --size full  the same with 20 channels, two layers of 80, 28x28,
                                              20 steps
"""
import argparse
import json
import pathlib
import struct

import numpy as np
import torch

CLASSES, THRESHOLD = 10, 0.1
TYPES = {"float32": "F32", "float64": "F64", "uint8": "U8"}


def write(path, tensors, metadata):
    header, offset = {"__metadata__": {key: str(value) for key, value in metadata.items()}}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": TYPES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(np.ascontiguousarray(array).tobytes() for array in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def step(state, fire, rule):
    """One step: [B,H,W,C], its first channel the picture, which says what lives and stays."""
    batch, height, width, channels = state.shape
    edged = torch.nn.functional.pad(state, (0, 0, 1, 1, 1, 1))
    seen = torch.cat([edged[:, y:y + height, x:x + width] for y in range(3) for x in range(3)], -1)
    one = torch.relu(seen @ rule["hidden.weight"].T + rule["hidden.bias"])
    two = torch.relu(one @ rule["hidden2.weight"].T + rule["hidden2.bias"])
    change = two @ rule["output.weight"].T + rule["output.bias"]
    moves = fire * (state[..., 0] > THRESHOLD)
    return torch.cat([state[..., :1], state[..., 1:] + change * moves[..., None]], -1)


def losses_of(state, expected, kind):
    said, lives = state[..., -CLASSES:], state[..., 0] > THRESHOLD
    if kind == "half_squared_of_the_living":
        return (((said - expected) ** 2).sum(-1) * lives).sum((1, 2)) / 2
    surprise = torch.logsumexp(said, -1) - torch.stack(
        [said[b, ..., int(label)] for b, label in enumerate(expected)])
    return (surprise * lives).sum((1, 2)) / lives.sum((1, 2))


def roll(given, kind, dtype):
    names = [name for name in given if "." in name]
    rule = {name: torch.tensor(given[name], dtype=dtype, requires_grad=True) for name in names}
    first = torch.tensor(given["x0"], dtype=dtype, requires_grad=True)
    expected = torch.tensor(given["target" if "target" in given else "labels"], dtype=dtype)
    state = first
    for fire in torch.tensor(given["fire"], dtype=dtype):
        state = step(state, fire, rule)
    losses = losses_of(state, expected, kind)
    losses.mean().backward()
    out = {"x": state, "loss": losses, "grad.x0": first.grad}
    out.update({"grad." + name: tensor.grad for name, tensor in rule.items()})
    return {"expected." + name: value.detach().double().numpy() for name, value in out.items()}


def draw(draws, size):
    """A rule and a batch: blots in which cells live and die off, and states as in training."""
    def glorot(units, inputs):
        return draws.uniform(-1, 1, (units, inputs)) * (6 / (units + inputs)) ** 0.5

    batch, height, width, steps, channels, hidden, hidden2 = size
    given = {"hidden.weight": glorot(hidden, 9 * channels),
             "hidden.bias": draws.normal(0, 0.1, hidden),
             "output.weight": draws.normal(0, 0.05, (channels - 1, hidden2)),
             "output.bias": draws.normal(0, 0.02, channels - 1),
             "hidden2.weight": glorot(hidden2, hidden),
             "hidden2.bias": draws.normal(0, 0.1, hidden2)}
    y, x = np.mgrid[0:height, 0:width]
    grey = np.stack([np.clip(1.2 - np.hypot((y - height / 2) / height, (x - width / 2) / width) * 3
                             + draws.normal(0, 0.2, (height, width)), 0, 1) for _ in range(batch)])
    state = np.zeros((batch, height, width, channels))
    state[..., 0] = grey
    state[..., 1:] = draws.normal(0, 0.4, state[..., 1:].shape) * (grey > THRESHOLD)[..., None]
    given["x0"] = state
    given = {name: array.astype(np.float32) for name, array in given.items()}
    given["fire"] = (draws.random((steps, batch, height, width)) < 0.5).astype(np.uint8)
    return given


def make(path, size, kind, seed):
    draws = np.random.default_rng(seed)
    given = draw(draws, size)
    batch, height, width, channels = given["x0"].shape
    labels = draws.integers(0, CLASSES, batch)
    if kind == "cross_entropy_of_the_living":
        given["labels"] = labels.astype(np.float32)
    else:
        one_hot = np.eye(CLASSES, dtype=np.float32)[labels]
        shape = batch, height, width, CLASSES
        given["target"] = np.broadcast_to(one_hot[:, None, None], shape).copy()
    expected, own = roll(given, kind, torch.float64), roll(given, kind, torch.float32)
    metadata = {"perception": "moore", "alive": "channel", "alive_channel": 0, "frozen": 1,
                "objective": kind, "objective_first": channels - CLASSES,
                "objective_count": CLASSES, "torch": torch.__version__}
    for name, value in expected.items():
        error = np.linalg.norm(own[name] - value) / np.linalg.norm(value)
        metadata["float32_error." + name] = repr(float(error))
    write(path, {**given, **expected}, metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--size", choices=("small", "full"), default="small")
    chosen = parser.parse_args()
    small, full = (2, 7, 6, 5, 12, 8, 12), (2, 28, 28, 20, 20, 80, 80)
    size = small if chosen.size == "small" else full
    chosen.out.mkdir(parents=True, exist_ok=True)
    make(chosen.out / "digits.safetensors", size, "half_squared_of_the_living", 1)
    make(chosen.out / "digits_cross_entropy.safetensors", size, "cross_entropy_of_the_living", 2)


main()
