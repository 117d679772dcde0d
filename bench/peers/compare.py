"""Times `nca bench step` and its peers in turn, and prints by how much nca is faster.

Machines drift by half within minutes, so every run of a peer stands beside a run of nca of its
own, before or after it by turns, and the ratio is taken within such a pair. After the first round
only the variants that come close to their framework's best go on. Run by scripts/bench_peers.sh.
"""
import json
import os
import shutil
import signal
import sys

import asked
import report_file
import table
from runs import Failure, Runner, TimeIsUp, last_line
from table import Pair, Setting, ratio, title
from variants import NAMES, NO_DEVICE, WORK

# Of the oracle: the optimizer, cells that are dead and speak, rotated perception, the real size.
CHECKED = ("adam_piecewise", "dead_cells_loud", "rotated_perception", "grid_56_batch_4")
CHECKED_DIGITS = asked.ROOT / "tests/verify/cases/digits.safetensors"
KEPT = 1.3   # times its framework's best: slower variants leave after the first round


def note(text):
    print(text, file=sys.stderr, flush=True)


def refuse(text):
    note(f"bench_peers.sh: {text}")
    return 2


# --- who is there ---------------------------------------------------------------------------------
def can_time_nca(runner):
    """False, and told why, where nca cannot use this device in a precision that is asked for."""
    for precision in runner.options.precision:
        try:
            runner.probe_nca(precision)
        except Failure as failure:
            note(f"bench_peers.sh: {runner.options.nca} cannot be timed: {failure}")
            return False
    return True


def why_not(failure):
    """Why a framework cannot be used, by how its probe ended."""
    if not failure.done:
        return str(failure)
    has_spoken = failure.done.returncode == NO_DEVICE
    return ("" if has_spoken else "cannot be imported: ") + last_line(failure.done)


def find_frameworks(runner):
    """The frameworks that were asked for and are there: device and versions. Says who is not."""
    found = {}
    for framework in dict.fromkeys(p.framework for p in runner.options.peer):
        try:
            found[framework] = runner.probe_peer(framework)
        except Failure as failure:
            note(f"{NAMES[framework]} left out: {runner.options.python}: {why_not(failure)}")
        except TimeIsUp:
            note(f"{NAMES[framework]} left out: no time left")
    return found


def way_out(runner):
    """What to do where no framework is there."""
    options = runner.options
    if runner.clock.left() <= 0:
        return "give more --seconds"
    wanted = " or ".join(NAMES[f] for f in dict.fromkeys(p.framework for p in options.peer))
    on_gpu = " that uses the GPU" if options.device == "cuda" else ""
    way = f"install numpy, safetensors and {wanted}{on_gpu} for {options.python}"
    if not options.names_python:
        return way
    can_install = options.device == "cpu" and not asked.IS_PACK
    return f"{way}, or name another Python with --python" + (
        ", or leave it out: then PyTorch and JAX are downloaded (5 GB)" if can_install else "")


def cases_of(options, peer):
    """The cases that a peer must pass first."""
    cases = [options.oracle / f"{name}.safetensors" for name in CHECKED]
    cases = [CHECKED_DIGITS] if WORK[peer.framework] == "digits" else cases
    return [str(path) for path in cases if path.is_file()]


def check(runner):
    """The peers that pass the oracle; those that do not are told."""
    options, passed = runner.options, []
    if not any(cases_of(options, peer) for peer in options.peer):
        note(f"numerics not checked: no oracle cases in {options.oracle}; --oracle names a folder")
        return [] if options.check_only else options.peer
    for peer in options.peer:
        cases = cases_of(options, peer)
        if not cases:
            note(f"{peer.framework} {peer.variant}: not checked: "
                 f"no oracle cases in {options.oracle}")
            passed += [] if options.check_only else [peer]
            continue
        try:
            sys.stderr.write(runner.check_peer(peer, cases))
            passed.append(peer)
        except Failure as failure:
            sys.stderr.write(failure.done.stdout if failure.done else "")
            note(f"{peer.framework} {peer.variant}: not timed: {failure}")
        except TimeIsUp:
            note(f"{peer.framework} {peer.variant}: not timed: no time left to check it")
    return passed


