"""Who takes part on which device: the frameworks, their files and their variants. The one list."""

TORCH = ("conv", "conv-channels-last", "sliced", "conv-compiled", "sliced-compiled")
GRAPHS = ("sliced-graph", "conv-graph", "sliced-compiled-graph")
JAX = ("conv", "sliced", "conv-remat", "sliced-remat")
# What computes another task than growing, by PyTorch on a CPU.
DIGITS = ("conv", "conv-channels-last", "conv-compiled", "conv-channels-last-compiled")
WORK = {"torch": "growing", "jax": "growing", "torch-digits": "digits"}
VARIANTS = {"cpu": {"torch": TORCH, "jax": JAX, "torch-digits": DIGITS},
            "cuda": {"torch": GRAPHS + TORCH, "jax": JAX}}
EVERY = {**VARIANTS["cpu"], **VARIANTS["cuda"]}   # those of a CPU are among those of a GPU

# Of products and convolutions, and who computes in it: JAX has but one on a CPU.
PRECISIONS = {"cpu": {"f32": ("torch", "jax", "torch-digits"), "bf16": ("torch", "torch-digits")},
              "cuda": {"f32": ("torch", "jax"), "tf32": ("torch", "jax")}}
EVERY_PRECISION = ("f32", "tf32", "bf16")
STANDARD = {"cpu": ("f32",), "cuda": ("f32", "tf32")}   # where none is asked for
FILES = {"torch": "torch_nca.py", "jax": "jax_nca.py", "torch-digits": "torch_digits.py"}
NO_DEVICE = 2   # exit code of a peer that finds no such device, and says so
NAMES = {"torch": "PyTorch", "jax": "JAX", "torch-digits": "PyTorch"}
