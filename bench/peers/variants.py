"""Who takes part on which device: the frameworks, their files and their variants. The one list."""

TORCH = ("conv", "conv-channels-last", "sliced", "conv-compiled", "sliced-compiled")
GRAPHS = ("sliced-graph", "conv-graph", "sliced-compiled-graph")
JAX = ("conv", "sliced", "conv-remat", "sliced-remat")
VARIANTS = {"cpu": {"torch": TORCH, "jax": JAX}, "cuda": {"torch": GRAPHS + TORCH, "jax": JAX}}

PRECISIONS = {"cpu": ("f32",), "cuda": ("f32", "tf32")}
FILES = {"torch": "torch_nca.py", "jax": "jax_nca.py"}
NO_DEVICE = 2   # exit code of a peer that finds no such device, and says so
NAMES = {"torch": "PyTorch", "jax": "JAX"}
