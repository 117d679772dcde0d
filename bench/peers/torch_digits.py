"""The train step of self-classifying digits in PyTorch, written as a careful user would.

Variants:
  conv              a 3x3 convolution and two 1x1 convolutions, channels first
  conv-channels-last the same in PyTorch's channels-last memory format
  *-compiled        a step of the rollout through torch.compile
"""
import functools

import numpy as np
import torch
import torch.nn.functional as F

import torch_nca
import torch_step
import work

CHANNELS, HIDDEN, CLASSES, NOISE = 20, 80, 10, 0.02
NAMES = ("hidden", "hidden2", "output")


class Rule(torch.nn.Module):
    """States are channels first, [B,C,H,W], the picture in the first; fire masks are [B,1,H,W]."""

    def __init__(self, weights, noise):
        super().__init__()
        hidden = weights["hidden.weight"]   # [K,9C], neighbour by neighbour
        channels = hidden.shape[1] // 9
        kernels = {"hidden": hidden.reshape(-1, 3, 3, channels).transpose(0, 3, 1, 2),
                   "hidden2": weights["hidden2.weight"][:, :, None, None],
                   "output": weights["output.weight"][:, :, None, None]}
        for name, kernel in kernels.items():
            layer = torch.nn.Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[2],
                                    padding=kernel.shape[2] // 2)
            layer.load_state_dict({"weight": torch.tensor(np.ascontiguousarray(kernel)),
                                   "bias": torch.tensor(weights[name + ".bias"])})
            self.add_module(name, layer)
        self.noise = noise

    def forward(self, x, moves):
        """moves: of the cells that fire, those that live."""
        update = F.relu(self.hidden(x), inplace=True)
        update = self.output(F.relu(self.hidden2(update), inplace=True))
        if self.noise:
            update = update + self.noise * torch.randn_like(update)
        return torch.cat([x[:, :1], torch.addcmul(x[:, 1:], update, moves)], 1)

    def gradients(self):
        found = {}
        for name in NAMES:
            layer = getattr(self, name)
            kernel = layer.weight.grad.permute(0, 2, 3, 1)
            found[name + ".weight"] = kernel.reshape(kernel.shape[0], -1)
            found[name + ".bias"] = layer.bias.grad
        return found


def memory_format(options):
    return torch.channels_last if "channels-last" in options.variant else torch.contiguous_format


def make_rule(options, weights, noise):
    rule = Rule(weights, noise).to(memory_format=memory_format(options))
    is_compiled = options.variant.endswith("-compiled")
    return rule, torch.compile(rule, dynamic=False) if is_compiled else rule


def from_cells(options, x):
    return torch.tensor(x).permute(0, 3, 1, 2).contiguous(memory_format=memory_format(options))


def living(x):
    return (x[:, :1] > work.ALIVE_THRESHOLD).float()


def sample_losses(x, target, lives):
    """[B]: half the squared difference, summed over the living cells and the classes."""
    return 0.5 * ((x[:, -CLASSES:] - target) ** 2 * lives).sum((1, 2, 3))


def rollout(step, x, fire, lives):
    with torch_step.rounded():
        for mask in fire:
            x = step(x, mask[:, None] * lives)
    return x


def make_step(options, weights, states, target):
    torch.manual_seed(options.seed)
    rule, step = make_rule(options, weights, NOISE)
    start, target = from_cells(options, states), from_cells(options, target)
    lives, parameters = living(start), list(rule.parameters())
    adam = torch_nca.make_adam(options, parameters, work.RATE)
    last = [start]

    def train_step():
        adam.zero_grad(set_to_none=True)
        fire = (torch.rand(options.steps, *states.shape[:3]) < options.fire_rate).float()
        x = rollout(step, start, fire, lives)
        losses = sample_losses(x, target, lives)
        losses.mean().backward()
        torch_nca.normalize_gradients(parameters)
        adam.step()
        last[0] = x.detach()
        return losses.tolist()

    return train_step, lambda: last[0].permute(0, 2, 3, 1).numpy()


def run_rollout(options, tensors, _):
    rule, step = make_rule(options, tensors, 0)
    start = from_cells(options, tensors["x0"]).requires_grad_()
    # What lives is decided by a number, through which no gradient goes.
    lives, fire = living(start.detach()), torch.tensor(tensors["fire"]).float()
    x = rollout(step, start, fire, lives)
    losses = sample_losses(x, from_cells(options, tensors["target"]), lives)
    losses.mean().backward()
    found = {"grad." + name: value for name, value in rule.gradients().items()}
    found.update({"x": x.detach().permute(0, 2, 3, 1), "loss": losses.detach(),
                  "grad.x0": start.grad.permute(0, 2, 3, 1)})
    return {name: value.numpy() for name, value in found.items()}


def draw(options, rng):
    """A rule that changes little, and pictures of a disc: grey where cells live, else clear."""
    sizes = {"hidden.weight": ((HIDDEN, 9 * CHANNELS), 0.1), "hidden.bias": (HIDDEN, 0.05),
             "hidden2.weight": ((HIDDEN, HIDDEN), 0.1), "hidden2.bias": (HIDDEN, 0.05),
             "output.weight": ((CHANNELS - 1, HIDDEN), 2e-3), "output.bias": (CHANNELS - 1, 0)}
    weights = {name: (size * rng.uniform(-1, 1, shape)).astype(np.float32)
               for name, (shape, size) in sizes.items()}
    batch, grid = options.batch, options.grid
    y, x = np.mgrid[0:grid, 0:grid] - (grid - 1) / 2
    radius = (options.active / options.fire_rate * grid * grid / np.pi) ** 0.5
    inside = (np.hypot(y, x) < radius)[None, :, :, None]
    states = rng.uniform(-0.5, 0.5, (batch, grid, grid, CHANNELS)) * inside
    states[..., 0] = 0.8 * inside[..., 0]
    labels = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, batch)]
    target = np.broadcast_to(labels[:, None, None], (batch, grid, grid, CLASSES)).copy()
    return weights, states.astype(np.float32), target


def active_fraction(states, fire_rate):
    return float((states[..., 0] > work.ALIVE_THRESHOLD).mean() * fire_rate)


def main():
    options = work.parse("torch-digits")
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    return work.run(work.Framework(
        "torch-digits", versions, torch_step.open_device, torch_step.set_precision, make_step,
        run_rollout, torch_nca.run_adam, functools.partial(torch_step.synchronize, options),
        functools.partial(torch_step.peak_device_mb, options),
        work.Work(draw, active_fraction)), options)


if __name__ == "__main__":
    raise SystemExit(main())
