#!/usr/bin/env python3
"""Puts the study's figures into docs/regeneration.md, from the JSON beside it.

  regeneration_page.py           writes every figure of the page anew
  regeneration_page.py --check   changes nothing; fails where a figure is not what the JSON says

A figure stands between two comments that Markdown does not show:
  <!--n study runs/healing-seed1/loss_at/200/median .2f-->-4.05<!--/n-->
the file (study, full, pilots, figures; or sums, made here of them), a path into its JSON (a list is
entered by the "name" of its members, or by a number) and how it is written. A table stands between
<!--table NAME--> and <!--/table-->.
"""
import json
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "regeneration.md"
FILES = {name: DOCS / "regeneration" / f"{name}.json"
         for name in ("study", "full", "pilots", "figures")}
SMALL = 0.2   # radius of a circle, in units of half the grid: the largest that most settings train on
CUTS = ("upper", "lower", "left", "right", "center")


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


def renew(page, data):
    def figure(match):
        source, path, form = match.groups()
        try:
            text = written(enter(data[source], path), form)
        except (KeyError, StopIteration, IndexError):
            sys.exit(f"regeneration_page.py: {source} {path}: no such figure in the JSON")
        return f"<!--n {source} {path} {form}-->{text}<!--/n-->"

    def rows_of(match):
        name = match.group(1)
        if name not in TABLES:
            sys.exit(f"regeneration_page.py: {name}: no such table; there are {', '.join(TABLES)}")
        rows = "\n".join(TABLES[name](data))
        return f"<!--table {name}-->\n\n{rows}\n\n<!--/table-->"

    page = re.sub(r"<!--n (\S+) (\S+) (\S+?)-->[^<]*<!--/n-->", figure, page)
    return re.sub(r"<!--table (\S+?)-->.*?<!--/table-->", rows_of, page, flags=re.S)


def main():
    for path in (PAGE, *FILES.values()):
        if not path.is_file():
            print(f"regeneration_page.py: {path}: no such file", file=sys.stderr)
            return 2
    data = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
    data["sums"] = sums(data)
    page = PAGE.read_text(encoding="utf-8")
    renewed = renew(page, data)
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
