"""Whether the gains that advice estimates are those that proof measures.

    python benchmarks/estimates.py [--only NAMES] [--whet COMMAND] [--runs N] [--budget TIME] [--json FILE]

Programs are measured by `whet run` and their rewrites tried by `whet prove`: the demo, small programs with one slow
habit each (`programs/slow_work.py`), and ordinary work of packages from PyPI in versions that were slow
(`programs/package_work.py`), whose code counts as the program's. For each rewrite that could be measured on its own the
table has the estimate, an interval, and the measured gain. An interval holds the truth if the measured gain is within
it, or within 5 % of it: so much is the measurement's own error. It should in 80 of 100. Rewrites without figures of a
benchmark state the most that they can gain, and count as well; those of which nothing is estimated do not.

Most lines that maintainers fixed for speed get advice and no edit. There the gain is that of the maintainers' own fix:
the same work with the version before it and the one after, in pairs of runs one after the other, in CPU time. The
estimate is that of the advice of all rules of the fix's kind on the file, taken together.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from growing_packages import CASES, install
from lib.environment import describe_machine, find_whet, probe
from lib.tables import print_heading, print_table

PROGRAMS = Path(__file__).parent / "programs"
DEMO = Path(__file__).parents[1] / "fixtures" / "targets" / "orders.py"
WITHIN = 0.05
_LEAST = 0.001
"""The least part of a run that is left, as in whet's own estimates."""
SLOW = {
    "membership": 100_000, "joined": 600_000, "pattern": 300_000, "queue": 60_000, "copies": 40_000, "dicts": 60_000,
    "lists": 5_000_000, "cached": 40_000, "sorting": 50_000, "lookups": 3_000_000, "starts": 1_000_000, "joins": 1_500,
    "flattened": 6_000, "fibonacci": 26, "counted": 60_000, "encoded": 60_000, "prefixes": 1_500_000,
    "removed": 20_000, "minimum": 5_000, "ranges": 8_000,
}  # fmt: skip
"""The jobs of `slow_work.py`, with sizes at which they take a second or so."""
PACKAGES = {
    "zipp": (900, ("zipp==1.0.0", "more-itertools==10.5.0")),
    "base58": (3_000, ("base58==2.0.1",)),
    "pypdf_hex": (300_000, ("pypdf==6.7.4",)),
    "wcwidth": (5_000, ("wcwidth==0.1.8",)),
    "xlsxwriter": (10_000, ("XlsxWriter==1.2.0",)),
}
"""More jobs of `package_work.py`: their sizes, and versions of packages."""


@dataclass(frozen=True)
class Fixed:
    """A line that maintainers fixed: the file and the rules that name it, and the versions before and after."""

    name: str
    size: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    file: str
    rules: tuple[str, ...]


