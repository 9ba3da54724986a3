"""Programs that are large in one way each, at a size that is given: what `scale.py` runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Files = dict[str, str]
SCRIPT = "program.py"
WORK = """
def work(rounds):
    total = 0
    for number in range(rounds):
        total += sum(range(number % 7 * 100))
    return total

"""
ROUNDS_A_SECOND = 400_000
"""Roughly: lines are dear, so that counting them all does not hide the rest."""


def make_modules(size: int) -> Files:
    """``size`` small modules, each imported and called."""
    body = "import string\n\n\ndef first(x):\n    return second(x) + 1\n\n\ndef second(x):\n    return x * 2\n"
    names = [f"module_{number}" for number in range(size)]
    calls = [f"import {name}\ntotal += {name}.first(1)\n" for name in names]
    return {f"{name}.py": body for name in names} | {SCRIPT: f"total = 0\n{''.join(calls)}"}


def make_table(size: int) -> Files:
    """One table of ``size`` lines in the body of a module, and a hot function below it."""
    rows = "".join(f'    "key {number}": ({number}, "value", {number % 7}),\n' for number in range(size))
    return {"table.py": f"TABLE = {{\n{rows}}}\n{WORK}", SCRIPT: f"import table\n\n{_compute('table.work', 0.5)}"}


def make_functions(size: int) -> Files:
    """``size`` functions in one file, all called equally often."""
    made = "".join(
        f"def function_{number}(x):\n    y = sum(range(x + {number % 7}))\n    return y * y\n\n\n"
        for number in range(size)
    )
    calls = f"FUNCTIONS = [value for name, value in list(globals().items()) if name.startswith('function_')]\n{WORK}"
    rounds = max(1, 200_000 // size)
    return {SCRIPT: f"{made}{calls}for _ in range({rounds}):\n    for function in FUNCTIONS:\n        function(300)\n"}


def make_long_function(size: int) -> Files:
    """One hot function of ``size`` lines."""
    lines = "".join(f"    x = sum(range(300 + x % 3))\n    x += {number}\n" for number in range(size // 2))
    calls = f"for _ in range({max(1, 200_000 // size)}):\n    long(1)\n"
    return {SCRIPT: f"def long(x):\n{lines}    return x\n\n\n{calls}"}


def make_subprocesses(size: int) -> Files:
    """``size`` interpreters started one after the other."""
    start = "    subprocess.run([sys.executable, '-S', '-c', 'pass'], check=True)\n"
    return {SCRIPT: f"import subprocess\nimport sys\n\nfor _ in range({size}):\n{start}"}


def make_forks(size: int) -> Files:
    """``size`` forked children, one after the other, that compute a little."""
    child = "    if not (pid := os.fork()):\n        work(2_000)\n        os._exit(0)\n    os.waitpid(pid, 0)\n"
    return {SCRIPT: f"import os\n{WORK}\nfor _ in range({size}):\n{child}"}


def make_workers(size: int) -> Files:
    """``size`` processes of multiprocessing, one after the other."""
    body = f"import multiprocessing\n{WORK}\nif __name__ == '__main__':\n    for _ in range({size}):\n"
    start = "        process = multiprocessing.Process(target=work, args=(2_000,))\n"
    return {SCRIPT: f"{body}{start}        process.start()\n        process.join()\n"}


def make_children_at_once(size: int) -> Files:
    """``size`` interpreters that sleep at the same time while the program computes for a second."""
    start = f"children = [subprocess.Popen([sys.executable, '-S', '-c', CODE]) for _ in range({size})]\n"
    end = "for child in children:\n    child.wait()\n"
    code = "CODE = 'import time; time.sleep(1)'\n"
    return {SCRIPT: f"import subprocess\nimport sys\n{WORK}{code}{start}{_compute('work', 1)}{end}"}


def make_threads(size: int) -> Files:
    """``size`` idle threads while the program computes for a second."""
    start = f"for _ in range({size}):\n    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    return {SCRIPT: f"import threading\n{WORK}{start}{_compute('work', 1)}"}


def make_time(size: int) -> Files:
    """``size`` tenths of a second of computing."""
    return {SCRIPT: f"{WORK}{_compute('work', size / 10)}"}


def make_depth(size: int) -> Files:
    """A second of computing below ``size`` calls of one function."""
    dive = f"def dive(depth):\n    return dive(depth - 1) if depth else {_compute('work', 1)}\n"
    return {SCRIPT: f"{WORK}{dive}dive({size})\n"}


def make_paths(size: int) -> Files:
    """Two seconds of computing below ``size`` different callers."""
    callers = "".join(f"def caller_{number}(rounds):\n    return work(rounds)\n\n" for number in range(size))
    each = max(1, 2 * ROUNDS_A_SECOND // size)
    calls = "".join(f"caller_{number}({each})\n" for number in range(size))
    return {SCRIPT: f"{WORK}{callers}{calls}"}


def make_names(size: int) -> Files:
    """A second of computing in and below a function of ``size`` local variables."""
    names = "".join(f"    name_{number} = [{number}]\n" for number in range(size))
    return {SCRIPT: f"{WORK}def many():\n{names}    return {_compute('work', 1)}\nmany()\n"}


def make_containers(size: int) -> Files:
    """A second of computing in a function that holds containers of ``size`` elements."""
    made = f"    numbers = list(range({size}))\n    by_name = {{str(number): number for number in numbers}}\n"
    search = f"    for _ in range({20 * ROUNDS_A_SECOND}):\n        numbers[-1] in (1, 2, 3) or by_name.get('1')\n"
    return {SCRIPT: f"def hold():\n{made}{search}{search}    return numbers, by_name\n\n\nhold()\n"}


def make_allocations(size: int) -> Files:
    """``size`` allocations that memray sees, from twenty lines."""
    lines = "".join(f"    kept.append(bytes(1000 + {number}))\n" for number in range(20))
    return {SCRIPT: f"for _ in range({max(1, size // 20)}):\n    kept = []\n{lines}"}


def _compute(function: str, seconds: float) -> str:
    return f"{function}({round(seconds * ROUNDS_A_SECOND)})\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of being large. ``sizes`` are the smallest, ten and a hundred times it; ``modes`` what whet is asked."""

    make: Callable[[int], Files]
    base: int
    modes: tuple[str, ...] = ("run",)

    @property
    def sizes(self) -> tuple[int, int, int]:
        return self.base, 10 * self.base, 100 * self.base

    def lay_out(self, folder: Path, size: int) -> Path:
        """Write the program of this size into ``folder``; return its script."""
        folder.mkdir(parents=True)
        for name, text in self.make(size).items():
            (folder / name).write_text(text)
        return folder / SCRIPT


ALL_MODES = ("run", "lines", "memory")
KINDS = {
    "modules": Kind(make_modules, 10, ALL_MODES),
    "table": Kind(make_table, 500, ALL_MODES),
    "functions": Kind(make_functions, 100, ("run", "lines")),
    "long-function": Kind(make_long_function, 100, ("run", "lines")),
    "subprocesses": Kind(make_subprocesses, 1, ("run", "memory")),
    "forks": Kind(make_forks, 1, ALL_MODES),
    "workers": Kind(make_workers, 1),
    "at-once": Kind(make_children_at_once, 1),
    "threads": Kind(make_threads, 1, ("run", "lines")),
    "time": Kind(make_time, 1, ("run", "lines")),
    "depth": Kind(make_depth, 9),
    "paths": Kind(make_paths, 10),
    "names": Kind(make_names, 10),
    "containers": Kind(make_containers, 10_000, ("run", "memory")),
    "allocations": Kind(make_allocations, 10_000, ("memory",)),
}
