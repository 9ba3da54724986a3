"""Sets up where a program is run with rewritten files: in its own folder, or in a copy if it writes into that."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Set
from dataclasses import field, replace
from pathlib import Path

from whet.program.spec import TargetSpec
from whet.prove.isolation import WorkingCopy, why_not_copied
from whet.prove.overlay import Overlay, Sources
from whet.prove.run import Limits, Observed, Workload, run_once
from whet.prove.serving import Load
from whet.records import dataclass

_WATCH = "watch"
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Program:
    """What is run to prove a rewrite.

    ``spec`` is the program; without one, ``line`` is a line for the shell that starts it
    somehow. A server is sent ``load``. ``status`` is the exit status that it had when it was measured, if that is
    known. ``stdin`` is a file.
    """

    python: str
    directory: str
    spec: TargetSpec | None = None
    line: str = ""
    stdin: Path | None = None
    setup: str = ""
    cleanup: str = ""
    status: int | None = None
    load: Load | None = None


@dataclass(slots=True)
class Sandbox:
    """A program that can be run with any version of the files in ``originals``.

    ``folder`` is the session's own. ``isolate`` always uses a copy of the working folder.
    """

    program: Program
    originals: Sources
    folder: Path
    environ: Mapping[str, str]
    isolate: bool = False
    candidates: tuple[str, ...] = ()
    """Files that the program wrote, relative to the working folder, or absolute."""
    notes: list[str] = field(default_factory=list)
    loaded: frozenset[str] | None = None
    """The originals that the program loads where they can be exchanged; ``None`` if that is not known, and"""
    scripts: frozenset[str] = frozenset()
    """those that run as a script of their own, which they cannot be."""
    directory: Path = Path()
    """Where the program runs: its working folder, or the copy of it."""
    _overlay: Overlay | None = None
    _copy: WorkingCopy | None = None
    _number: int = 0

    def open(self, seconds: float) -> Observed:
        """Run the unmodified program once, record what it writes to, and decide where to run it.

        ``seconds`` is the time limit. Raises the errors of the overlay and the run.
        """
        original = Path(self.program.directory)
        reason = why_not_copied(original)
        observed = None
        if not reason:
            self._copy = WorkingCopy(original, self.folder / "work")
            observed, written = self._watch(self._copy.folder, seconds)
            if self.program.status is not None and observed.status != self.program.status and observed.ended is None:
                reason = f"in a copy of {original} the program ends with status {observed.status}"
                observed = None
        if observed is None:
            self._copy = None
            observed, written = self._watch(original, seconds)
        if observed.ended is not None:
            self.loaded = None
        inside = sorted(self._find_inside(written))
        self.candidates = tuple(inside[:_MOST_NAMED])
        elsewhere = self._find_elsewhere(written)
        if elsewhere:
            self.notes.append(f"each run wrote outside the working folder: {', '.join(elsewhere[:3])}")
        if reason and (inside or self.isolate):
            self.notes.append(f"each run wrote into {original} itself: {reason}")
        if self._copy is not None and not inside and not self.isolate:
            self._copy = None
            self._set_up(original)
        return observed

    @property
    def is_copy(self) -> bool:
        """Whether the program runs in a copy of its working folder."""
        return self._copy is not None

    def define(self, variants: Mapping[str, Sources]) -> dict[str, str]:
        """Create variants from the contents of files, and return the errors of those that do not compile."""
        assert self._overlay is not None
        return self._overlay.prepare({variant: self._place(sources) for variant, sources in variants.items()})

    def name_files(self) -> dict[str, str]:
        """Return the files that variants change by the real paths under which the program runs them."""
        names: dict[str, str] = {}
        for file in self.originals:
            for path in self._place({file: b""}):
                names[os.path.realpath(os.path.join(self.directory, path))] = file  # noqa: PTH118  as the interpreter
        return names

    def enter(self, variant: str) -> Workload:
        """Return what to run for a variant, and make it the active one."""
        assert self._overlay is not None
        self._overlay.activate(variant)
        return self._make_workload()

    def make_start(self) -> Workload | None:
        """Return a workload that only starts the interpreter, on the active variant; ``None`` for others."""
        workload, spec = self._make_workload(), self.program.spec
        if spec is None or workload.load is not None:
            return None
        nothing = (self.program.python, *spec.options, "-c", "pass")
        return replace(workload, command=nothing, stdin=None, setup="", cleanup="")

    def why_not_exchanged(self, files: Set[str]) -> str:
        """Return why a program that runs with other contents of ``files`` runs as before; empty if it need not."""
        if self.loaded is None or not self.loaded.isdisjoint(files):
            return ""
        file = min(self.scripts & files, default=None)
        if file is not None:
            name = Path(file).name
            return (
                f"{name} is started by the shell or by another program, where it cannot be exchanged: "
                f"start it by --workload 'python {name}', without anything of the shell"
            )
        names = ", ".join(sorted(Path(each).name for each in files))
        how = "the program does not run it, or loads it in its own way, as pytest does with tests"
        return f"Python's import system did not load {names}: {how}"

    def reset(self) -> None:
        """Reset the working folder to its initial state, if it is a copy."""
        if self._copy is not None:
            self._copy.reset()

    def run_tests(self, variant: str, line: str, seconds: float) -> Observed:
        """Run a shell command in the working folder, with the files of a variant."""
        self.reset()
        workload = replace(self.enter(variant), command=make_shell_command(line), stdin=None, setup="", cleanup="")
        return run_once(replace(workload, load=None), Limits(seconds=seconds), self.folder / "tests")

    def _watch(self, directory: Path, seconds: float) -> tuple[Observed, list[Path]]:
        overlay = self._set_up(directory)
        self._number += 1
        log = self.folder / f"log-{self._number}"
        overlay.prepare({_WATCH: self._place(self.originals)}, log)
        observed = run_once(self.enter(_WATCH), Limits(seconds=seconds), self.folder / "watched")
        written = [Path(os.fsdecode(name)) for name in _read_log(log)]
        self._take_loaded(_read_log(Path(f"{log}-loaded")), overlay.main)
        if self._copy is not None:
            written += [self._copy.folder / name for name in self._copy.find_changes()]
        return observed, list(dict.fromkeys(written))

    def _take_loaded(self, noted: list[bytes], main: str | None) -> None:
        names = self.name_files()
        found: dict[bytes, set[str]] = {b"loaded": set(), b"script": set()}
        for each in [*noted, *([b"loaded " + os.fsencode(main)] if main is not None else [])]:
            how, _, file = each.partition(b" ")
            path = os.fsdecode(file)
            found[how].add(path if path in self.originals else names[os.path.realpath(path)])
        self.loaded, self.scripts = frozenset(found[b"loaded"]), frozenset(found[b"script"])

    def _set_up(self, directory: Path) -> Overlay:
        self.directory = directory
        program = self.program
        self._overlay = Overlay(self.folder, program.python, str(directory), program.spec)
        return self._overlay

    def _make_workload(self) -> Workload:
        program, overlay = self.program, self._overlay
        assert overlay is not None
        return Workload(
            make_shell_command(program.line) if program.spec is None else overlay.make_command(),
            str(self.directory),
            overlay.make_environment(self.environ),
            program.stdin,
            program.setup,
            program.cleanup,
            program.load,
        )

    def _place(self, sources: Sources) -> dict[str, bytes]:
        """Return sources by their paths where the program runs, in addition to their original ones."""
        placed = dict(sources)
        if self._copy is not None:
            for file, data in sources.items():
                below = _find_below(Path(file), self._copy.original)
                if below is not None:
                    placed[str(self._copy.folder / below)] = data
        return placed

    def _find_inside(self, written: list[Path]) -> set[str]:
        """Return the files written below the working folder, by relative path; without folders and bytecode."""
        roots = [Path(self.program.directory), *([self._copy.folder] if self._copy is not None else [])]
        names = {str(below) for path in written for root in roots if (below := _find_below(path, root)) is not None}
        return {name for name in names if name != "." and not _is_folder(name, roots) and "__pycache__" not in name}

    def _find_elsewhere(self, written: list[Path]) -> list[str]:
        """Return the files written elsewhere that still exist, except temporary files."""
        system = [Path(tempfile.gettempdir()), Path("/dev"), Path("/proc")]
        # Bytecode of what whet itself runs in the program is kept with whet.
        roots = [Path(self.program.directory), self.folder, Path(__file__).parent.parent, *system]
        return sorted(
            str(path) for path in written if path.exists() and all(_find_below(path, root) is None for root in roots)
        )


def make_shell_command(line: str) -> tuple[str, ...]:
    """Return the argument list that runs a line with the system's shell."""
    if os.name == "nt":
        return (os.environ.get("COMSPEC", "cmd.exe"), "/c", line)
    return ("/bin/sh", "-c", line)


def _find_below(path: Path, root: Path) -> Path | None:
    """Return the path from ``root`` down to ``path``, by whatever names; ``None`` if there is none."""
    for one, other in ((path, root), (Path(os.path.realpath(path)), Path(os.path.realpath(root)))):
        if one.is_relative_to(other):
            return one.relative_to(other)
    return None


def _read_log(path: Path) -> list[bytes]:
    """Return the entries of a log that a run may not have made."""
    try:
        return [entry for entry in path.read_bytes().split(b"\0") if entry]
    except OSError:
        return []


def _is_folder(name: str, roots: list[Path]) -> bool:
    return any((root / name).is_dir() for root in roots)
