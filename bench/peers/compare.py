"""Times `nca bench step` and its peers in turn, and prints by how much nca is faster.

Machines drift by half within minutes, so every run of a peer stands beside a run of nca of its
own, before or after it by turns, and the ratio is taken within such a pair. After the first round
only the variants that come close to their framework's best go on. Run by scripts/bench_peers.sh.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

from variants import FILES, NAMES, VARIANTS

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CONFIGS = ("4x56x128@0.22", "8x72x80@0.15")
# Of the oracle: the optimizer, cells that are dead and speak, rotated perception, the real size.
CHECKED = ("adam_piecewise", "dead_cells_loud", "rotated_perception", "grid_56_batch_4")
KEPT = 1.3   # times its framework's best: slower variants leave after the first round
SECONDS_LIMIT = 1800   # of one run

Config = collections.namedtuple("Config", "batch grid steps active")
Peer = collections.namedtuple("Peer", "framework variant")
Pair = collections.namedtuple("Pair", "round config peer peer_result nca_result")


class Failure(Exception):
    pass


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


# --- the command line -----------------------------------------------------------------------------
def read_config(text):
    found = re.fullmatch(r"(\d+)x(\d+)x(\d+)@([0-9.]+)", text)
    config = found and Config(*map(int, found.groups()[:3]), float(found[4]))
    if not config or not (1 <= config.batch <= 256 and 8 <= config.grid <= 512
                          and 1 <= config.steps <= 1024 and 0.01 <= config.active <= 0.5):
        raise argparse.ArgumentTypeError(
            f"{text}: must be BATCHxGRIDxSTEPS@ACTIVE, as {CONFIGS[0]}, with ACTIVE 0.01 to 0.5")
    return config


def read_peer(text):
    framework, _, variant = text.partition("/")
    if variant not in VARIANTS.get(framework, ()):
        every = ", ".join(f"{f}/{v}" for f in VARIANTS for v in VARIANTS[f])
        raise argparse.ArgumentTypeError(f"{text}: must be one of {every}")
    return Peer(framework, variant)


def count_up_to(limit):
    def read(text):
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= limit:
            raise argparse.ArgumentTypeError(f"{text}: must be a number from 1 to {limit}")
        return int(text)
    return read


def parse():
    cores = len(os.sched_getaffinity(0))
    parser = Parser(prog="bench_peers.sh", allow_abbrev=False, description=
                    "Times nca's train step against PyTorch's and JAX's on this machine, in turn.")
    parser.add_argument("--config", type=read_config, action="append", metavar="BxGxT@A",
                        help=f"batch, grid, steps, active fraction [{' '.join(CONFIGS)}]")
    parser.add_argument("--peer", type=read_peer, action="append", metavar="FRAMEWORK/VARIANT",
                        help="time this variant; may be given several times [all]")
    parser.add_argument("--rounds", type=count_up_to(100), default=3, metavar="N",
                        help="rounds [3]")
    parser.add_argument("--repeats", type=count_up_to(1000), default=5, metavar="N",
                        help="timed steps of a run [5]")
    parser.add_argument("--threads", type=count_up_to(cores), default=cores, metavar="N",
                        help=f"cores, for all alike [every core: {cores}]")
    parser.add_argument("--oracle", type=pathlib.Path, default=ROOT / "../shared/oracle/cases",
                        metavar="DIR", help="cases that every peer must pass first")
    parser.add_argument("--check-only", action="store_true", help="oracle cases, no timing")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        help="write every result as JSON")
    parser.add_argument("--nca", type=pathlib.Path, default=ROOT / "build/nca", metavar="PROGRAM",
                        help="what is measured [build/nca]")
    parser.add_argument("--plan", action="store_true", help="say what would be run, and end")
    options = parser.parse_args()
    options.config = options.config or [read_config(text) for text in CONFIGS]
    options.peer = options.peer or [Peer(f, v) for f in VARIANTS for v in VARIANTS[f]]
    if options.json and not options.json.parent.is_dir():
        parser.error(f"--json {options.json}: no such folder; make it first")
    return options


# --- runs -----------------------------------------------------------------------------------------
def environment():
    """CPU only, no library told to take a slower kernel, compiled code kept beside the build."""
    slower = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    found = {name: value for name, value in os.environ.items() if name not in slower}
    found.update(CUDA_VISIBLE_DEVICES="", JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="2",
                 TORCHINDUCTOR_CACHE_DIR=str(ROOT / "build-peers/inductor"))
    return found


def run(command, threads):
    cores = sorted(os.sched_getaffinity(0))[:threads]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment(),
                              timeout=SECONDS_LIMIT,
                              preexec_fn=lambda: os.sched_setaffinity(0, cores))
    except subprocess.TimeoutExpired:
        raise Failure(f"took more than {SECONDS_LIMIT} s") from None
    except OSError as error:
        raise Failure(str(error)) from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines() or ["no word"]
        raise Failure(f"exit code {done.returncode}: {said[-1]}")
    return done.stdout


def peer_command(peer, options):
    return [sys.executable, str(HERE / FILES[peer.framework]), "--variant", peer.variant,
            "--threads", str(options.threads)]


def time_peer(peer, config, options):
    return json.loads(run([*peer_command(peer, options), "--batch", str(config.batch),
                           "--grid", str(config.grid), "--steps", str(config.steps),
                           "--active", str(config.active), "--repeats", str(options.repeats)],
                          options.threads))


def time_nca(config, options):
    return json.loads(run([str(options.nca), "bench", "step", "--batch", str(config.batch),
                           "--grid", str(config.grid), "--steps", str(config.steps),
                           "--active", str(config.active), "--json",
                           "--repeats", str(2 * options.repeats - 1),
                           "--threads", str(options.threads)], options.threads))


def time_pair(number, config, peer, options):
    if number % 2:
        peer_result = time_peer(peer, config, options)
        return Pair(number, config, peer, peer_result, time_nca(config, options))
    nca_result = time_nca(config, options)
    return Pair(number, config, peer, time_peer(peer, config, options), nca_result)


def check(options):
    """Every peer on the oracle; False where one fails."""
    cases = [options.oracle / f"{name}.safetensors" for name in CHECKED]
    cases = [str(path) for path in cases if path.is_file()]
    if not cases:
        note(f"numerics not checked: no oracle cases in {options.oracle}; --oracle names a folder")
        return not options.check_only
    is_right = True
    for peer in options.peer:
        try:
            said = run([*peer_command(peer, options), "--check", *cases], options.threads)
        except Failure as failure:
            said, is_right = f"{peer.framework} {peer.variant}: {failure}\n", False
        sys.stderr.write(said)
    return is_right


def note(text):
    print(text, file=sys.stderr, flush=True)


# --- rounds ---------------------------------------------------------------------------------------
def ratio(pair):
    return pair.peer_result["median_ms"] / pair.nca_result["median_ms"]


def close_to_best(pairs, config, peers):
    """The peers that are not far slower than the best variant of their framework."""
    found = {p.peer: ratio(p) for p in pairs if p.config == config}
    best = {p.framework: min(r for q, r in found.items() if q.framework == p.framework)
            for p in found}
    return [p for p in peers if p in found and found[p] <= KEPT * best[p.framework]]


def play_rounds(options, failures):
    pairs, going_on = [], {config: list(options.peer) for config in options.config}
    for number in range(options.rounds):
        for config in options.config:
            peers = going_on[config]
            for peer in peers[number % max(len(peers), 1):] + peers[:number % max(len(peers), 1)]:
                try:
                    pair = time_pair(number, config, peer, options)
                except Failure as failure:
                    failures.append(f"{NAMES[peer.framework]} {peer.variant}: {failure}")
                    note(failures[-1])
                    continue
                pairs.append(pair)
                note(f"round {number + 1}  {title(config):32s} {NAMES[peer.framework]:8s}"
                     f"{peer.variant:20s}{pair.peer_result['median_ms']:9.1f} ms, nca "
                     f"{pair.nca_result['median_ms']:7.1f} ms: {ratio(pair):5.2f} times")
            if number == 0:
                going_on[config] = close_to_best(pairs, config, peers)
    return pairs


# --- what is shown --------------------------------------------------------------------------------
def title(config):
    return f"{config.batch} x {config.grid}x{config.grid} x {config.steps} steps"


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"


def summarize(config, pairs):
    """The rows of a configuration's table, nca first, then the peers as they were given."""
    of_config = [p for p in pairs if p.config == config]
    runs = [p.nca_result for p in of_config]
    rows = [{"name": "nca", "median_ms": statistics.median(r["median_ms"] for r in runs),
             "ratio": 1.0, "ratio_min": 1.0, "ratio_max": 1.0, "runs": len(runs),
             "peak_rss_mb": max(r["peak_rss_mb"] for r in runs),
             "active_fraction": statistics.median(r["active_fraction"] for r in runs)}]
    for peer in dict.fromkeys(p.peer for p in of_config):
        own = [p for p in of_config if p.peer == peer]
        ratios = [ratio(p) for p in own]
        rows.append({"name": f"{NAMES[peer.framework]} {peer.variant}", "framework": peer.framework,
                     "median_ms": statistics.median(p.peer_result["median_ms"] for p in own),
                     "ratio": statistics.median(ratios), "ratio_min": min(ratios),
                     "ratio_max": max(ratios), "runs": len(own),
                     "peak_rss_mb": max(p.peer_result["peak_rss_mb"] for p in own)})
    return rows


