#!/usr/bin/env python3
"""Puts the study's figures into docs/regeneration.md, from the JSON beside it.

  regeneration_page.py           writes every table and every number of the page anew
  regeneration_page.py --check   changes nothing; fails where one is not what the JSON says

A table stands between the lines <!-- table NAME: ... --> and <!-- end of table -->. Numbers of the
text are found by the words around them: NUMBERS, below, has the words and where in the JSON each
number is. A digit of the text that no entry of NUMBERS covers is refused, but for what was written
by hand.
"""
import json
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "regeneration.md"
FILES = {name: DOCS / "regeneration" / f"{name}.json"
         for name in ("study", "full", "pilots", "figures")}
# Radius of a circle, in units of half the grid: the largest that most settings train on.
SMALL = 0.2
CUTS = ("upper", "lower", "left", "right", "center")

# Words of the page, each {} a number, and for each {}: the file (study, full, pilots, figures; or
# sums, made here of them), a path into its JSON (a list is entered by the "name" of its members, or
# by a number) and how it is written. Without any {}: numbers that are not the study's.
REGENERATING, UNSTABLE = "study settings/blog-regenerating", "study settings/blog-unstable"
HELD = "study rules/held_at/1 ,d"
NUMBERS = [
    ("Distill 2020",),
    ("a blog in 2023",),
    ("batches of {} samples, {} of them damaged, and rollouts of {} steps, gradients exploded",
     f"{UNSTABLE}/batch d", f"{UNSTABLE}/damaged d", f"{UNSTABLE}/steps_max d"),
    ("batches of {} samples, {} of them damaged, and rollouts of {} steps, the rule learned",
     f"{REGENERATING}/batch d", f"{REGENERATING}/damaged d", f"{REGENERATING}/steps_max d"),
    ("if the picture is there after {} steps, and *holds* if it is there after {} and after {}.",
     "study rules/grown_at d", "study rules/held_at/0 ,d", HELD),
    ("At {}, the bound for both words", "study rules/good_loss g"),
    ("each further -1 is a tenth",),
    ("Wilson's 95 % interval",),
    ("was not finite or was beyond {},", "study rules/state_bound rate"),
    ("medians of {} fire seeds, at these steps, and {} steps after a cut made at step {}.",
     "study rules/seeds d", "study rules/heal_steps d", "study rules/cut_at d"),
    ("within {} of the loss at the same moment without a cut, provided that the picture was there "
     "(at most {})", "study rules/healed_within g", "study rules/good_loss g"),
    ("the pool with a loss above {} at", "study rules/good_loss g"),
    ("reaches {} after {} steps, but stays at {} where",
     "study runs/blog-regenerating-seed1/loss_at/5000/median .2f", HELD,
     "study runs/blog-regenerating-seed1/cuts/left/median .2f"),
    ("article's larger circles ({})", "study runs/regenerating-seed1/cuts/left/median .2f"),
    ("all five cuts, the left one to {}.", "study runs/healing-seed1/cuts/left/median .2f"),
    ("`blog-unstable` gave up in {} of {} runs, `blog-regenerating` in {} of {}.",
     f"{UNSTABLE}/gave_up d", f"{UNSTABLE}/judged d", f"{REGENERATING}/gave_up d",
     f"{REGENERATING}/judged d"),
    ("Trained at exactly {} steps", f"{REGENERATING}/steps_max d"),
    ("the loss is {} after one such stretch and {} after two, but {} at step {}, between",
     "pilots pilots/b1/eval/loss_at/128/median .2f", "pilots pilots/b1/eval/loss_at/256/median .2f",
     "pilots pilots/b1/eval/loss_at/200/median .2f", "study rules/grown_at d"),
    ("rules trained at exactly {} steps showed this, nor did one of the four trained at {}.",
     f"{UNSTABLE}/steps_max d", f"{REGENERATING}/steps_max d"),
    ("The rate of the study is {} times", "sums rate_ratio .0f"),
    ("replication's schedule, {} updates with a rate that starts at {} and",
     "full shared/updates ,d", "full shared/rate rate"),
    ("At step {} its picture is better than", "full rules/grown_at d"),
    ("It holds for {} steps and heals what", "full rules/held_at/1 ,d"),
    ("and the loss is {} after {} steps.", "full runs/blog-regenerating-seed1/cuts/left/median .2f",
     "full rules/heal_steps d"),
    ("`blog-unstable`, update {}, before and after {} steps.", "figures batch-unstable/update ,d",
     f"{UNSTABLE}/steps_max d"),
    ("`blog-regenerating`, update {}, before and after {} steps:",
     "figures batch-regenerating/update ,d", f"{REGENERATING}/steps_max d"),
    ("`blog-regenerating`, every {} steps; the left half is cut at step {}.",
     "figures left-blog-regenerating/every d", "figures left-blog-regenerating/cut_at d"),
    ("after the {} updates of the replication's schedule:", "full shared/updates ,d"),
    ("At the centre the values run from {} to {}, halfway from {} to {}, "
     "at the edge from {} to {}.",
     "figures report/cells/centre/least .1f", "figures report/cells/centre/most .1f",
     "figures report/cells/halfway/least .1f", "figures report/cells/halfway/most .1f",
     "figures report/cells/edge/least .1f", "figures report/cells/edge/most .1f"),
    ("they ran from -1700 to 1000, from -25 to 30 and from -0.5 to 0.5.",),
    ("the largest in training was {}.",
     "full runs/blog-regenerating-seed1/max_state_trained .0f"),
    ("A rate of {} instead of {} prevented",
     "pilots remedies/blog-unstable-seed1-rate5e-4/config/rate rate", "study shared/rate rate"),
    ("the number of steps from {} to {} let one", "study settings/healing/steps_min d",
     "study settings/healing/steps_max d"),
    ("took {} hours in all on another machine ({}, {}),", "sums remedy_seconds hours",
     "pilots remedies/blog-unstable-seed1-rate5e-4/machine/device s",
     "pilots remedies/blog-unstable-seed1-rate5e-4/machine/variant s"),
    ("{} cells on a grid of {}x{} (the replication's, halved), a pool of {}, and {} updates at a "
     "rate of {} that falls by `{}` (at", "study shared/target_size d", "study shared/grid s",
     "study shared/grid s", "study shared/pool ,d", "study shared/updates ,d",
     "study shared/rate rate", "study shared/schedule s"),
    ("a rate of {} learns fast", "study shared/rate rate"),
    ("the picture at step {}, between the multiples of {}.", "study rules/grown_at d",
     f"{REGENERATING}/steps_max d"),
    ("not even those with {} updates.", "pilots pilots/b1/updates ,d"),
    ("The {} runs of the study took {} hours in all on {} ({}),", "sums runs d",
     "sums seconds hours", "study judged_on/device s", "study judged_on/variant s"),
    ("The long run took {} hours (with two threads at its end), the pilots {}.",
     "full runs/0/seconds hours", "sums pilot_seconds hours"),
]


