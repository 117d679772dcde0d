"""PyTorch's device, its precision, and what repeats a step on it: eagerly, or as one CUDA graph."""
import contextlib

import torch

import work

is_bf16 = False   # set_precision() says
WARMUP = 3   # runs before a capture: they load libraries, choose kernels and make Adam's moments


def open_device(options):
    torch.set_num_threads(options.threads)
    if options.device == "cpu":
        return "cpu"
    if not torch.cuda.is_available():
        raise work.NoDevice(f"PyTorch {torch.__version__} finds no CUDA device")
    torch.backends.cudnn.benchmark = True   # sizes stay the same
    return torch.cuda.get_device_name()


def set_precision(options, precision):
    """Both are said: convolutions take TF32 by default. The older of PyTorch's two ways, which sets
    the newer one's values too; after the newer alone torch.compile stops at a mix of both."""
    global is_bf16
    is_bf16 = precision == "bf16"
    if options.device == "cuda":
        is_tf32 = precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = is_tf32
        torch.compiler.reset()


def rounded():
    """Around a rollout: on a CPU PyTorch computes in bf16 what its autocast chooses. States stay
    f32, and so do parameters, their gradients and Adam."""
    return torch.autocast("cpu", torch.bfloat16) if is_bf16 else contextlib.nullcontext()


def synchronize(options):
    if options.device == "cuda":
        torch.cuda.synchronize()


def peak_device_mb(options):
    return torch.cuda.max_memory_allocated() / 1e6 if options.device == "cuda" else None


class Graph:
    """Runs as one CUDA graph what run() launches, and gives the tensors that run() gave: each call
    writes them anew. clear() drops the gradients, so that they are made within the graph.

    run() may not look at a number on the device. What it draws is new in each call: the graph
    advances PyTorch's default generator.
    """

    def __init__(self, clear, run):
        self.run = run   # keeps alive the tensors that the graph reads
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARMUP):
                clear()
                run()
        torch.cuda.current_stream().wait_stream(side)
        clear()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=side):
            self.given = run()

    def __call__(self):
        self.graph.replay()
        return self.given


def make(options, clear, run):
    """What clears and runs once more at each call."""
    if options.variant.endswith("-graph"):
        return Graph(clear, run)

    def repeat():
        clear()
        return run()
    return repeat
