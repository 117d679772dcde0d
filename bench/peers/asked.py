"""The command line of bench_peers.sh: who is timed, where, how often and for how long."""
import argparse
import collections
import os
import pathlib
import re
import sys

import report_file
from variants import EVERY_PRECISION, PRECISIONS, STANDARD, VARIANTS, WORK

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A pack is a folder with nca, cases/, scripts/bench_peers.sh, bench/peers/*.py and nothing else.
IS_PACK = not (ROOT / "CMakeLists.txt").exists()
CONFIGS = ("4x56x128@0.22", "8x72x80@0.15")
REPEATS = {"cpu": 5, "cuda": 20}

Config = collections.namedtuple("Config", "batch grid steps active work", defaults=["growing"])
# As `nca bench step --case digits`.
DIGITS = Config(16, 28, 20, 0.1, "digits")
Peer = collections.namedtuple("Peer", "framework variant")


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def read_config(text):
    if text == "digits":
        return DIGITS
    found = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})x([0-9]{1,9})@([0-9]*\.?[0-9]+)", text)
    config = found and Config(*map(int, found.groups()[:3]), float(found[4]))
    if not config or not (1 <= config.batch <= 256 and 8 <= config.grid <= 512
                          and 1 <= config.steps <= 1024 and 0.01 <= config.active <= 0.5):
        raise argparse.ArgumentTypeError(
            f"{text}: must be BATCHxGRIDxSTEPS@ACTIVE, as {CONFIGS[0]}, with BATCH 1 to 256, "
            "GRID 8 to 512, STEPS 1 to 1024 and ACTIVE 0.01 to 0.5, or digits")
    return config


def every_peer(device):
    return [Peer(f, v) for f, variants in VARIANTS[device].items() for v in variants]


def read_peer(text):
    peer = Peer(*text.partition("/")[::2])
    every = dict.fromkeys(every_peer("cuda") + every_peer("cpu"))
    if peer not in every:
        raise argparse.ArgumentTypeError(
            f"{text}: must be one of {', '.join('/'.join(p) for p in every)}")
    return peer


def read_name(text):
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; give one, or leave the option out")
    return text


def read_path(text):
    return pathlib.Path(read_name(text))   # to pathlib the empty name is the current folder


def count_up_to(limit):
    def read(text):
        if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= limit:
            raise argparse.ArgumentTypeError(f"{text}: must be a number from 1 to {limit}")
        return int(text)
    return read


def make_parser():
    cores = len(os.sched_getaffinity(0))
    parser = Parser(prog="bench_peers.sh", allow_abbrev=False, description=
                    "Times nca's train step against PyTorch's and JAX's on this machine, in turn.")
    parser.add_argument("--device", choices=tuple(VARIANTS), default="cpu",
                        help="what all of them compute on [cpu]")
    parser.add_argument("--python", type=read_name, metavar="PROGRAM",
                        help="use the PyTorch and JAX that this Python has, install and build "
                             "nothing [of scripts/peers_venv.sh]")
    parser.add_argument("--precision", choices=EVERY_PRECISION, action="append",
                        help="of products and convolutions; may be given twice; bf16 is for a CPU, "
                             "by PyTorch's autocast, and tf32 for a GPU [f32; on cuda tf32 too]")
    parser.add_argument("--config", type=read_config, action="append", metavar="BxGxT@A",
                        help="batch, grid, steps, active fraction of growing, or digits "
                             f"[{' '.join(CONFIGS)}; on a CPU digits too]")
    parser.add_argument("--peer", type=read_peer, action="append", metavar="FRAMEWORK/VARIANT",
                        help="time this variant; may be given several times [all]")
    parser.add_argument("--rounds", type=count_up_to(100), default=3, metavar="N",
                        help="rounds [3]")
    parser.add_argument("--repeats", type=count_up_to(1000), metavar="N",
                        help="timed steps of a run [5; on cuda 20]")
    parser.add_argument("--seconds", type=count_up_to(86400), metavar="N",
                        help="end by then, with what has been measured [as long as it takes]")
    parser.add_argument("--threads", type=count_up_to(cores), metavar="N",
                        help=f"cores, for all alike [every core: {cores}]")
    parser.add_argument("--oracle", type=read_path, metavar="DIR",
                        default=ROOT / ("cases" if IS_PACK else "../shared/oracle/cases"),
                        help="cases that every peer must pass first")
    parser.add_argument("--check-only", action="store_true", help="oracle cases, no timing")
    parser.add_argument("--json", type=read_path, metavar="FILE",
                        help="write every result as JSON, anew after each pair of runs")
    parser.add_argument("--nca", type=read_path, metavar="PROGRAM",
                        default=ROOT / ("nca" if IS_PACK else "build/nca"),
                        help="what is measured [build/nca, or that of the pack]")
    parser.add_argument("--plan", action="store_true", help="say what would be run, and end")
    return parser


def computes(peer, precision, device):
    return peer.framework in PRECISIONS[device][precision]


def pair_up(parser, options):
    """What is timed, and by whom: of what was not named, that which goes with what was."""
    peers, configs = options.peer, options.config
    if not configs:
        configs = [read_config(text) for text in CONFIGS]
        configs += [DIGITS] if options.device == "cpu" and not IS_PACK else []
        configs = [c for c in configs if not peers or c.work in {WORK[p.framework] for p in peers}]
    if not peers:
        works = {c.work for c in configs}
        peers = [p for p in every_peer(options.device) if WORK[p.framework] in works
                 and any(computes(p, precision, options.device) for precision in options.precision)]
    for config in configs:
        if config.work not in {WORK[p.framework] for p in peers}:
            parser.error(f"--config: no --peer computes {config.work} on {options.device}; "
                         "name one")
    for precision in options.precision:
        if not any(computes(p, precision, options.device) for p in peers):
            parser.error(f"--precision {precision}: no --peer computes in it; "
                         "name one of PyTorch's")
    return configs, list(dict.fromkeys(peers))


def parse():
    parser = make_parser()
    options = parser.parse_args()
    device = options.device
    options.is_pinned = device == "cpu" or options.threads is not None
    options.threads = options.threads or len(os.sched_getaffinity(0))
    options.repeats = options.repeats or REPEATS[device]
    options.precision = list(dict.fromkeys(options.precision or STANDARD[device]))
    other = "cuda" if device == "cpu" else "cpu"
    for precision in options.precision:
        if precision not in PRECISIONS[device]:
            parser.error(f"--precision {precision}: only for --device {other}")
    options.config, options.peer = pair_up(parser, options)
    for peer in options.peer:
        if peer not in every_peer(device):
            parser.error(f"--peer {'/'.join(peer)}: only for --device {other}")
    if not options.python and device == "cuda":
        parser.error("--device cuda: --python names the Python whose PyTorch and JAX use the GPU")
    if not options.python and IS_PACK:
        parser.error("--python: name a Python with PyTorch or JAX; a pack brings none")
    fault = report_file.fault_of(options.json) if options.json else None
    if fault:
        parser.error(f"--json {options.json}: {fault}")
    options.names_python = options.python is not None
    options.python = options.python or sys.executable
    return options


def print_plan(options):
    print(f"device     {options.device}, in {', '.join(options.precision)}")
    print(f"python     {options.python}")
    print(f"nca        {options.nca}")
    print(f"oracle     {options.oracle}")
    for config in options.config:
        print(f"config     {config.batch}x{config.grid}x{config.steps}@{config.active:g}"
              + (f", {config.work}" if config.work != "growing" else ""))
    for peer in options.peer:
        print(f"peer       {'/'.join(peer)}")
    print(f"rounds     {options.rounds} of {options.repeats} steps"
          + (f", in {options.seconds} s" if options.seconds else ""))
