"""What a profiler adds to a whole command, its own start and end included: of a one-line script, and of one second.

    python benchmarks/fixed_cost.py [--whet COMMAND] [--against COMMAND] [--rounds N] [--seconds S] [--json FILE]

Each round runs each script by itself and under each tool, in random order; a ratio is of two runs of one round.
`--against` is another whet, an older build for example. pyinstrument and Scalene take part where they are installed
beside the interpreter that runs this. All run with their defaults and write their reports.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from lib.environment import find_whet
from lib.tables import print_heading, print_table, show_ratio

ONE_LINE = "print('hello')\n"
WORK = """\
import sys

def work(number):
    total = 0
    for each in range(10_000):
        total += each * number % 7
    return total

for number in range(int(sys.argv[1])):
    work(number)
"""
PEERS = {"pyinstrument": ("pyinstrument", "-o", "pyinstrument.txt"), "scalene": ("scalene", "run")}


def main() -> None:
    arguments = parse_arguments()
    tools = find_tools(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "pyproject.toml").touch()
        (folder / "one_line.py").write_text(ONE_LINE)
        (folder / "work.py").write_text(WORK)
        loops = calibrate(folder, arguments.seconds)
        scripts = {"one line": ("one_line.py",), f"{arguments.seconds:g} s": ("work.py", str(loops))}
        seconds: dict[str, dict[str, list[float]]] = {script: {tool: [] for tool in tools} for script in scripts}
        for number in range(-1, arguments.rounds):  # one that does not count: caches fill
            order = [(script, tool) for script in scripts for tool in tools]
            random.shuffle(order)
            for script, tool in order:
                took = time_command((*tools[tool], *scripts[script]), folder)
                if number >= 0:
                    seconds[script][tool].append(took)
    machine = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    print_heading("Seconds of a whole command", machine)
    for script, taken in seconds.items():
        print_table(script, ("", "median", "min", "over plain"), list_rows(taken))
    if arguments.json:
        arguments.json.write_text(json.dumps(seconds, indent=1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What profilers add to a whole command.")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--against", help="command that starts another whet to compare with")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.05, help="how long the longer script takes by itself")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    return parser.parse_args()


def find_tools(arguments: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Return the words that stand before a script, for each tool that is there."""
    tools: dict[str, tuple[str, ...]] = {"plain": (sys.executable,)}
    whet = find_whet(arguments.whet)
    if whet is None:
        sys.exit("whet is not beside this interpreter; --whet COMMAND names it")
    options = ("run", "--python", sys.executable)
    tools["whet"] = (*whet, *options)
    if arguments.against:
        tools["whet before"] = (*arguments.against.split(), *options)
    beside = Path(sys.executable).parent
    for name, (command, *words) in PEERS.items():
        if (beside / command).exists():
            tools[name] = (str(beside / command), *words)
    return tools


def calibrate(folder: Path, seconds: float) -> int:
    """Return how many times the longer script must do its work to take so long."""
    loops = 100
    start = time_command((sys.executable, "work.py", "0"), folder)
    while (took := time_command((sys.executable, "work.py", str(loops)), folder) - start) < seconds / 3:
        loops *= 2
    return round(loops * (seconds - start) / took)


def time_command(words: Sequence[str], folder: Path) -> float:
    """Run a command to its end and return its seconds."""
    # Installed packages are compiled; a checkout is so after the first round, unless this keeps Python from it.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    said = subprocess.DEVNULL
    began = time.perf_counter()
    done = subprocess.run(words, cwd=folder, stdout=said, stderr=said, env=environ, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(words)}: status {done.returncode}")
    return took


def list_rows(taken: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """Return a row for each tool."""
    return [
        [
            tool,
            f"{median(seconds):.3f}",
            f"{min(seconds):.3f}",
            show_ratio(median(own / plain for own, plain in zip(seconds, taken["plain"], strict=True))),
        ]
        for tool, seconds in taken.items()
    ]


if __name__ == "__main__":
    main()
