"""What starting costs: `import whet`, `whet --help` and completion, against Python alone and against importing typer.

    python benchmarks/start.py [--whet COMMAND] [--rounds N] [--json FILE]

Each round runs each command once, in random order; a difference or ratio is of two commands of one round. typer, which
many command lines are made with, takes part where it is installed beside the interpreter that runs this.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from lib.environment import find_whet
from lib.tables import print_heading, print_table, show_ratio

PLAIN = "python -c pass"
TYPER = 'python -c "import typer"'


def main() -> None:
    arguments = parse_arguments()
    commands = list_commands(arguments.whet)
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(-1, arguments.rounds):  # one that does not count: caches fill
        for name in random.sample(list(commands), len(commands)):
            took = time_command(commands[name])
            if number >= 0:
                seconds[name].append(took)
    machine = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    print_heading("Milliseconds to start", machine)
    print_table(f"{arguments.rounds} rounds", ("", "median", "min", "over python", "of typer"), list_rows(seconds))
    if arguments.json:
        arguments.json.write_text(json.dumps(seconds, indent=1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What starting whet costs.")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    return parser.parse_args()


def list_commands(named: str | None) -> dict[str, Sequence[str]]:
    """Return what is timed, by what it is called."""
    whet = find_whet(named)
    if whet is None:
        sys.exit("whet is not beside this interpreter; --whet COMMAND names it")
    commands: dict[str, Sequence[str]] = {
        PLAIN: (sys.executable, "-c", "pass"),
        'python -c "import whet"': (sys.executable, "-c", "import whet"),
        "whet --help": (*whet, "--help"),
        "whet run --help": (*whet, "run", "--help"),
        "whet completion bash": (*whet, "completion", "bash"),
    }
    if importlib.util.find_spec("typer") is not None:
        commands[TYPER] = (sys.executable, "-c", "import typer")
    return commands


def time_command(words: Sequence[str]) -> float:
    """Run a command to its end and return its seconds."""
    # Installed packages are compiled; a checkout is so after the first round, unless this keeps Python from it.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(words)}: status {done.returncode}")
    return took


def list_rows(seconds: dict[str, list[float]]) -> list[list[str]]:
    """Return a row for each command: what it adds to Python's own start, and its part of importing typer."""
    rows = []
    for name, taken in seconds.items():
        added = median(own - plain for own, plain in zip(taken, seconds[PLAIN], strict=True))
        of_typer = None
        if TYPER in seconds:
            of_typer = median(own / typer for own, typer in zip(taken, seconds[TYPER], strict=True))
        figures = (median(taken), min(taken), added)
        rows.append([name, *(f"{1e3 * figure:.0f}" for figure in figures), show_ratio(of_typer)])
    return rows


if __name__ == "__main__":
    main()
