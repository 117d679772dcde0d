"""Who takes part: the frameworks, their files and their variants. The one list of them."""

VARIANTS = {
    "torch": ("conv", "conv-channels-last", "sliced", "conv-compiled", "sliced-compiled"),
    "jax": ("conv", "sliced", "conv-remat", "sliced-remat"),
}
FILES = {"torch": "torch_nca.py", "jax": "jax_nca.py"}
NAMES = {"torch": "PyTorch", "jax": "JAX"}