def enter(value, path):
    for key in path.split("/"):
        if isinstance(value, list):
            value = (value[int(key)] if key.isdigit() else
                     next(member for member in value if member["name"] == key))
        else:
            value = value[key]
    return value


def written(value, form):
    """A number as the page has it: a form of Python's, or one of these."""
    if form == "percent":
        return f"{100 * value:.0f} %"
    if form == "hours":
        return f"{value / 3600:.1f}"
    if form == "rate":   # 2e-3
        return re.sub(r"e([+-])0*", r"e\1", f"{value:.0e}").replace("e+", "e")
    if form == "s":
        return str(value)
    return format(value, form)


def sums(data):
    """What is counted over several entries."""
    runs, settings = data["study"]["runs"], data["study"]["settings"]
    return {
        "runs": len(runs),
        "seconds": sum(run["seconds"] for run in runs),
        "pilot_seconds": sum(run["seconds"] for run in data["pilots"]["pilots"]),
        "remedy_seconds": sum(run["seconds"] for run in data["pilots"]["remedies"]),
        "rate_ratio": data["study"]["shared"]["rate"] / data["full"]["shared"]["rate"],
        "gave_up": {f"{batch}x{steps}": {
            "count": sum(of["gave_up"] for of in settings
                         if (of["batch"], of["steps_max"]) == (batch, steps)),
            "of": sum(of["judged"] for of in settings
                      if (of["batch"], of["steps_max"]) == (batch, steps)),
        } for batch in (4, 16) for steps in (64, 128)},
    }


