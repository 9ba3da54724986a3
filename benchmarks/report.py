"""What the HTML report weighs and how quickly it answers in a browser, against its budgets.

    python benchmarks/report.py [--only demo,samples,deep,source,suggestions] [--json FILE]

Five reports: the demo (profiled anew), 1 million samples over 50,000 nodes, calls 20,000 deep, a source of
100,000 lines, 500 suggestions. Times in the browser are the median of five visits on Chromium without a GPU.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from merge import LIBRARY, PROJECT, STDLIB, make_capture, make_sources

from whet.formats.pyspy_raw import PySpyRaw
from whet.merge.align import align_profile
from whet.merge.ownership import Ownership
from whet.model.advice import Advice
from whet.model.flame import CallColumn, CallTree
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Thread
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile
from whet.pipeline.advise.show import show
from whet.report.fakes import ORDERS, make_advice, make_calls, make_flames, make_hotspots, make_run
from whet.report.html import HtmlRenderer
from whet.report.view import ReportView, build_view
from whet.report.write import write_report

VISITS = 5
KB = 1_000


@dataclass(frozen=True)
class Bar:
    """A figure, what it may be at most, and its unit."""

    name: str
    most: float
    unit: str


BARS = (
    Bar("script and style", 100, "kB"),
    Bar("static HTML", 600, "kB"),
    Bar("flame data", 400, "kB"),
    Bar("whole file", 2_000, "kB"),
    Bar("DOM elements", 15_000, ""),
    Bar("samples to HTML", 3.0, "s"),
    Bar("its CPU time", 3.0, "s"),
    Bar("first paint", 500, "ms"),
    Bar("flame ready", 1_000, "ms"),
    Bar("zoom", 50, "ms"),
    Bar("search", 50, "ms"),
    Bar("whole source", 200, "ms"),
)


@dataclass
class Report:
    """One report, and what was measured of it."""

    name: str
    path: Path
    figures: dict[str, float] = field(default_factory=dict)


def make_demo(folder: Path) -> Report:
    """Profile the example program."""
    whet = Path(sys.executable).parent / "whet"
    program = Path(__file__).parent.parent / "fixtures" / "targets" / "orders.py"
    path = folder / "demo.html"
    command = [str(whet), "run", "--memory", "-o", str(path), str(program)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return Report("demo", path)


def make_samples(folder: Path) -> Report:
    """Read, merge and show a million samples."""
    sources = make_sources()
    capture = folder / "capture.raw"
    make_capture(capture, 1_000_000, 50_000)
    started, computed = time.perf_counter(), time.process_time()
    with capture.open("rb") as file:
        (profile,) = PySpyRaw().read(file)
    aligned = align_profile(profile, sources, Ownership(project=PROJECT, stdlib=(STDLIB,), site_packages=(LIBRARY,)))
    busy = sum(sum(entry.value) for entry in aligned.samples)
    run = Run(
        whet_version="0",
        command=("mod0.py",),
        started="2025-01-01T00:00:00+00:00",
        directory=PROJECT,
        project=str(folder),
        interpreter=Interpreter("python", "3.13.0"),
        executions=(Execution(Purpose.TIME, ("py-spy",), busy, busy, 0),),
        profiles=(aligned,),
        sources=sources,
    )
    path = folder / "samples.html"
    write_report(show(run).view, path)
    # Beside other programs the clock tells of those too.
    figures = {"samples to HTML": time.perf_counter() - started, "its CPU time": time.process_time() - computed}
    return Report("samples", path, figures)


def make_deep(folder: Path) -> Report:
    """One chain of calls, 20,000 deep."""
    depth = 20_000
    frames = [Frame(ORDERS, "ping", 9, 9), Frame(ORDERS, "pong", 15, 15)]
    column = CallColumn(Metric.CPU, 0, 0, range(depth), [10_000_000] * depth, depth)
    tree = CallTree(frames, (Thread(1, 1),), range(depth), [row % 2 for row in range(depth)], (column,))
    return _write(folder, "deep", build_view(make_run(), make_hotspots(), make_advice(), make_flames(), calls=tree))


def make_source(folder: Path) -> Report:
    """A source of 100,000 lines."""
    run = make_run()
    lines = [f"record_{n} = compute(lookup[{n % 997}], limit={n * 7919 % 100_003})" for n in range(100_000)]
    text = run.sources[ORDERS].text + "\n".join(lines) + "\n"
    source = SourceFile(ORDERS, "orders.py", sha256(text.encode()).hexdigest(), text)
    run = replace(run, sources={**run.sources, ORDERS: source})
    view = build_view(run, make_hotspots(), make_advice(), make_flames(), calls=make_calls())
    return _write(folder, "source", view)


def make_suggestions(folder: Path) -> Report:
    """Five hundred suggestions."""
    advice: list[Advice] = []
    for number in range(250):
        advice += [replace(item, id=f"{item.id}{number}") for item in make_advice()]
    view = build_view(make_run(), make_hotspots(), advice, make_flames(), calls=make_calls())
    return _write(folder, "suggestions", view)


def _write(folder: Path, name: str, view: ReportView) -> Report:
    path = folder / f"{name}.html"
    with path.open("wb") as sink:
        HtmlRenderer().render(view, sink)
    return Report(name, path)


MAKERS: dict[str, Callable[[Path], Report]] = {
    "demo": make_demo,
    "samples": make_samples,
    "deep": make_deep,
    "source": make_source,
    "suggestions": make_suggestions,
}


def weigh(report: Report) -> None:
    """Take the sizes from the file."""
    text = report.path.read_text(encoding="utf-8")
    parts = {tag: re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", text, re.DOTALL) for tag in ("script", "style", "template")}
    size = {tag: sum(len(part.encode()) for part in found) for tag, found in parts.items()}
    flame = re.search(r'<template id="flame-data">(.*?)</template>', text, re.DOTALL)
    whole = report.path.stat().st_size
    report.figures |= {
        "script and style": (size["script"] + size["style"]) / KB,
        "static HTML": (whole - sum(size.values())) / KB,
        "flame data": len(flame[1]) / KB if flame else 0.0,
        "whole file": whole / KB,
    }


# Each answer is timed with the painting that it asks for: from the event to where the next frame's callbacks end.
TIME = """async (act) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
  await frame();
  await new Promise((done) => setTimeout(done));
  const began = performance.now();
  await act();
  await frame();
  return performance.now() - began;
}"""
ZOOM = f"""() => ({TIME})(async () => {{
  const box = document.getElementById("flame-main");
  box.focus();
  for (const key of ["ArrowDown", "ArrowDown", "Enter"]) box.dispatchEvent(new KeyboardEvent("keydown", {{ key }}));
}})"""
SEARCH = f"""() => ({TIME})(async () => {{
  const field = document.querySelector("[data-part=search]");
  field.value = "o";
  field.dispatchEvent(new Event("input"));
}})"""
SOURCE = f"""() => ({TIME})(async () => {{
  document.querySelector("button.whole").click();
  while (!document.querySelector(".pane-lines > div")) await new Promise((done) => setTimeout(done));
}})"""


def visit(browser: Any, report: Report) -> dict[str, float]:  # noqa: ANN401 - Playwright is imported late
    """Open the report once and use it."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(report.path.as_uri())
    page.wait_for_selector("#flame[data-ready]", state="attached")
    page.wait_for_timeout(200)
    told = {
        "first paint": page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"),
        "flame ready": page.evaluate("performance.getEntriesByName('flame-ready')[0].startTime"),
        "DOM elements": page.evaluate("document.querySelectorAll('*').length"),
        "zoom": page.evaluate(ZOOM),
        "search": page.evaluate(SEARCH),
    }
    if page.locator("button.whole").count():
        told["whole source"] = page.evaluate(SOURCE)
    page.close()
    return told


