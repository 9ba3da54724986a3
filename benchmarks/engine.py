"""How long `whet check` takes on CPython's standard library, next to linters that look for the same things.

    python benchmarks/engine.py [--whet COMMAND] [--tools NAME,...] [--rounds N] [--json FILE]

The files are the standard library of the interpreter that runs this, without its tests and what is vendored, copied
into a temporary folder. ruff (PERF, C4, FURB, SIM, PIE), perflint (all its messages, as pylint loads it) and fixit (the
rules that are on by default) are installed in an environment of their own under ~/.cache/whet-benchmarks. A figure is
the median over the rounds, of fresh processes; perflint and fixit, which take minutes, run once. Linux or macOS only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from lib.environment import find_whet
from lib.linters import find_linters
from lib.tables import print_heading, print_table

LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "__pycache__", "lib2to3", "_vendor", "_bundled"}
PERFLINT = "W8101,W8102,W8201,W8202,W8204,W8205,W8401,W8402,W8403"
SLOW = {"perflint", "fixit"}
RUFF = ("check", "--isolated", "--exit-zero", "--quiet", "--select", "PERF,C4,FURB,SIM,PIE", "--preview")
FOUND = "import re\n\n\ndef parse(line):\n    return re.match(r'(\\w+)=(\\w*)', line)\n"
NOTHING = "def add(a, b):\n    return a + b\n"


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        lines, files = copy_library(folder / "library")
        whet = find_whet(arguments.whet)
        if whet is None:
            sys.exit("whet is not beside this interpreter; --whet COMMAND names it")
        machine = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
        wanted = set(arguments.tools.split(",")) if arguments.tools else {"whet", "ruff", *SLOW}
        runs = list_whet_runs(whet, folder)
        if wanted - {"whet"}:
            commands, versions = find_linters()
            machine |= versions
            runs += list_peer_runs(commands, versions, folder)
        print_heading("whet check and its peers on the standard library", machine)
        rows, raw = [], {}
        for label, tool, run in runs:
            if tool not in wanted:
                continue
            figures = [measure(run) for _ in range(1 if tool in SLOW else arguments.rounds)]
            raw[label] = figures
            print(f"{label}: {figures[-1][1]:.2f} CPU seconds", file=sys.stderr)
            rows.append(
                [label, *(f"{median(figure[at] for figure in figures):.2f}" for at in (0, 1)), show_memory(figures)]
            )
        print_table(f"{lines:,} lines in {files} files", ("", "seconds", "CPU seconds", "MB"), rows)
        if arguments.json:
            arguments.json.write_text(json.dumps(raw, indent=1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How long whet check takes, and its peers.")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--tools", help="of whet,ruff,perflint,fixit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    return parser.parse_args()


def copy_library(target: Path) -> tuple[int, int]:
    """Copy the sources of the standard library, and return how many lines and files there are."""
    source = Path(sysconfig.get_paths()["stdlib"])
    lines = files = 0
    for path in sorted(source.rglob("*.py")):
        relative = path.relative_to(source)
        if LEFT_OUT & set(relative.parts):
            continue
        data = path.read_bytes()
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        (target / relative).write_bytes(data)
        lines, files = lines + data.count(b"\n"), files + 1
    return lines, files


Run = tuple[list[str], dict[str, str], Callable[[], None]]


def list_whet_runs(whet: list[str], folder: Path) -> list[tuple[str, str, Run]]:
    """Return what is measured: a label, the tool, and its command, environment and what to do before."""
    library, cache = str(folder / "library"), folder / "cache"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    # As where whet is installed: its own bytecode is kept.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    one = folder / "library" / "whet_benchmark_one.py"
    turn = iter(range(1_000_000))

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    def write(text: str) -> Callable[[], None]:
        # Another content each time: it has changed.
        return lambda: one.write_text(f"{text}\n# {next(turn)}\n") and None

    def nothing() -> None:
        one.unlink(missing_ok=True)

    check = [*whet, "check", "--exit-zero", "--select", "ALL"]
    return [
        ("whet check, no cache", "whet", ([*check, "--no-cache", library], environment, nothing)),
        (
            "whet check, one process, no cache",
            "whet",
            ([*check, "--no-cache", "-j", "1", library], environment, nothing),
        ),
        ("whet check, first run with cache", "whet", ([*check, library], environment, forget)),
        ("whet check, cache", "whet", ([*check, library], environment, nothing)),
        ("whet check, one changed file, nothing found", "whet", ([*check, str(one)], environment, write(NOTHING))),
        ("whet check, one changed file, one finding", "whet", ([*check, str(one)], environment, write(FOUND))),
    ]


def list_peer_runs(commands: Path, versions: dict[str, str], folder: Path) -> list[tuple[str, str, Run]]:
    """Return the same for the linters that are there."""
    library, cache = str(folder / "library"), folder / "cache"
    environment = {**os.environ, "PYLINTHOME": str(cache / "pylint")}

    def nothing() -> None:
        (folder / "library" / "whet_benchmark_one.py").unlink(missing_ok=True)

    ruff = [str(commands / "ruff"), *RUFF]
    pylint = [str(commands / "pylint"), "--load-plugins=perflint", "--disable=all", f"--enable={PERFLINT}"]
    fixit = [str(commands / "fixit"), "--quiet", "lint", library]
    runs: list[tuple[str, str, list[str]]] = [
        ("ruff, no cache", "ruff", [*ruff, "--no-cache", library]),
        ("ruff, cache", "ruff", [*ruff, "--cache-dir", str(cache / "ruff"), library]),
        ("perflint", "perflint", [*pylint, "-j", str(os.cpu_count() or 1), "--exit-zero", library]),
        ("fixit", "fixit", fixit),
    ]
    return [(label, tool, (command, environment, nothing)) for label, tool, command in runs if tool in versions]


def measure(run: Run) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds of all its processes, and the largest one's resident memory in MB."""
    command, environment, prepare = run
    prepare()
    before, start = os.times(), time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    unit = 1 if sys.platform == "darwin" else 1024
    return wall, cpu, usage.ru_maxrss * unit / 1e6


def show_memory(figures: list[tuple[float, float, float]]) -> str:
    return f"{max(figure[2] for figure in figures):.0f}"


if __name__ == "__main__":
    main()