def _list_versions(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return next((case.before, case.after) for case in CASES if case.name == name)


_COPIED = ("str-concat", "accumulate-concat")
_BYTES = ("bytes-to-int",)
_H11 = "h11==0.9.0"
FIXED = (
    Fixed("tornado", 40_000, ("tornado==6.5.2",), ("tornado==6.5.3",), "tornado/httputil.py", _COPIED),
    Fixed("urllib3", 20_000, ("urllib3==1.25.7",), ("urllib3==1.25.8",), "urllib3/util/url.py", ("passes-over-text",)),
    Fixed("markdown", 3_000, ("Markdown==3.5",), ("Markdown==3.5.1",), "markdown/htmlparser.py", ("regex-compile",)),
    Fixed("smart_open", 6_000, ("smart-open==6.1.0",), ("smart-open==6.2.0",), "smart_open/bytebuffer.py", _COPIED),
    Fixed("wsproto", 15_000, ("wsproto==0.14.1", _H11), ("wsproto==0.15.0", _H11), "frame_protocol.py", _BYTES),
    Fixed("websockets", 15_000, ("websockets==8.1",), ("websockets==10.0",), "websockets/utils.py", _BYTES),
    Fixed("cachetools", 30_000, ("cachetools==5.5.2",), ("cachetools==6.2.0",), "__init__.py", ("sort-in-loop",)),
    Fixed(
        "petastorm",
        400_000,
        ("petastorm==0.7.4", "six==1.16.0"),
        ("petastorm==0.7.6", "six==1.16.0"),
        "reader_impl/shuffling_buffer.py",
        ("pop0-deque",),
    ),
    Fixed("hpack", 40_000, ("hpack==3.0.0",), ("hpack==4.0.0",), "hpack/table.py", ("nested-join",)),
    Fixed("httpx", 2_000, *_list_versions("httpx"), "httpx/_decoders.py", (*_COPIED, "slice-consume")),
    Fixed("pyasn1", 4_000, *_list_versions("pyasn1"), "ber/decoder.py", ("slice-consume",)),
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="programs by name, separated by commas")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--runs", default="8", help="pairs of runs for each rewrite")
    parser.add_argument("--budget", default="4m", help="of each proof")
    parser.add_argument("--json", type=Path, help="write everything measured to this file, after each program")
    return parser.parse_args()


def list_programs() -> Iterator[tuple[str, Path, list[str], tuple[str, ...]]]:
    """Yield name, script, arguments, and versions of packages that the program's code is in."""
    yield "demo", DEMO, ["--orders", "6000"], ()
    for name, size in SLOW.items():
        yield name, PROGRAMS / "slow_work.py", [name, str(size)], ()
    for name, (size, versions) in PACKAGES.items():
        yield name, PROGRAMS / "package_work.py", [name, str(size)], versions
    for case in CASES:
        if case.name not in {fixed.name for fixed in FIXED}:
            yield case.name, PROGRAMS / "package_work.py", [case.name, str(case.sizes[2])], case.before


def prepare(
    options: argparse.Namespace, script: Path, arguments: list[str], versions: tuple[str, ...], folder: str
) -> Callable[..., str]:
    """Measure a program in ``folder``; return what runs another command of whet there, and returns what it prints."""
    shutil.copy(script, folder)
    if script == DEMO:
        shutil.copytree(DEMO.with_name("orderbook"), Path(folder) / "orderbook")
    environment, given = dict(os.environ), []
    if versions:
        # In the program's own folder, so that its code may be rewritten.
        packages = Path(folder) / "vendored"
        shutil.copytree(install(sys.executable, versions), packages)
        environment["PYTHONPATH"] = str(packages)
        given = ["--include", f"{packages}/*"]

    def whet(*words: str) -> str:
        command = [*options.start, *words]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, encoding="utf-8"
        )
        return done.stdout

    whet("run", *given, "--", "python", script.name, *arguments)
    return whet


