"""The train step of a growing NCA in PyTorch, written as a careful user would.

Variants:
  conv              depthwise convolution and 1x1 convolutions, channels first
  conv-channels-last the same in PyTorch's channels-last memory format
  sliced            channel last: Sobel from shifted slices, linear layers on rows of cells
  *-compiled        a step of the rollout through torch.compile
  *-graph           on a GPU: the whole train step as one CUDA graph (torch_step.py)
"""
import functools
import math

import numpy as np
import torch
import torch.nn.functional as F

import torch_step
import work
from work import ALIVE_THRESHOLD, ALPHA, CHANNELS, HIDDEN


class ConvRule(torch.nn.Module):
    """States and fire masks are channels first, [B,C,H,W] and [B,1,H,W]."""

    def __init__(self, angle=0.0, step_size=1.0):
        super().__init__()
        c, s = math.cos(angle), math.sin(angle)
        identity = np.zeros((3, 3), np.float32)
        identity[1, 1] = 1
        kernels = np.stack([identity, c * work.SOBEL - s * work.SOBEL.T,
                            s * work.SOBEL + c * work.SOBEL.T]).astype(np.float32)
        self.register_buffer("kernels", torch.tensor(kernels)[:, None].repeat(CHANNELS, 1, 1, 1))
        self.hidden = torch.nn.Conv2d(3 * CHANNELS, HIDDEN, 1)
        self.output = torch.nn.Conv2d(HIDDEN, CHANNELS, 1)
        self.step_size = step_size

    @staticmethod
    def alive(x):
        return F.max_pool2d(x[:, ALPHA:ALPHA + 1], 3, 1, 1) > ALIVE_THRESHOLD

    def forward(self, x, fire):
        before = self.alive(x)
        perceived = F.conv2d(x, self.kernels, padding=1, groups=CHANNELS)
        update = self.output(F.relu(self.hidden(perceived), inplace=True))
        x = torch.addcmul(x, update, fire, value=self.step_size)
        return x * (before & self.alive(x)).float()

    # A depthwise convolution gives a channel's three kernels next to each other; the weights'
    # inputs are ordered kernel by kernel.
    def load(self, weights):
        hidden = weights["hidden.weight"].reshape(HIDDEN, 3, CHANNELS).transpose(0, 2, 1)
        self.load_state_dict({
            "kernels": self.kernels,
            "hidden.weight": torch.tensor(hidden.reshape(HIDDEN, -1, 1, 1)),
            "hidden.bias": torch.tensor(weights["hidden.bias"]),
            "output.weight": torch.tensor(weights["output.weight"])[:, :, None, None],
            "output.bias": torch.tensor(weights["output.bias"])})

    def gradients(self):
        hidden = self.hidden.weight.grad.reshape(HIDDEN, CHANNELS, 3).transpose(1, 2)
        return {"hidden.weight": hidden.reshape(HIDDEN, -1), "hidden.bias": self.hidden.bias.grad,
                "output.weight": self.output.weight.grad[:, :, 0, 0],
                "output.bias": self.output.bias.grad}

    def from_cells(self, x):
        return torch.tensor(x, device=self.kernels.device).permute(0, 3, 1, 2).contiguous()

    def to_cells(self, x):
        return x.detach().permute(0, 2, 3, 1)

    def masks(self, fire):
        return fire[:, :, None]


class ChannelsLastRule(ConvRule):
    def load(self, weights):
        super().load(weights)
        self.to(memory_format=torch.channels_last)

    def from_cells(self, x):
        return super().from_cells(x).contiguous(memory_format=torch.channels_last)


class SlicedRule(torch.nn.Module):
    """States and fire masks are channel last, [B,H,W,C] and [B,H,W,1]."""

    def __init__(self, angle=0.0, step_size=1.0):
        super().__init__()
        self.hidden = torch.nn.Linear(3 * CHANNELS, HIDDEN)
        self.output = torch.nn.Linear(HIDDEN, CHANNELS)
        self.angle, self.step_size = angle, step_size

    @staticmethod
    def alive(x):
        highest = F.max_pool2d(x[..., ALPHA][:, None], 3, 1, 1)
        return (highest > ALIVE_THRESHOLD)[:, 0, :, :, None]

    # Sobel is a difference along one axis of a 1-2-1 sum along the other.
    def perceive(self, x):
        padded = F.pad(x, (0, 0, 1, 1, 1, 1))
        summed = torch.add(padded[:, :-2] + padded[:, 2:], padded[:, 1:-1], alpha=2)
        gx = (summed[:, :, 2:] - summed[:, :, :-2]) * 0.125
        summed = torch.add(padded[:, :, :-2] + padded[:, :, 2:], padded[:, :, 1:-1], alpha=2)
        gy = (summed[:, 2:] - summed[:, :-2]) * 0.125
        if self.angle:
            c, s = math.cos(self.angle), math.sin(self.angle)
            gx, gy = c * gx - s * gy, s * gx + c * gy
        return torch.cat([x, gx, gy], -1)

    def forward(self, x, fire):
        before = self.alive(x)
        update = self.output(F.relu(self.hidden(self.perceive(x)), inplace=True))
        x = torch.addcmul(x, update, fire, value=self.step_size)
        return x * (before & self.alive(x)).float()

    def load(self, weights):
        self.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})

    def gradients(self):
        return {name: value.grad for name, value in self.named_parameters()}

    def from_cells(self, x):
        return torch.tensor(x, device=self.output.bias.device)

    def to_cells(self, x):
        return x.detach()

    def masks(self, fire):
        return fire[..., None]


