#!/usr/bin/env python3
"""The tables of precision_trainings.sh.

  precision_table.py FOLDER TARGETS SIZE PRECISIONS SEEDS LOSS

A row for each target and precision with a figure for each seed, one for all targets, and one for
how far a precision is from f32. Refuses
runs that were not trained by the same settings, or not in the precision that their name says.
"""
import json
import pathlib
import statistics
import sys

NEVER = float("inf")
RUNNING = 100   # updates that a running median is taken over
# Settings in which runs of a target may differ: the seed, and paths, which depend on the machine.
OWN = ("seed", "target", "data")


class Fault(Exception):
    pass


def read_json(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Fault(f"{path}: {error}")


def precision_of(variant):
    return next((p for p in ("bf16x3", "bf16", "tf32") if p in variant), "f32")


def updates_to(lines, loss):
    """The first update at which the median of the last log10 losses is no larger; None: never."""
    losses = [json.loads(line) for line in lines]
    # A loss that is not finite is null there.
    values = [NEVER if x["log10_loss"] is None else x["log10_loss"] for x in losses]
    for end in range(RUNNING, len(values) + 1):
        if statistics.median(values[end - RUNNING:end]) <= loss:
            return losses[end - 1]["update"]
    return None


def median_of(spread):
    return NEVER if spread["median"] is None else spread["median"]


def figures_of_growing(judged):
    """As in the verdict, nothing is healed where there is no picture without a cut."""
    is_whole = median_of(judged["undamaged"]) <= -2
    healed = sum(cut["seeds_healed"] for cut in judged["healed"].values()) if is_whole else 0
    return [median_of(judged["loss_at"]["200"]), healed, median_of(judged["long_run"])]


def figures_of_digits(judged):
    at = next(f for f in judged["figures"] if f["step"] == 200)
    after = judged["exchange"]["after"]
    return [100 * at["cells_right"], 100 * at["agreement"], 100 * after["cells_right"]]


def number(form):
    return lambda x: form % x if x is not None and abs(x) != NEVER else "-"


# Headings, how a figure is written, and what a training that went wrong counts as in a median.
COLUMNS = {
    "growing": (["log10 loss at step 200", "cuts healed, of {cuts}", "log10 loss at step 10,000",
                 "updates to log10 loss {loss:g}"],
                [number("%.2f"), number("%.0f"), number("%.2f"), number("%.0f")],
                [NEVER, 0, NEVER, NEVER]),
    "digits": (["cells right at step 200, %", "digits in total agreement at step 200, %",
                "cells right 200 steps after an exchange, %", "updates to log10 loss {loss:g}"],
               [number("%.1f"), number("%.1f"), number("%.1f"), number("%.0f")],
               [0, 0, 0, NEVER]),
}


def print_row(*cells):
    print("| " + " | ".join(cells) + " |")


class Table:
    def __init__(self, folder, targets, size, precisions, seeds, loss):
        self.folder, self.size, self.loss = pathlib.Path(folder), size, float(loss)
        self.targets, self.precisions = targets.split(","), precisions.split(",")
        self.seeds = seeds.split(",")
        self.kind = "digits" if self.targets == ["digits"] else "growing"
        self.settings, self.cuts = {}, set()

    def check(self, run, target, precision):
        """The variant that computed a run, whose settings are those of the target's others."""
        settings = {k: v for k, v in read_json(run / "config.json").items() if k not in OWN}
        first, known = self.settings.setdefault(target, (run, settings))
        other = [k for k in settings if settings[k] != known.get(k)]
        if other:
            raise Fault(f"{run}: {other[0]} is {settings[other[0]]}, "
                        f"but {known.get(other[0])} in {first}; train both alike")
        variant = read_json(run / "machine.json")["variant"]
        if precision_of(variant) != precision:
            raise Fault(f"{run}: trained in {precision_of(variant)} ({variant}), "
                        f"not in {precision}; rename it")
        return variant

    def read(self, target, precision, seed):
        run = self.folder / f"{target}-{self.size}-{precision}-{seed}"
        try:
            return self.read_run(run, target, precision)
        except (AttributeError, KeyError, StopIteration, TypeError, ValueError) as error:
            raise Fault(f"{run}: a file of it, or {run.name}.json, is not as it was written ({error!r}); "
                        "remove both and give the same command again")

    def read_run(self, run, target, precision):
        """The variant and the figures of a run; figures are None where the training went wrong."""
        judged = self.folder / f"{run.name}.json"
        if not run.is_dir():
            raise Fault(f"{run}: no such run")
        variant = self.check(run, target, precision)
        if not judged.exists():
            return variant, [None] * 4
        judgement = read_json(judged)
        self.cuts.add(judgement["seeds"] * len(judgement["healed"]))
        figures = figures_of_digits if self.kind == "digits" else figures_of_growing
        try:
            lines = (run / "metrics.jsonl").read_text().splitlines()
        except OSError as error:
            raise Fault(f"{run}: {error}")
        return variant, figures(judgement) + [updates_to(lines, self.loss)]

    def print(self):
        read = {(t, p): [self.read(t, p, s) for s in self.seeds]
                for t in self.targets for p in self.precisions}
        headings, forms, worst = COLUMNS[self.kind]
        cuts = "/".join(map(str, sorted(self.cuts)))
        headings = [h.format(loss=self.loss, cuts=cuts) for h in headings]
        print_row("target", "precision", "computed by", *headings)
        print("|---|---|---|" + "---|" * len(headings))
        for (target, precision), runs in read.items():
            variants = ", ".join(dict.fromkeys(variant for variant, _ in runs))
            columns = zip(*(figures for _, figures in runs))
            cells = [", ".join(map(form, column)) for form, column in zip(forms, columns)]
            print_row(target, precision, variants, *cells)
        for precision in self.precisions if len(self.targets) > 1 else []:
            print_row("median of all", precision, "",
                      *self.medians(read, precision, forms, worst))
        for precision in self.precisions if "f32" in self.precisions else []:
            if precision != "f32" and len(self.targets) * len(self.seeds) > 1:
                print_row("less f32, mean (standard error)", precision, "",
                          *self.differences(read, precision, forms))

    def medians(self, read, precision, forms, worst):
        """Of all targets and seeds."""
        columns = zip(*(figures for (_, p), runs in read.items() if p == precision
                        for _, figures in runs))
        return [form(statistics.median(least if x is None else x for x in column))
                for form, least, column in zip(forms, worst, columns)]

    def differences(self, read, precision, forms):
        """From f32, over the pairs of one target and seed; where both have a figure."""
        pairs = [pair for target in self.targets
                 for pair in zip(read[target, precision], read[target, "f32"])]
        for column, form in enumerate(forms):
            found = [own[column] - f32[column] for (_, own), (_, f32) in pairs
                     if None not in (own[column], f32[column])]
            if len(found) < 2:
                yield "-"
                continue
            spread = statistics.stdev(found) / len(found) ** 0.5
            yield f"{form(statistics.mean(found))} ({form(spread)})"


def main(arguments):
    try:
        Table(*arguments).print()
    except Fault as fault:
        print(f"precision_table.py: {fault}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
