"""What bench_peers.sh shows: a table for each configuration and precision, and all as JSON."""
import collections
import pathlib
import statistics

from variants import NAMES

# A run of a peer and its run of nca. setting: configuration and precision.
Pair = collections.namedtuple("Pair", "round setting peer peer_result nca_result")
Setting = collections.namedtuple("Setting", "config precision")


def ratio(pair):
    return pair.peer_result["median_ms"] / pair.nca_result["median_ms"]


def title(setting, device):
    config, precision = setting
    size = f"{config.batch} x {config.grid}x{config.grid} x {config.steps} steps"
    size += "" if config.work == "growing" else f" of {config.work}"
    return size if device == "cpu" and precision == "f32" else f"{size}, {precision}"


def digits(value):
    """Three at least."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"


def row_of(name, results, ratios):
    """Of a table: medians of times and ratios, the most memory."""
    device_mb = [r["peak_device_mb"] for r in results if r.get("peak_device_mb") is not None]
    return {"name": name, "median_ms": statistics.median(r["median_ms"] for r in results),
            "ratio": statistics.median(ratios), "ratio_min": min(ratios),
            "ratio_max": max(ratios), "runs": len(results),
            "peak_rss_mb": max(r["peak_rss_mb"] for r in results),
            "peak_device_mb": max(device_mb, default=None)}


def summarize(pairs):
    """The rows of a setting's table, nca first, then the peers as they were given."""
    runs = [p.nca_result for p in pairs]
    rows = [{**row_of("nca", runs, [1.0]),
             "active_fraction": statistics.median(r["active_fraction"] for r in runs)}]
    for peer in dict.fromkeys(p.peer for p in pairs):
        own = [p for p in pairs if p.peer == peer]
        rows.append({"framework": peer.framework, **row_of(
            f"{NAMES[peer.framework]} {peer.variant}", [p.peer_result for p in own],
            [ratio(p) for p in own])})
    return rows


def best_of(rows):
    """Of each framework, the row with the lowest ratio."""
    frameworks = dict.fromkeys(row["framework"] for row in rows if "framework" in row)
    return [min((r for r in rows if r.get("framework") == f), key=lambda r: r["ratio"])
            for f in frameworks]


def to_json(options, found, pairs, failures, load):
    """found: what each framework said of its device and versions."""
    settings = dict.fromkeys(p.setting for p in pairs)
    tables = {title(s, options.device): summarize([p for p in pairs if p.setting == s])
              for s in settings}
    devices = [each["device"] for each in found.values()]
    versions = {name: v for each in found.values() for name, v in each["versions"].items()}
    return {"device": processor() if options.device == "cpu" else devices[0],
            "processor": processor(), "threads": options.threads, "versions": versions,
            "rounds": options.rounds, "repeats": options.repeats, "load_before": load,
            "nca": ", ".join(dict.fromkeys(p.nca_result.get("isa", "") for p in pairs)),
            "tables": tables, "best": {name: best_of(rows) for name, rows in tables.items()},
            "pairs": [{"round": p.round, "config": p.setting.config._asdict(),
                       "precision": p.setting.precision, "peer": p.peer._asdict(),
                       "ratio": ratio(p), "peer_result": p.peer_result,
                       "nca_result": p.nca_result} for p in pairs], "failures": failures}


def print_table(name, rows, is_cpu):
    best = best_of(rows)
    print(f"\n**{name}**, {100 * rows[0]['active_fraction']:.0f} % of cell-steps active\n")
    memory = "peak memory, MB" if is_cpu else "peak GPU memory, MB | peak memory, MB"
    print(f"| | ms a train step | times nca's | range | {memory} | runs |")
    print("|---|---:|---:|---:|---:|---:|" + ("" if is_cpu else "---:|"))
    for row in rows:
        mark = "**" if row in best else ""
        span = f"{row['ratio_min']:.2f} to {row['ratio_max']:.2f}" if row["name"] != "nca" else ""
        on_device = "" if is_cpu else f"{digits(row['peak_device_mb'])} | "
        print(f"| {row['name']} | {digits(row['median_ms'])} | {mark}{row['ratio']:.2f}{mark} "
              f"| {span} | {on_device}{row['peak_rss_mb']:.0f} | {row['runs']} |")


def show(options, report):
    versions = ", ".join(f"{name} {v}" for name, v in sorted(report["versions"].items()))
    print(f"{report['device']}, {options.threads} threads, nca on {report['nca']}; {versions}; "
          f"{options.rounds} rounds of {options.repeats} steps, "
          f"load before {report['load_before']:.1f}")
    for name, rows in report["tables"].items():
        print_table(name, rows, options.device == "cpu")
