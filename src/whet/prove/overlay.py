"""Rewritten sources for a program that runs from its own, unchanged files.

A session has one folder of its own, which every run sees under the same paths, whichever
variant it is; before a run the variant's table is put there (see ``inprocess/overlay/overlay_hook.py``).
Bytecode goes to that folder as well, never into the user's ``__pycache__``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from whet.errors import TargetError, UsageError
from whet.program.spec import TargetKind, TargetSpec

_INSIDE = Path(__file__).parent.parent / "inprocess"
_COMPILE_SECONDS = 300
STARTED = "started"
"""The file in the overlay's folder that the program's interpreter makes once it is about to begin."""

Sources = Mapping[str, bytes]
"""The bytes of files by the names that the program's frames have for them."""


class Overlay:
    """The folder of a session: what every run's environment and command are made from."""

    def __init__(self, folder: Path, python: str, directory: str, spec: TargetSpec | None) -> None:
        """Make the folder. ``spec`` is the program; ``None`` for a line of the shell that starts it somehow.

        Raises :class:`UsageError` where the program runs with options that keep the overlay out.
        """
        self._folder = folder
        self._python = python
        self._directory = directory
        self._spec = spec
        self._main: dict[str, str] | None = None
        self._variants = folder / "variants"
        self._current = folder / "overlay"
        if spec and (option := spec.isolating_option):
            raise UsageError(
                f"with python's option {option} the program cannot be run with rewritten sources",
                "leave it out: whet prove --workload 'python …'",
            )
        for each in (self._variants, self._current):
            each.mkdir(parents=True, exist_ok=True)
        for hook in ("launch/hook/sitecustomize.py", "overlay/overlay_hook.py"):
            shutil.copy(_INSIDE / hook, self._current)

    def prepare(self, variants: Mapping[str, Sources], log: Path | None = None) -> dict[str, str]:
        """Compile every variant, and return why those failed that do not compile.

        All variants must name the same files. With ``log``, runs append the paths to it that they write to. Raises
        :class:`TargetError` where the interpreter itself fails.
        """
        files = sorted({file for sources in variants.values() for file in sources})
        self._main = self._find_main(files)
        order = {
            "out": str(self._variants),
            "log": str(log) if log else "",
            "main": self._main,
            "variants": {variant: self._write_sources(variant, sources) for variant, sources in variants.items()},
        }
        path = self._variants / "order.json"
        path.write_text(json.dumps(order), encoding="utf-8")
        options = self._spec.options if self._spec else ()
        try:
            done = subprocess.run(
                [self._python, *options, str(_INSIDE / "overlay" / "overlay_compile.py"), str(path)],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_COMPILE_SECONDS,
                check=False,
                env=self.make_environment(os.environ, plain=True),
            )
            failed: dict[str, str] = json.loads(done.stdout)
        except (OSError, subprocess.TimeoutExpired, ValueError) as error:
            raise TargetError(
                f"{self._python} could not compile the rewritten files: {error}", "whet doctor says what works"
            ) from error
        return failed

    def activate(self, variant: str) -> None:
        """Let the runs that start from now on be of ``variant``."""
        for name, ending in (("table", "table"), ("main.pyc", "pyc")):
            source = self._variants / f"{variant}.{ending}"
            if source.exists():
                shutil.copyfile(source, self._current / f"{name}.new")
                (self._current / f"{name}.new").replace(self._current / name)

    def make_environment(self, environ: Mapping[str, str], *, plain: bool = False) -> dict[str, str]:
        """Return the environment of every run: a fixed seed for hashes, bytecode in this folder, the overlay first.

        ``plain`` leaves the overlay out.
        """
        made = {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        made["PYTHONPYCACHEPREFIX"] = str(self._folder / "bytecode")
        if not made.get("PYTHONHASHSEED", "random").isdecimal():
            made["PYTHONHASHSEED"] = "0"
        if not plain:
            made["PYTHONPATH"] = os.pathsep.join(filter(None, (str(self._current), environ.get("PYTHONPATH"))))
        return made

    def make_command(self) -> tuple[str, ...]:
        """Return the command of every run, which :meth:`prepare` decides on: an edited script is not read from disk."""
        spec = self._spec
        if spec is None:
            raise ValueError("a line of the shell is its own command")
        if self._main is not None:
            return (self._python, *spec.options, self._main["pyc"], *spec.args)
        return (self._python, *spec.words)

    @property
    def main(self) -> str | None:
        """The name of the edited file that is the program's script."""
        return self._main["source"] if self._main is not None else None

    def _find_main(self, files: Sequence[str]) -> dict[str, str] | None:
        """Return how the program's script is called, if it is among ``files``."""
        spec = self._spec
        if spec is None or spec.kind not in {TargetKind.SCRIPT, TargetKind.CONSOLE_SCRIPT}:
            return None
        script = os.path.join(self._directory, spec.name)  # noqa: PTH118  as the interpreter does, nothing normalised
        real = os.path.realpath(script)
        if not os.path.isfile(real):  # noqa: PTH113
            return None
        name = next((file for file in files if os.path.realpath(file) == real), None)
        if name is None:
            return None
        return {"name": spec.name, "file": script, "source": name, "pyc": str(self._current / "main.pyc")}

    def _write_sources(self, variant: str, sources: Sources) -> dict[str, str]:
        written: dict[str, str] = {}
        for number, (file, data) in enumerate(sorted(sources.items())):
            path = self._variants / f"{variant}-{number}.py"
            path.write_bytes(data)
            written[file] = str(path)
        return written
