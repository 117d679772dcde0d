#!/usr/bin/env python3
"""Makes the pictures of docs/regeneration.md, and the JSON beside them.

  regeneration_figures.py STUDY FULL     all pictures, and figures.json
  regeneration_figures.py --pilot RUN_DIR pilots|remedies
                                         evaluates a run and puts it into pilots.json

STUDY is the folder of the study, FULL that of its longest run, both of `nca study regeneration`.
Channels and steps are parts of the page of `nca report`, as a headless Chromium shows them
($NCA_CHROMIUM, or chromium-headless-shell).
"""
import base64
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "regeneration"
NCA = ROOT / "build" / "nca"
BROWSER = os.environ.get("NCA_CHROMIUM", "chromium-headless-shell")
STEPS, EVERY, CUT_AT = 600, 50, 200   # of the filmstrips
CELLS = {"centre": (14, 14), "halfway": (14, 9), "edge": (14, 5)}   # the replication's, halved
WIDTH = 1100                          # of the window that shows a page, in pixels
PATIENCE_S = 240
DIED = ("no cell of the batch lives", "what grew from the seed died")


def give_up(words):
    print(f"regeneration_figures.py: {words}", file=sys.stderr)
    sys.exit(2)


class Browser:
    """A headless Chromium, driven through its DevTools pipe: JSON, each message ended by a 0."""

    def __init__(self, profile):
        in_read, self.to = os.pipe()
        self.source, out_write = os.pipe()
        shell = f'exec "$0" "$@" 3<&{in_read} 4>&{out_write}'
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                 "--disable-dev-shm-usage", "--remote-debugging-pipe",
                 f"--user-data-dir={profile}"]
        self.process = subprocess.Popen(
            ["bash", "-c", shell, BROWSER, *flags, "about:blank"], pass_fds=(in_read, out_write),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(in_read)
        os.close(out_write)
        self.numbers, self.session, self.rest = itertools.count(1), {}, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def call(self, method, **parameters):
        number = next(self.numbers)
        call = {"id": number, "method": method, "params": parameters, **self.session}
        os.write(self.to, json.dumps(call).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                came = os.read(self.source, 1 << 20)
                if not came:
                    give_up(f"{BROWSER}: it ends at once; name another in NCA_CHROMIUM")
                self.rest += came
            text, self.rest = self.rest.split(b"\0", 1)
            message = json.loads(text)
            if message.get("id") == number and "error" in message:
                give_up(f"{method}: {message['error']['message']}")
            if message.get("id") == number:
                return message["result"]

    def value(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in result:
            give_up(f"{script[:60]}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def open(self, page):
        target = self.call("Target.createTarget", url="about:blank")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = {"sessionId": attached["sessionId"]}
        self.call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=900,
                  deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=page.as_uri())
        end = time.monotonic() + PATIENCE_S
        while not self.value("document.documentElement?.dataset.ready === 'true'"):
            if time.monotonic() > end:
                give_up(f"{page}: it does not draw itself within {PATIENCE_S} s")
            time.sleep(0.1)

    def keep(self, selector, path):
        clip = self.value(
            f"(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect();"
            " return {x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height,"
            " scale: 1} })()")
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(picture["data"]))


def run_nca(*words):
    return subprocess.run([NCA, *map(str, words)], check=True, capture_output=True,
                          text=True).stdout


def copy_batch(picture, source):
    shutil.copyfile(source, picture)
    return {"run": source.parts[-3], "update": int(source.stem.split("-")[1])}


def film_strip(picture, run):
    run_nca("run", run, "--steps", STEPS, "--every", EVERY, "--damage", f"left@{CUT_AT}",
            "--columns", 7, "--scale", 6, "--output", picture)
    return {"run": run.name, "every": EVERY, "cut_at": CUT_AT}


def picture_report(scratch, run):
    """Channels over time and how a step works; returns the cells with the range of their values."""
    page = scratch / "report.html"
    run_nca("report", run, "--cut-at", CUT_AT, *[f"--cell={y},{x}" for y, x in CELLS.values()],
            "--output", page)
    with Browser(scratch / "profile") as browser:
        browser.open(page)
        browser.value("document.querySelectorAll('.bar').forEach((bar) => bar.remove())")
        browser.keep("#cells .runs", scratch / "channels.png")
        browser.keep("#step .runs", scratch / "step.png")
        ranges = browser.value(
            "nca.runs[0].traces.map(({values}) =>"
            " ({least: Math.min(...values.flat()), most: Math.max(...values.flat())}))")
    cells = [{"name": name, "y": y, "x": x, **found}
             for (name, (y, x)), found in zip(CELLS.items(), ranges)]
    return {"run": run.name, "cells": cells}


def make_figures(study, full):
    longest = full / "blog-regenerating-seed1"
    batches = {
        "batch-unstable": study / "blog-unstable-seed1" / "pictures" / "batch-000500.png",
        "batch-regenerating": study / "blog-regenerating-seed1" / "pictures" / "batch-005000.png",
    }
    strips = {"left-blog-regenerating": study / "blog-regenerating-seed1", "left-full": longest,
              "left-healing": study / "healing-seed1"}
    found = study / "study.json", full / "study.json"
    for path in (*batches.values(), *strips.values(), *found, FOLDER, NCA):
        if not path.exists():
            give_up(f"{path}: no such file or folder")
    if not shutil.which(BROWSER):
        give_up(f"{BROWSER}: not there; install chromium-headless-shell or set NCA_CHROMIUM")
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        figures = {name: copy_batch(scratch / f"{name}.png", source)
                   for name, source in batches.items()}
        figures |= {name: film_strip(scratch / f"{name}.png", run)
                    for name, run in strips.items()}
        figures["report"] = picture_report(scratch, longest)
        for name, folder in (("study", study), ("full", full)):
            write_json(name, json.loads((folder / "study.json").read_text(encoding="utf-8")))
        for picture in scratch.glob("*.png"):   # all are made before any is changed
            shutil.copyfile(picture, FOLDER / picture.name)
    write_json("figures", figures)


def is_death(update):
    """The rule of nca_history_is_explosion: cells died, and no number was out of bounds."""
    event = update.get("event")
    return event in ("reseeded", "pool repaired") or (
        event == "rolled back" and update["event_text"].startswith(DIED))


def add_pilot(run, group):
    for path in (run / "config.json", run / "machine.json", run / "metrics.jsonl", NCA):
        if not path.exists():
            give_up(f"{path}: no such file")
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    machine = json.loads((run / "machine.json").read_text(encoding="utf-8"))
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    updates = [json.loads(line) for line in lines]
    judged = run_nca("eval", run, "--json", "--steps", "128,200,256,1000,5000", "--long-run", 0)
    pilot = {"name": run.resolve().name, "preset": config["preset"], "config": config,
             "machine": machine, "schedule": f"rate {config['rate']:g}, {config['schedule']}",
             "updates": len(updates), "seconds": sum(update["seconds"] for update in updates),
             "deaths": sum(map(is_death, updates)),
             "gave_up": updates[-1].get("event") == "gave up", "eval": json.loads(judged)}
    pilots = json.loads((FOLDER / "pilots.json").read_text(encoding="utf-8"))
    runs = {of["name"]: of for of in pilots.get(group, [])}   # in the order in which they came
    write_json("pilots", {**pilots, group: list({**runs, pilot["name"]: pilot}.values())})


def laid_out(value):
    """JSON with a line for each key, and for each member of a list of objects: for each run."""
    def line(part):
        return json.dumps(part, ensure_ascii=False)

    keys = []
    for key, part in value.items():
        if isinstance(part, list) and part and isinstance(part[0], dict):
            part_text = "[\n  " + ",\n  ".join(map(line, part)) + "\n ]"
        else:
            part_text = line(part)
        keys.append(f" {line(key)}: {part_text}")
    return "{\n" + ",\n".join(keys) + "\n}\n"


def write_json(name, value):
    (FOLDER / f"{name}.json").write_text(laid_out(value), encoding="utf-8")


def main(words):
    if len(words) == 3 and words[0] == "--pilot" and words[2] in ("pilots", "remedies"):
        add_pilot(pathlib.Path(words[1]), words[2])
    elif len(words) == 2 and not words[0].startswith("-"):
        make_figures(*(pathlib.Path(word).resolve() for word in words))
    else:
        give_up("STUDY FULL, or --pilot RUN_DIR pilots|remedies")


if __name__ == "__main__":
    main(sys.argv[1:])
