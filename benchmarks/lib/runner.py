"""Runs commands one after the other, interleaved, and measures each one's process tree."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ELAPSED = "BENCH_ELAPSED"
LOOPS = "BENCH_LOOPS"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One command: wall and CPU seconds of its process tree, and what the programs inside measured themselves.

    ``executions`` holds one dict for each execution of the program, in order, as it wrote it
    (``wall`` and ``cpu`` seconds between its own start and end).
    """

    status: int
    wall: float
    cpu: float
    output: str
    executions: tuple[dict, ...] = field(default=())
    peak: int = 0
    """Bytes of the largest process of its tree, of those that were waited for."""

    @property
    def ok(self) -> bool:
        return self.status == 0


def run_once(
    command: Sequence[str | Path], folder: Path, *, loops: int = 1, timeout: float = 900, extra: dict | None = None
) -> Outcome:
    """Run one command in ``folder``; its output is kept, not shown. A command beyond ``timeout`` seconds is ended."""
    elapsed = folder / "elapsed.jsonl"
    elapsed.unlink(missing_ok=True)
    dropped = ("PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX")
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    env |= {ELAPSED: str(elapsed), LOOPS: str(loops), "PYTHONHASHSEED": "0", "NO_COLOR": "1", **(extra or {})}
    with (folder / "output.txt").open("wb") as sink:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=env,
            start_new_session=True,
        )
        timer = threading.Timer(timeout, end_group, [process.pid])
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            end_group(process.pid)
            raise
        finally:
            timer.cancel()
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    output = (folder / "output.txt").read_text(errors="replace")
    said = elapsed.read_text().splitlines() if elapsed.exists() else []
    executions = join_executions([json.loads(line) for line in said])
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Outcome(process.returncode, wall, cpu_of(usage), output, executions, peak)


def join_executions(rows: list[dict]) -> tuple[dict, ...]:
    """Return one dict for each process: a program with several workloads writes a line for each."""
    joined: dict[int, dict] = {}
    for number, row in enumerate(rows):
        key = row.pop("pid", -number - 1)
        before = joined.get(key, {})
        joined[key] = {name: before.get(name, 0.0) + value for name, value in row.items()}
    return tuple(joined.values())


def cpu_of(usage: resource.struct_rusage) -> float:
    """Return user and system seconds of a process and of the children that it waited for."""
    return usage.ru_utime + usage.ru_stime


def end_group(pid: int) -> None:
    """End a command and what it started; it leads a session of its own."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def interleave(rows: Sequence[str], columns: Sequence[str], rounds: int, seed: int) -> Iterator[tuple[int, str, str]]:
    """Yield (round, row, column): rows in random order a round, columns in random order within a row.

    The columns of one row follow upon one another, so that a slow phase of the machine meets all of them.
    """
    chance = random.Random(seed)
    for number in range(rounds):
        for row in chance.sample(list(rows), len(rows)):
            for column in chance.sample(list(columns), len(columns)):
                yield number, row, column


def show_progress(done: int, total: int, what: str) -> None:
    """Rewrite one line on a terminal; say nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{done}/{total} {what}", end="" if done < total else "\n", file=sys.stderr, flush=True)


def calibrate(run: Callable[[int], float], seconds: float) -> int:
    """Return how many loops take about ``seconds``; ``run`` takes loops and returns seconds."""
    loops = 1
    took = run(loops)
    while took < min(0.3, seconds / 2):
        loops = max(loops * 2, round(loops * min(0.5, seconds / 2) / max(took, 1e-4)))
        took = run(loops)
    return max(1, round(loops * seconds / took))