def loss(value):
    return "not finite" if value is None else f"{value:.2f}"


def healed_of(run, study, is_small):
    limit = SMALL * int(study["shared"]["grid"]) / 2
    found = [of["healed"] for of in run["circles"] if (of["radius"][0] <= limit) == is_small]
    return f"{sum(found)} of {len(found)}"


def share(found):
    if found["of"] == 0:
        return "-"
    low, high = 100 * found["low"], 100 * found["high"]
    return f"{found['count']} of {found['of']} ({low:.0f} to {high:.0f} %)"


def table(head, rows):
    return ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]]


def steps_of(of):
    least, most = of["steps_min"], of["steps_max"]
    return str(least) if least == most else f"{least}-{most}"


def ended_by(run):
    return "giving up" if run["gave_up"] else "its last update"


def table_settings(data):
    radius = {run["setting"]: f"{run['config']['damage_radius_min']:g}-"
                              f"{run['config']['damage_radius_max']:g}"
              for run in data["study"]["runs"]}
    head = ["setting", "batch", "damaged", "radius", "steps", "exploded", "grows", "holds"]
    head += ["heals all five cuts", "heals circles"]
    rows = []
    for of in data["study"]["settings"]:
        numbers = [str(of["batch"]), str(of["damaged"]), radius[of["name"]], steps_of(of)]
        shares = [share(of[key]) for key in ("exploded", "grows", "holds", "heals_all", "circles")]
        rows.append([f"`{of['name']}`"] + numbers + shares)
    return table(head, rows)


def cut_cell(cut):
    text = loss(cut["median"])
    return f"**{text}**" if cut["healed"] else text


def rows_of_runs(study):
    rules = study["rules"]
    head = ["run", "updates", "minutes"]
    head += [f"at {at}" for at in [rules["grown_at"], *rules["held_at"]]]
    head += [cut for cut in CUTS] + ["small circles", "larger", "pool distorted"]
    rows = []
    for of in study["runs"]:
        if not of["judged"]:
            continue
        cells = [f"`{of['name']}`", f"{of['updates']:,}", f"{of['seconds'] / 60:,.0f}"]
        cells += [loss(at["median"]) for at in of["loss_at"].values()]
        cells += [cut_cell(of["cuts"][cut]) for cut in CUTS]
        distorted = of["pool"]["share"]   # none where every slot is still the seed
        cells += [healed_of(of, study, is_small) for is_small in (True, False)]
        cells += ["-" if distorted is None else f"{100 * distorted:.0f} %"]
        rows.append(cells)
    return table(head, rows)


def table_runs(data):
    return rows_of_runs(data["study"])


def table_full(data):
    return rows_of_runs(data["full"])


def table_cross(data):
    rows = []
    for batch in (4, 16):
        found = [data["sums"]["gave_up"][f"{batch}x{steps}"] for steps in (64, 128)]
        rows.append([f"batch {batch}"] + [f"{of['count']} of {of['of']}" for of in found])
    return table(["gave up", "64 steps", "128 steps"], rows)


def table_events(data):
    head = ["run", "updates done", "cells died", "exploded or gave up"]
    head += ["largest state", "ended by"]
    rows = []
    for of in data["study"]["runs"]:
        if not of["judged"]:
            continue
        rows.append([f"`{of['name']}`", f"{of['updates']:,}", str(of["deaths"]),
                     str(of["explosions"]), f"{of['max_state_trained']:.1f}", ended_by(of)])
    return table(head, rows)


def table_pilots(data):
    head = ["pilot", "grid", "rate and schedule", "updates", "at 128", "at 200", "at 1,000", *CUTS]
    rows = []
    for of in data["pilots"]["pilots"]:
        config = of["config"]
        grid = config["grid"]
        if grid == "auto":
            grid = config["target_size"] + 2 * config["padding"]
        at = {step: found["median"] for step, found in of["eval"]["loss_at"].items()}
        cells = [f"`{of['preset']}`", str(grid), of["schedule"], f"{of['updates']:,}"]
        cells += [loss(at[step]) for step in ("128", "200", "1000")]
        cells += [loss(of["eval"]["healed"][cut]["median"]) for cut in CUTS]
        rows.append(cells)
    return table(head, rows)