def best_of(rows):
    """Of each framework, the row with the lowest ratio."""
    frameworks = dict.fromkeys(row["framework"] for row in rows if "framework" in row)
    return [min((r for r in rows if r.get("framework") == f), key=lambda r: r["ratio"])
            for f in frameworks]


def print_table(config, rows):
    best = best_of(rows)
    print(f"\n**{title(config)}**, {100 * rows[0]['active_fraction']:.0f} % of cell-steps active\n")
    print("| | ms a train step | times nca's | range | peak memory, MB | runs |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in rows:
        mark = "**" if row in best else ""
        span = f"{row['ratio_min']:.2f} to {row['ratio_max']:.2f}" if row["name"] != "nca" else ""
        print(f"| {row['name']} | {row['median_ms']:.0f} | {mark}{row['ratio']:.2f}{mark} | {span} "
              f"| {row['peak_rss_mb']:.0f} | {row['runs']} |")


def versions(pairs):
    found = {}
    for pair in pairs:
        found.update(pair.peer_result["versions"])
    return found


def report(options, pairs, load):
    first = pairs[0].nca_result
    found = ", ".join(f"{name} {version}" for name, version in sorted(versions(pairs).items()))
    print(f"{processor()}, {options.threads} threads, nca on {first['isa']}; {found}; "
          f"{options.rounds} rounds of {options.repeats} steps, load before {load:.1f}")
    tables = {title(c): summarize(c, pairs) for c in options.config
              if any(p.config == c for p in pairs)}
    for config in options.config:
        if title(config) in tables:
            print_table(config, tables[title(config)])
    return {"processor": processor(), "threads": options.threads, "versions": versions(pairs),
            "rounds": options.rounds, "repeats": options.repeats, "load_before": load,
            "tables": tables, "best": {name: best_of(rows) for name, rows in tables.items()},
            "pairs": [{"round": p.round, "config": p.config._asdict(), "peer": p.peer._asdict(),
                       "ratio": ratio(p), "peer_result": p.peer_result, "nca_result": p.nca_result}
                      for p in pairs]}


def write_whole(path, text):
    """Beside, then renamed: the file appears whole or not at all."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(text)
    beside.replace(path)


def main():
    options = parse()
    if options.plan:
        return 0
    if not os.access(options.nca, os.X_OK):
        note(f"bench_peers.sh: {options.nca}: no such program; build it first")
        return 2
    if not check(options):
        note("bench_peers.sh: a peer computes something else than the oracle, nothing was timed")
        return 1
    if options.check_only:
        return 0
    load, failures = os.getloadavg()[0], []
    if load > 0.3 * options.threads:
        note(f"other programs are at work (load {load:.1f}): the figures will be of little use")
    pairs = play_rounds(options, failures)
    if pairs:
        found = report(options, pairs, load)
        if options.json:
            write_whole(options.json, json.dumps({**found, "failures": failures}, indent=1) + "\n")
    return 1 if failures or not pairs else 0


if __name__ == "__main__":
    raise SystemExit(main())