def try_fix(options: argparse.Namespace, case: Fixed) -> list[dict[str, Any]]:
    """Return the estimate of a line that maintainers fixed, and what their fix gained; nothing without advice."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [case.name, str(case.size)]
        whet = prepare(options, PROGRAMS / "package_work.py", arguments, case.before, folder)
        try:
            advice = json.loads(whet("report", "--format", "json"))["advice"]
        except ValueError:
            return []
    of_fix = [each for each in advice if each["rule"] in case.rules and each["file"].endswith(case.file)]
    if not of_fix:
        return []
    saved = {end: sum(1 - 1 / each["estimate"][end] for each in of_fix) for end in ("low", "high")}
    estimate = {end: 1 / max(1 - part, _LEAST) for end, part in saved.items()}
    best = max(of_fix, key=lambda each: each["share"])
    ratios = []
    for _ in range(int(options.runs)):
        sides = dict.fromkeys(random.sample((case.before, case.after), 2), 0.0)
        for versions in sides:
            sides[versions] = time_work(case, versions)
        ratios.append(math.log(sides[case.before] / sides[case.after]))
    middle, error = statistics.fmean(ratios), 2 * statistics.stdev(ratios) / math.sqrt(len(ratios))
    gain = {"speed": math.exp(middle), "low": math.exp(middle - error), "high": math.exp(middle + error)}
    place = f"{best['file']}:{best['line']}"
    share = sum(each["share"] for each in of_fix)
    estimate = {**estimate, "is_measured": all(each["estimate"]["is_measured"] for each in of_fix)}
    return [
        {
            "rule": best["rule"],
            "share": share,
            "estimate": estimate,
            "place": place,
            "verdict": f"fixed in {case.after[0]}",
            "gain": gain,
        }
    ]


def time_work(case: Fixed, versions: tuple[str, ...]) -> float:
    """Return the CPU seconds of a program with these versions."""
    folder = install(sys.executable, versions)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, str(PROGRAMS / "package_work.py"), case.name, str(case.size)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(folder)}, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def try_program(
    options: argparse.Namespace, script: Path, arguments: list[str], versions: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return the rewrites that were measured on their own, with estimate and gain."""
    with tempfile.TemporaryDirectory() as folder:
        whet = prepare(options, script, arguments, versions, folder)
        try:
            advice = {each["id"]: each for each in json.loads(whet("report", "--format", "json"))["advice"]}
            proof = json.loads(whet("prove", "--runs", options.runs, "--budget", options.budget, "--format", "json"))
        except ValueError:
            return []
    return [
        {
            "rule": trial["rule"],
            "place": trial["place"],
            "share": advice[trial["id"]]["share"],
            "estimate": advice[trial["id"]]["estimate"],
            "verdict": trial["verdict"],
            "gain": trial["gain"],
        }
        for trial in proof["rewrites"]
        if trial["gain"] is not None and not trial["judged_with"] and trial["id"] in advice
    ]


def holds(each: dict[str, Any]) -> bool:
    estimate, gain = each["estimate"], each["gain"]["speed"]
    return estimate["low"] * (1 - WITHIN) <= gain <= estimate["high"] * (1 + WITHIN)


def is_estimated(each: dict[str, Any]) -> bool:
    return each["estimate"]["high"] > 1 or each["estimate"]["low"] < 1


def main() -> None:
    options = parse_arguments()
    options.start = find_whet(options.whet)
    if options.start is None:
        sys.exit("whet is not beside this interpreter; --whet COMMAND names it")
    print_heading("Estimated and measured gains", describe_machine(probe(Path(sys.executable)), options.start))
    found: list[dict[str, Any]] = []
    chosen = options.only.split(",") if options.only else None
    work: list[tuple[str, Callable[[], list[dict[str, Any]]]]] = [
        (name, functools.partial(try_program, options, script, arguments, versions))
        for name, script, arguments, versions in list_programs()
    ]
    work += [(case.name, functools.partial(try_fix, options, case)) for case in FIXED]
    for name, measure in work:
        if chosen is not None and name not in chosen:
            continue
        measured = measure()
        found += [{"program": name, **each} for each in measured]
        print(f"  {name}: {len(measured)} measured", file=sys.stderr, flush=True)
        if options.json is not None:
            options.json.write_text(json.dumps(found, indent=1), "utf-8")
    rows = [
        (
            each["program"],
            each["rule"],
            f"{each['share'] * 100:.0f} %",
            f"{each['estimate']['low']:.2f} to {each['estimate']['high']:.2f}",
            "yes" if each["estimate"]["is_measured"] else "no",
            f"{each['gain']['speed']:.2f} [{each['gain']['low']:.2f}, {each['gain']['high']:.2f}]",
            ("" if holds(each) else "outside") if is_estimated(each) else "no estimate",
        )
        for each in found
    ]
    heads = ("program", "rule", "share", "estimated", "by a benchmark", "measured", "")
    print_table("Gains of whole programs, how many times as fast", heads, rows)
    estimated = [each for each in found if is_estimated(each)]
    inside = sum(map(holds, estimated))
    if estimated:
        part = 100 * inside / len(estimated)
        print(f"\n{inside} of {len(estimated)} intervals hold the measured gain ({part:.0f} %)")


if __name__ == "__main__":
    main()