def use(reports: list[Report]) -> str:
    """Measure all reports in a browser and return its version."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        names = ("chromium-headless-shell", "chromium", "google-chrome")
        executable = next(filter(None, map(shutil.which, names)), None)
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        for report in reports:
            visits = [visit(browser, report) for _ in range(VISITS)]
            for name in visits[0]:
                report.figures[name] = statistics.median(each[name] for each in visits)
        version: str = browser.version
        browser.close()
    return version


def print_table(reports: list[Report]) -> bool:
    """Print the figures beside their bars; return whether all hold."""
    width = max(len(bar.name) for bar in BARS) + 2
    print(f"{'':<{width}}{'at most':>12}" + "".join(f"{report.name:>16}" for report in reports))
    holds = True
    for bar in BARS:
        cells = []
        for report in reports:
            value = report.figures.get(bar.name)
            over = value is not None and not value <= bar.most
            holds = holds and not over
            digits = 2 if bar.unit == "s" else 0
            text = "" if value is None else f"{value:,.{digits}f} {bar.unit}{' !' if over else ''}".rstrip()
            cells.append(f"{text:>16}")
        print(f"{bar.name:<{width}}{f'{bar.most:,g} {bar.unit}'.rstrip():>12}" + "".join(cells))
    return holds


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(MAKERS), help="reports, comma separated")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        reports = [MAKERS[kind](Path(name)) for kind in options.only.split(",")]
        for report in reports:
            weigh(report)
        version = use(reports)
    print(f"Chromium {version}, Python {sys.version.split()[0]}; an exclamation mark stands where a budget is exceeded")
    holds = print_table(reports)
    if options.json:
        options.json.write_text(json.dumps({report.name: report.figures for report in reports}, indent=2) + "\n")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
