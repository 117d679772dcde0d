"""The train step of a growing NCA in JAX, written as a careful user would: one jit over a scan.

Variants:
  conv, sliced              perception by a depthwise convolution, or from shifted slices
  conv-remat, sliced-remat  the same with jax.checkpoint around a step: only states are kept
"""
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

import work
from work import ALIVE_THRESHOLD, ALPHA, CHANNELS


def conv_kernels(angle):
    """[3,3,1,3C] for a depthwise convolution: a channel's three kernels lie next to each other."""
    c, s = math.cos(angle), math.sin(angle)
    identity = np.zeros((3, 3))
    identity[1, 1] = 1
    kernels = np.stack([identity, c * work.SOBEL - s * work.SOBEL.T,
                        s * work.SOBEL + c * work.SOBEL.T], -1)
    return jnp.asarray(np.tile(kernels, CHANNELS)[:, :, None], jnp.float32)


def perceive_conv(x, angle):
    """[B,H,W,C] -> [B,H,W,3C]; for each channel its identity, x-gradient, y-gradient."""
    return jax.lax.conv_general_dilated(x, conv_kernels(angle), (1, 1), "SAME",
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"),
                                        feature_group_count=CHANNELS)


def perceive_sliced(x, angle):
    """[B,H,W,C] -> [B,H,W,3C], in groups of C: identity, x-gradients, y-gradients."""
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = lambda i, j: padded[:, i:i + height, j:j + width]
    gx = (shifted(0, 2) - shifted(0, 0) + 2 * (shifted(1, 2) - shifted(1, 0))
          + shifted(2, 2) - shifted(2, 0)) / 8
    gy = (shifted(2, 0) - shifted(0, 0) + 2 * (shifted(2, 1) - shifted(0, 1))
          + shifted(2, 2) - shifted(0, 2)) / 8
    if angle:
        c, s = math.cos(angle), math.sin(angle)
        gx, gy = c * gx - s * gy, s * gx + c * gy
    return jnp.concatenate([x, gx, gy], -1)


def is_alive(x):
    return jax.lax.reduce_window(x[..., ALPHA:ALPHA + 1], -jnp.inf, jax.lax.max, (1, 3, 3, 1),
                                 (1, 1, 1, 1), "SAME") > ALIVE_THRESHOLD


def step(parameters, x, fire, *, variant, angle, step_size):
    perceive = perceive_conv if variant.startswith("conv") else perceive_sliced
    before = is_alive(x)
    cells = perceive(x, angle).reshape(-1, 3 * CHANNELS)   # products of two axes are XLA's fastest
    hidden = jax.nn.relu(cells @ parameters["hidden.weight"] + parameters["hidden.bias"])
    update = hidden @ parameters["output.weight"] + parameters["output.bias"]
    x = x + update.reshape(x.shape) * (fire * step_size)
    return jnp.where(before & is_alive(x), x, 0)


def rollout_loss(take_step, parameters, x, fire, target):
    """The mean loss of a batch; the loss of each sample and the last states beside it."""
    if take_step.keywords["variant"].endswith("-remat"):
        take_step = jax.checkpoint(take_step)
    x, _ = jax.lax.scan(lambda x, mask: (take_step(parameters, x, mask), None), x, fire)
    losses = jnp.mean((x[..., :4] - target) ** 2, (1, 2, 3))
    return jnp.mean(losses), (losses, x)


def normalize_gradients(gradients):
    return {name: g / (jnp.linalg.norm(g) + work.NORM_EPSILON) for name, g in gradients.items()}


def adam(parameters, moments, gradients, rate):
    mean, square, time = moments
    time = time + 1
    mean = {n: work.BETA1 * mean[n] + (1 - work.BETA1) * g for n, g in gradients.items()}
    square = {n: work.BETA2 * square[n] + (1 - work.BETA2) * g * g for n, g in gradients.items()}
    mean_scale, square_scale = 1 / (1 - work.BETA1 ** time), 1 / (1 - work.BETA2 ** time)
    parameters = {n: p - rate * mean[n] * mean_scale
                  / (jnp.sqrt(square[n] * square_scale) + work.EPSILON)
                  for n, p in parameters.items()}
    return parameters, (mean, square, time)


def fresh_moments(parameters):
    zeros = {name: jnp.zeros_like(value) for name, value in parameters.items()}
    return zeros, dict(zeros), jnp.zeros((), jnp.float32)


# In here weights multiply from the right, and a convolution gives a channel's three numbers
# together.
def to_parameters(variant, weights):
    hidden = weights["hidden.weight"]
    if variant.startswith("conv"):
        hidden = hidden.reshape(-1, 3, CHANNELS).transpose(0, 2, 1).reshape(hidden.shape)
    found = {**weights, "hidden.weight": hidden.T, "output.weight": weights["output.weight"].T}
    return {name: jnp.asarray(value) for name, value in found.items()}