def table_remedies(data):
    head = ["run", "reseeded", "steps", "rate", "updates done", "cells died", "ended by"]
    head += ["at 200", "at 5,000"]
    rows = []
    for of in data["pilots"]["remedies"]:
        config = of["config"]
        rows.append([f"`{of['name']}`", str(config["reseeded"]), steps_of(config),
                     written(config["rate"], "rate"), f"{of['updates']:,}", f"{of['deaths']:,}",
                     ended_by(of)])
        rows[-1] += [loss(of["eval"]["loss_at"][at]["median"]) for at in ("200", "5000")]
    return table(head, rows)


TABLES = {name[6:]: make for name, make in list(globals().items()) if name.startswith("table_")}


class Mismatch(Exception):
    pass


def figure(data, place):
    source, path, form = place.split(" ")
    try:
        return written(enter(data[source], path), form)
    except (KeyError, StopIteration, IndexError):
        raise Mismatch(f"{source} {path}: no such figure in the JSON") from None


def pattern_of(words, places):
    """Finds the words, wherever their lines are broken; a group for each number."""
    forms = iter(place.split(" ")[2] for place in places)
    number = r"(-?\d(?:[\d.,e-]*\d)?)"
    parts = [re.escape(part).replace(r"\ ", r"\s+") for part in words.split("{}")]
    return "".join(part + ("(.+?)" if form == "s" else number)
                   for part, form in zip(parts, forms)) + parts[-1]


def renew_numbers(page, data):
    covered = []
    for words, *places in NUMBERS:
        found = list(re.finditer(pattern_of(words, places), page))
        if len(found) != 1:
            raise Mismatch(f"the page has {len(found)} times, not once: {words}")
        start, text = found[0].start(), found[0].group()
        for group in range(len(places), 0, -1):
            low, high = (at - start for at in found[0].span(group))
            text = text[:low] + figure(data, places[group - 1]) + text[high:]
        page = page[:start] + text + page[found[0].end():]
        covered.append(text)
    return page, covered


def check_covered(page, covered):
    """Refuses a digit outside of tables, code, links and the words of NUMBERS."""
    for text in covered:
        page = page.replace(text, "", 1)
    for hidden in (r"<!-- table.*?<!-- end of table -->",
                   r"<!-- by hand -->.*?<!-- end by hand -->", r"```.*?```", r"`[^`\n]*`",
                   r"\]\([^)]*\)", "log10"):
        page = re.sub(hidden, "", page, flags=re.S)
    for line in page.splitlines():
        if re.search(r"\d", line):
            raise Mismatch(f"a number that NUMBERS does not have: {line}")


def renew_tables(page, data):
    def rows_of(match):
        name = match.group(1)
        if name not in TABLES:
            raise Mismatch(f"{name}: no such table; there are {', '.join(TABLES)}")
        rows = "\n".join(TABLES[name](data))
        return (f"<!-- table {name}: written by scripts/regeneration_page.py -->\n\n{rows}\n\n"
                "<!-- end of table -->")

    return re.sub(r"<!-- table (\w+):[^>]*-->.*?<!-- end of table -->", rows_of, page, flags=re.S)


def renew(page, data):
    page, covered = renew_numbers(page, data)
    check_covered(page, covered)
    return renew_tables(page, data)


def main():
    for path in (PAGE, *FILES.values()):
        if not path.is_file():
            print(f"regeneration_page.py: {path}: no such file", file=sys.stderr)
            return 2
    data = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
    data["sums"] = sums(data)
    page = PAGE.read_text(encoding="utf-8")
    try:
        renewed = renew(page, data)
    except Mismatch as mismatch:
        print(f"regeneration_page.py: {PAGE.name}: {mismatch}", file=sys.stderr)
        return 1
    if sys.argv[1:] == ["--check"]:
        if renewed == page:
            return 0
        different = [b for a, b in zip(page.splitlines(), renewed.splitlines()) if a != b]
        print(f"regeneration_page.py: {PAGE.name} is not what the JSON says; run "
              f"scripts/regeneration_page.py; first: {different[0] if different else 'its length'}",
              file=sys.stderr)
        return 1
    if sys.argv[1:]:
        print("regeneration_page.py: no argument but --check", file=sys.stderr)
        return 2
    PAGE.write_text(renewed, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
