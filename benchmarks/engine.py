"""How long `whet check` takes on CPython's standard library, next to linters that look for the same things.

    python benchmarks/engine.py [--whet COMMAND] [--tools NAME,...] [--rounds N] [--json FILE]

The files are the standard library of the interpreter that runs this, without its tests and what is vendored, copied
into a temporary folder. ruff (PERF, C4, FURB, SIM, PIE), perflint (as pylint loads it) and fixit are measured where
they are installed. Each figure is the median over the rounds, of fresh processes. Linux or macOS only.
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
from lib.tables import print_heading, print_table

LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "__pycache__", "lib2to3", "_vendor", "_bundled"}
RUFF = ("ruff", "check", "--isolated", "--exit-zero", "--quiet", "--select", "PERF,C4,FURB,SIM,PIE", "--preview")
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
        print_heading("whet check and its peers on the standard library", machine)
        wanted = set(arguments.tools.split(",")) if arguments.tools else None
        rows, raw = [], {}
        for label, tool, run in list_runs(whet, folder):
            if wanted is not None and tool not in wanted:
                continue
            figures = [measure(run) for _ in range(arguments.rounds)]
            raw[label] = figures
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


def list_runs(whet: list[str], folder: Path) -> list[tuple[str, str, Run]]:
    """Return what is measured: a label, the tool, and its command, environment and what to do before."""
    library, cache = str(folder / "library"), folder / "cache"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
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
    runs: list[tuple[str, str, Run]] = [
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
    ruff = find_tool("ruff")
    if ruff:
        command = [ruff, *RUFF[1:]]
        runs.append(("ruff, no cache", "ruff", ([*command, "--no-cache", library], environment, nothing)))
        runs.append(
            ("ruff, cache", "ruff", ([*command, "--cache-dir", str(cache / "ruff"), library], environment, nothing))
        )
    pylint = find_tool("pylint")
    if pylint and has_module("perflint"):
        options = ["--load-plugins=perflint", "--disable=all", "--enable=W8101,W8102,W8201,W8202,W8203,W8204,W8205"]
        runs.append(
            ("perflint", "perflint", ([pylint, *options, "-j", "2", "--exit-zero", library], environment, nothing))
        )
    fixit = find_tool("fixit")
    if fixit:
        runs.append(("fixit", "fixit", ([fixit, "--quiet", "lint", library], environment, nothing)))
    return runs


def find_tool(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or ""


def has_module(name: str) -> bool:
    return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


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
