"""A rule that nca trained, in PyTorch: NCA("model.safetensors")(x, fire) takes one step.

x [B,H,W,C] is a state as `nca run` writes it (a frame of its .npy), fire [B,H,W] is 1 where a cell
updates. How to use it, and what to mind: docs/pytorch.md.
"""
import math

import torch
from safetensors import safe_open
from torch.nn.functional import linear, max_pool2d, pad

TENSORS = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
NUMBERS = ("fire_rate", "step_size", "angle_degrees")
# What the article's rules are; a file that leaves one out means it.
ARTICLE = {"perception": "sobel", "alive": "maximum", "frozen": "0", "noise": "0"}
SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8


def alive(x):
    return max_pool2d(x[..., 3], 3, 1, 1)[..., None] > 0.1


class NCA(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        with safe_open(path, "pt") as file:
            for key, value in ARTICLE.items():
                if file.metadata().get(key, value) != value:
                    raise ValueError(
                        f"{path}: {key} {file.metadata()[key]}: only {value} is run here")
            if "hidden2.weight" in file.keys():
                raise ValueError(f"{path}: two hidden layers: only one is run here")
            self.rule = torch.nn.ParameterList(file.get_tensor(name) for name in TENSORS)
            self.fire_rate, self.step_size, angle = (float(file.metadata()[k]) for k in NUMBERS)
        self.cos, self.sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def forward(self, x, fire):
        near = pad(x, (0, 0, 1, 1, 1, 1)).unfold(1, 3, 1).unfold(2, 3, 1)   # [B,H,W,C,3,3]
        gx, gy = (near * SOBEL).sum((-2, -1)), (near * SOBEL.T).sum((-2, -1))
        turned = self.cos * gx - self.sin * gy, self.sin * gx + self.cos * gy
        hidden = linear(torch.cat([x, *turned], -1), self.rule[0], self.rule[1]).relu()
        y = x + self.step_size * fire[..., None] * linear(hidden, self.rule[2], self.rule[3])
        return y * (alive(x) & alive(y))