RULES = {"conv": ConvRule, "conv-channels-last": ChannelsLastRule, "sliced": SlicedRule}


def make_rule(options, weights, **settings):
    rule = RULES[options.variant.removesuffix("-graph").removesuffix("-compiled")](**settings)
    rule.load(weights)
    rule.to(options.device)
    step = torch.compile(rule, dynamic=False) if "-compiled" in options.variant else rule
    return rule, step


def rollout(step, x, fire):
    with torch_step.rounded():
        for mask in fire:
            x = step(x, mask)
    return x


def sample_losses(rule, x, target):
    """[B]: mean over the grid and the four visible channels of the squared difference."""
    if isinstance(rule, SlicedRule):
        return ((x[..., :4] - target) ** 2).mean((1, 2, 3))
    return ((x[:, :4] - target) ** 2).mean((1, 2, 3))


def normalize_gradients(parameters):
    for parameter in parameters:
        parameter.grad /= parameter.grad.norm() + work.NORM_EPSILON


def make_adam(options, parameters, rate):
    return torch.optim.Adam(parameters, lr=rate, betas=(work.BETA1, work.BETA2), eps=work.EPSILON,
                            foreach=True, capturable=options.variant.endswith("-graph"))


def make_step(options, weights, states, target):
    torch.manual_seed(options.seed)
    rule, step = make_rule(options, weights)
    start, target = rule.from_cells(states), rule.from_cells(target[None])
    parameters = list(rule.parameters())
    adam = make_adam(options, parameters, work.RATE)

    def update():
        fire = torch.rand(options.steps, *states.shape[:3], device=start.device)
        x = rollout(step, start, rule.masks((fire < options.fire_rate).float()))
        losses = sample_losses(rule, x, target)
        losses.mean().backward()
        normalize_gradients(parameters)
        adam.step()
        return losses.detach(), x.detach()

    repeat = torch_step.make(options, functools.partial(adam.zero_grad, set_to_none=True), update)
    last = [start]

    def train_step():
        losses, last[0] = repeat()
        return losses.tolist()

    return train_step, lambda: rule.to_cells(last[0]).cpu().numpy()


def run_rollout(options, tensors, metadata):
    rule, step = make_rule(options, {name: tensors[name] for name in work.WEIGHTS},
                           angle=float(metadata["angle"]), step_size=float(metadata["step_size"]))
    start = rule.from_cells(tensors["x0"]).requires_grad_()
    fire = rule.masks(torch.tensor(tensors["fire"], device=start.device).float())
    target = rule.from_cells(tensors["target"][None])

    def clear():
        start.grad = None
        rule.zero_grad(set_to_none=True)

    def differentiate():
        x = rollout(step, start, fire)
        losses = sample_losses(rule, x, target)
        losses.mean().backward()
        found = {"grad." + name: value for name, value in rule.gradients().items()}
        return {"x": rule.to_cells(x), "loss": losses.detach(),
                "grad.x0": rule.to_cells(start.grad), **found}

    repeat = torch_step.make(options, clear, differentiate)
    return {name: value.cpu().numpy() for name, value in repeat().items()}


def run_adam(options, tensors, _):
    """The optimizer that is timed, on given gradients: parameters after each update."""
    names = [name.removesuffix(".param") for name in tensors
             if name.endswith(".param") and not name.startswith("expected.")]
    place = functools.partial(torch.tensor, device=options.device)
    parameters = [torch.nn.Parameter(place(tensors[n + ".param"])) for n in names]
    adam = make_adam(options, parameters, 0.0)
    history = {name: [] for name in names}
    for number, rate in enumerate(tensors["learning_rate"]):
        adam.param_groups[0]["lr"] = float(rate)
        for name, parameter in zip(names, parameters):
            parameter.grad = place(tensors[name + ".grad"][number])
        normalize_gradients(parameters)
        adam.step()
        for name, parameter in zip(names, parameters):
            history[name].append(parameter.detach().cpu().numpy().copy())
    return {name + ".param": np.stack(values) for name, values in history.items()}


def main():
    options = work.parse("torch")
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    return work.run(work.Framework(
        "torch", versions, torch_step.open_device, torch_step.set_precision, make_step, run_rollout,
        run_adam, functools.partial(torch_step.synchronize, options),
        functools.partial(torch_step.peak_device_mb, options), work.GROWING), options)


if __name__ == "__main__":
    raise SystemExit(main())