# --- rounds ---------------------------------------------------------------------------------------
def close_to_best(pairs, setting, peers):
    """The peers that are not far slower than the best variant of their framework."""
    found = {p.peer: ratio(p) for p in pairs if p.setting == setting}
    best = {p.framework: min(r for q, r in found.items() if q.framework == p.framework)
            for p in found}
    return [p for p in peers if p in found and found[p] <= KEPT * best[p.framework]]


def turns(options, pairs):
    """Who is timed next: round, setting and peer. pairs grows meanwhile."""
    settings = [Setting(config, precision) for config in options.config
                for precision in options.precision]
    going_on = {setting: [p for p in options.peer if WORK[p.framework] == setting.config.work
                          and asked.computes(p, setting.precision, options.device)]
                for setting in settings}
    for number in range(options.rounds):
        for setting in settings:
            peers = going_on[setting]
            first = number % max(len(peers), 1)
            for peer in peers[first:] + peers[:first]:
                yield number, setting, peer
            if number == 0:
                going_on[setting] = close_to_best(pairs, setting, peers)


def time_all(runner, pairs, failures, keep):
    """Times everybody in turn, into pairs or failures; keep() after each."""
    untimed = 0
    for number, setting, peer in turns(runner.options, pairs):
        name = f"{NAMES[peer.framework]:8s}{peer.variant:22s}"
        where = f"round {number + 1}  {title(setting, runner.options.device):34s} {name}"
        try:
            results = runner.time_pair(*setting, peer, peer_is_first=number % 2)
        except TimeIsUp:
            untimed += 1
            continue
        except Failure as failure:
            failures.append(f"{where}: {failure}")
            note(failures[-1])
        else:
            pairs.append(Pair(number, setting, peer, *results))
            theirs, ours = (result["median_ms"] for result in results)
            note(f"{where}{theirs:9.2f} ms, nca {ours:8.2f} ms: {ratio(pairs[-1]):5.2f} times")
        keep()
    if untimed:
        note(f"no time left for {untimed} of the runs")


class JsonFile:
    """What --json names. A disk that fills up is told once, and ends nothing."""

    def __init__(self, path):
        self.path, self.fault = path, None

    def write(self, report):
        try:
            report_file.write_whole(self.path, json.dumps(report, indent=1) + "\n")
            self.fault = None
        except OSError as error:
            if not self.fault:
                note(f"bench_peers.sh: --json {self.path}: cannot be written: {error.strerror}; "
                     "make room: it is tried again after each pair")
            self.fault = error.strerror


def measure(runner, found):
    options, load = runner.options, os.getloadavg()[0]
    if load > 0.3 * options.threads:
        note(f"other programs are at work (load {load:.1f}): the figures will be of little use")

    pairs, failures = [], []
    json_file = JsonFile(options.json) if options.json else None

    def keep(is_complete=False):
        report = table.to_json(options, found, pairs, failures, load)
        if json_file:
            json_file.write({**report, "is_complete": is_complete})
        return report

    try:
        time_all(runner, pairs, failures, keep)
    except KeyboardInterrupt:
        failures.append("interrupted")
    report = keep(is_complete="interrupted" not in failures)
    if pairs:
        table.show(options, report)
    return bool(pairs) and not failures and not (json_file and json_file.fault)


def main():
    options = asked.parse()
    if options.plan:
        asked.print_plan(options)
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # what was measured is shown
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:       # under nohup it is ignored
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    if not shutil.which(options.python):
        return refuse(f"--python {options.python}: no such program")
    if not (os.path.isfile(options.nca) and os.access(options.nca, os.X_OK)):
        return refuse(f"{options.nca}: no such program; build it first, or name one with --nca")
    runner = Runner(options)
    has_nca = can_time_nca(runner)
    found = find_frameworks(runner)
    if not has_nca:
        return 2
    if not found:
        return refuse(f"nobody to time beside nca: {way_out(runner)}")
    options.peer = wanted = [p for p in options.peer if p.framework in found]
    options.peer = check(runner)
    is_right = options.peer == wanted
    if not options.peer or options.check_only:
        return 0 if is_right else 1
    return 0 if measure(runner, found) and is_right else 1


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit("bench_peers.sh: interrupted before anything was timed") from None
