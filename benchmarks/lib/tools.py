"""The tools that are compared: how each is started on a script, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lib.environment import Environment

RATE = 100


@dataclass(frozen=True, slots=True)
class Tool:
    """One column.

    ``words`` come before the script; ``{python}``, ``{bin}`` and ``{out}`` are filled in. ``needs`` is the
    package it comes from. ``shrink`` is the share of the loops it is given, for tools that take very long:
    then time a loop is compared. ``execution`` is which of the executions counts (-1: the last), of at
    least ``executions``.
    """

    name: str
    words: tuple[str, ...]
    needs: str = ""
    shrink: float = 1.0
    execution: int = 0
    executions: int = 1
    about: str = ""

    def command(self, environment: Environment, whet: list[str] | None, script: Path, out: Path) -> list[str]:
        """Return the command for one run."""
        filled = {"python": environment.python, "bin": environment.python.parent, "out": out, "script": script}
        if self.needs == "whet":
            start = [*(whet or ["whet"]), "run", "--python", str(environment.python), "-o", f"{out}.html"]
            return [*start, *self.words, str(script)]
        return [*(word.format(**filled) for word in self.words), str(script)]

    def is_there(self, environment: Environment, whet: list[str] | None) -> bool:
        """Tell whether this column can be measured here."""
        if self.needs == "whet":
            return whet is not None
        return not self.needs or self.needs in environment.packages


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("plain", ("{python}",), about="without any tool"),
        Tool("whet", (), "whet", about="whet run: time, value samples, resident size"),
        Tool("whet-old", (), "whet", about="whet run of the build that --against names"),
        Tool("whet-outside", ("--outside",), "whet", about="whet run --outside: nothing inside the program"),
        Tool(
            "whet-lines",
            ("--lines",),
            "whet",
            shrink=0.1,
            execution=-1,
            executions=2,
            about="the exact-lines execution of whet run --lines; a tenth of the loops",
        ),
        Tool(
            "whet-memory",
            ("--memory",),
            "whet",
            execution=-1,
            executions=2,
            about="the memory execution of whet run --memory",
        ),
        Tool(
            "whet-objects",
            ("--memory", "--trace-python-allocators"),
            "whet",
            shrink=0.5,
            execution=-1,
            executions=2,
            about="the same with --trace-python-allocators",
        ),
        Tool("whet-fallback", ("--sampler", "pyinstrument"), "whet", about="whet run --sampler pyinstrument"),
        Tool(
            "py-spy",
            ("{bin}/py-spy", "record", "-r", str(RATE), "-f", "raw", "-o", "{out}", "--", "{python}"),
            "py-spy",
            about=f"py-spy record -r {RATE}",
        ),
        Tool(
            "pyinstrument",
            ("{python}", "-m", "pyinstrument", "-r", "json", "-o", "{out}"),
            "pyinstrument",
            about="pyinstrument, 1 ms",
        ),
        Tool(
            "cProfile",
            ("{python}", "-m", "cProfile", "-o", "{out}"),
            about="cProfile of the standard library",
        ),
        Tool("memray", ("{python}", "-m", "memray", "run", "-q", "-f", "-o", "{out}"), "memray", about="memray run"),
        Tool(
            "memray-objects",
            ("{python}", "-m", "memray", "run", "-q", "-f", "--trace-python-allocators", "-o", "{out}"),
            "memray",
            shrink=0.5,
            about="memray run --trace-python-allocators",
        ),
        Tool(
            "line_profiler",
            ("{bin}/kernprof", "-l", "-q", "-o", "{out}", "-p", "{script}"),
            "line_profiler",
            shrink=0.1,
            about="kernprof -l, all functions; a tenth of the loops",
        ),
        Tool(
            "scalene-cpu",
            ("{python}", "-m", "scalene", "run", "--cpu-only", "-o", "{out}"),
            "scalene",
            about="scalene run --cpu-only",
        ),
        Tool(
            "scalene", ("{python}", "-m", "scalene", "run", "-o", "{out}"), "scalene", about="scalene run, with memory"
        ),
    )
}