def from_parameters(variant, parameters):
    found = {name: np.asarray(value) for name, value in parameters.items()}
    hidden = found["hidden.weight"].T
    if variant.startswith("conv"):
        hidden = hidden.reshape(-1, CHANNELS, 3).transpose(0, 2, 1).reshape(hidden.shape)
    return {**found, "hidden.weight": hidden, "output.weight": found["output.weight"].T}


@functools.partial(jax.jit, static_argnames=("variant", "steps", "fire_rate"))
def update(parameters, moments, key, start, target, *, variant, steps, fire_rate):
    """One train step: a rollout, its gradient, Adam."""
    take_step = functools.partial(step, variant=variant, angle=0.0, step_size=1.0)
    fire = jax.random.bernoulli(key, fire_rate, (steps, *start.shape[:3], 1))
    loss = functools.partial(rollout_loss, take_step)
    gradients, (losses, x) = jax.grad(loss, has_aux=True)(parameters, start, fire, target)
    parameters, moments = adam(parameters, moments, normalize_gradients(gradients), work.RATE)
    return parameters, moments, losses, x


def make_step(options, weights, states, target):
    start, target, key = jnp.asarray(states), jnp.asarray(target), jax.random.key(options.seed)
    parameters = to_parameters(options.variant, weights)
    held = {"parameters": parameters, "moments": fresh_moments(parameters), "updates": 0}

    def train_step():
        held["updates"] += 1
        held["parameters"], held["moments"], losses, held["x"] = update(
            held["parameters"], held["moments"], jax.random.fold_in(key, held["updates"]), start,
            target, variant=options.variant, steps=options.steps, fire_rate=options.fire_rate)
        jax.block_until_ready((held["parameters"], held["moments"]))
        return np.asarray(losses)

    return train_step, lambda: np.asarray(held["x"])


def run_rollout(options, tensors, metadata):
    variant = options.variant
    take_step = functools.partial(step, variant=variant, angle=float(metadata["angle"]),
                                  step_size=float(metadata["step_size"]))
    loss = functools.partial(rollout_loss, take_step)
    parameters = to_parameters(variant, {name: tensors[name] for name in work.WEIGHTS})
    fire = jnp.asarray(tensors["fire"][..., None], jnp.float32)
    gradients, (losses, x) = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(
        parameters, jnp.asarray(tensors["x0"]), fire, jnp.asarray(tensors["target"]))
    weights = from_parameters(variant, gradients[0])
    return {"x": x, "loss": losses, "grad.x0": gradients[1],
            **{"grad." + name: value for name, value in weights.items()}}


def run_adam(_, tensors, metadata):
    """The optimizer that is timed, on given gradients: parameters after each update."""
    names = [name.removesuffix(".param") for name in tensors
             if name.endswith(".param") and not name.startswith("expected.")]
    parameters = {name: jnp.asarray(tensors[name + ".param"]) for name in names}
    moments, history = fresh_moments(parameters), {name: [] for name in names}
    for number, rate in enumerate(tensors["learning_rate"]):
        gradients = {name: jnp.asarray(tensors[name + ".grad"][number]) for name in names}
        parameters, moments = adam(parameters, moments, normalize_gradients(gradients), float(rate))
        for name in names:
            history[name].append(np.asarray(parameters[name]))
    return {name + ".param": np.stack(values) for name, values in history.items()}


def open_device(options):
    try:
        device = jax.devices(options.device)[0]
    except Exception as why:   # what is raised differs between versions
        said = (str(why) or type(why).__name__).strip().splitlines()[-1]
        raise work.NoDevice(f"JAX {jax.__version__} finds no CUDA device: {said}") from None
    return device.device_kind


def set_precision(options, precision):
    """Of products and convolutions alike; a CPU has but one."""
    if options.device == "cuda":
        jax.config.update("jax_default_matmul_precision",
                          "tensorfloat32" if precision == "tf32" else "highest")


def peak_device_mb():
    stats = jax.devices()[0].memory_stats() or {}   # a CPU keeps none
    return stats["peak_bytes_in_use"] / 1e6 if "peak_bytes_in_use" in stats else None


def main():
    versions = {"jax": jax.__version__, "jaxlib": jax.lib.__version__, "numpy": np.__version__}
    return work.run(work.Framework(
        "jax", versions, open_device, set_precision, make_step, run_rollout, run_adam,
        lambda: None,   # a step ends when its losses have been read
        peak_device_mb, work.GROWING), work.parse("jax"))


if __name__ == "__main__":
    raise SystemExit(main())
