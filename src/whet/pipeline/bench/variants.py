"""The variants of a bench: one program on several interpreters, or in two versions, each ready to run."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path

from whet.errors import UsageError
from whet.model.bench import Bench, BenchVariant
from whet.model.masking import mask_argv
from whet.model.trial import Clock
from whet.pipeline.bench.worktree import check_out, find_import_folders, move_into
from whet.pipeline.project import find_repository
from whet.pipeline.serve.request import LoadRequest
from whet.program.host import TargetHost
from whet.program.naming import choose_target
from whet.program.spec import TargetSpec
from whet.prove.run import Workload
from whet.records import dataclass

WORKING_TREE = "working tree"
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What the user requested.

    ``pythons`` are written as for a shell: ``[NAME=VALUE…] PYTHON [OPTION…]``. ``against`` is a git
    commit or a :class:`Bench` of another session. ``runs`` is the number per variant, else as many as fit into
    ``budget`` (seconds), at most 100. ``clock`` ``None`` chooses by what the program does.
    """

    words: tuple[str, ...] = ()
    module: str | None = None
    code: str | None = None
    pythons: tuple[str, ...] = ()
    environ: tuple[str, ...] = ()
    against: str | Bench | None = None
    max_slowdown: float = 0.1
    runs: int | None = None
    warmup: int = 1
    budget: float = 60.0
    confidence: float = 0.99
    setup: str = ""
    cleanup: str = ""
    stdin: Path | None = None
    clock: Clock | None = None
    unlike: bool = False
    """Compare with a saved bench even of another machine or interpreter."""
    load: LoadRequest | None = None
    """What is sent to the program, if it is a server."""
    seed: int | None = None
    progress: Callable[[int, float], None] | None = None
    """Called with the number of runs made, and the seconds since the first."""


@dataclass(slots=True)
class Runner:
    """One variant while it is run."""

    variant: BenchVariant
    workload: Workload
    wall_ns: list[int] = field(default_factory=list)
    cpu_ns: list[int] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    delayed_ns: int = 0
    durations: Path | None = None
    """Where each run of pytest leaves how long its tests took."""
    routes: list[Mapping[str, int]] = field(default_factory=list)
    """Of a server, the p50 and p95 of each route in each run."""

    def finish(self) -> BenchVariant:
        """Return the variant with its measurements."""
        return replace(
            self.variant, wall_ns=tuple(self.wall_ns), cpu_ns=tuple(self.cpu_ns), peak_bytes=tuple(self.peak_bytes)
        )


def check_request(request: BenchRequest) -> None:
    """Raise ``UsageError`` for an invalid request."""
    for text in request.environ:
        if not _ASSIGNMENT.fullmatch(text):
            raise UsageError(f"--env {text[:40]!r} is not NAME=VALUE", "for example --env NAME=VALUE")
    if request.against is not None and len(request.pythons) > 1:
        raise UsageError("--against compares two versions on one interpreter", "give --python once")
    if request.stdin is not None and not request.stdin.is_file():
        raise UsageError(f"there is no file {request.stdin}", "give an existing file with --stdin")


def make_variants(request: BenchRequest, cwd: Path) -> tuple[list[Runner], TargetSpec]:
    """Return one variant per named interpreter, or for the one that the program would run on."""
    made: list[Runner] = []
    spec: TargetSpec | None = None
    for text in request.pythons or ("",):
        host, found, options, extra = _resolve(request, text, cwd)
        spec = spec or found
        label = text or f"{Path(host.interpreter.path).name} {host.interpreter.version}"
        if any(each.variant.label == label for each in made):
            raise UsageError(f"--python {text} is given twice", "give each interpreter once")
        made.append(_make_runner(request, label, host, found, options, extra, str(cwd)))
    assert spec is not None
    return made, spec


@contextlib.contextmanager
def make_versions(request: BenchRequest, cwd: Path, folder: Path) -> Iterator[tuple[list[Runner], TargetSpec]]:
    """Check the other version out and yield it and the working tree, in this order."""
    ref = str(request.against)
    cwd = cwd.resolve()
    repository = find_repository(cwd)
    host, spec, options, extra = _resolve(request, request.pythons[0] if request.pythons else "", cwd)
    tree = folder / "tree"
    with check_out(repository, ref, tree) as commit:
        there = Path(move_into(str(cwd), repository, tree))
        if not there.is_dir():
            raise UsageError(
                f"{ref} has no folder {cwd.relative_to(repository)}", "start from a folder that exists in both"
            )
        imports = find_import_folders(host.interpreter.path, cwd, {**os.environ, **extra}, repository)
        made: list[Runner] = []
        for label, move in ((f"{ref} ({commit})", True), (WORKING_TREE, False)):

            def place(path: str, moved: bool = move) -> str:
                return move_into(path, repository, tree) if moved else path

            path = os.pathsep.join([*map(place, imports), *_inherited(extra, place)])
            own = {**extra, "PYTHONPATH": path} if path else extra
            words = replace(spec, name=place(spec.name), args=tuple(map(place, spec.args)))
            runner = _make_runner(request, label, host, words, options, own, place(str(cwd)))
            runner.variant = replace(runner.variant, commit=commit if move else "", environ=_write_environ(extra))
            made.append(runner)
        yield made, spec


def _inherited(extra: dict[str, str], place: Callable[[str], str]) -> list[str]:
    inherited = extra.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    return [place(part) for part in inherited.split(os.pathsep) if part]


def _resolve(
    request: BenchRequest, text: str, cwd: Path
) -> tuple[TargetHost, TargetSpec, tuple[str, ...], dict[str, str]]:
    """Read ``[NAME=VALUE…] PYTHON [OPTION…]`` and find interpreter and program."""
    try:
        words = shlex.split(text, posix=os.name != "nt")
    except ValueError as error:
        raise UsageError(f"--python cannot be read: {error}", "quote it as for a shell") from error
    if os.name == "nt":  # backslashes are not escapes there, and then the quotes stay
        words = [word.strip("\"'") for word in words]
    extra = dict(item.split("=", 1) for item in request.environ)
    while words and _ASSIGNMENT.fullmatch(words[0]):
        name, _, value = words.pop(0).partition("=")
        extra[name] = value
    python, options = (words[0], tuple(words[1:])) if words else (None, ())
    environ = {**os.environ, **extra}
    host, spec = choose_target(
        list(request.words), request.module, request.code, python=python, environ=environ, cwd=cwd, timed=True
    )
    return host, spec, options, extra


def _make_runner(
    request: BenchRequest,
    label: str,
    host: TargetHost,
    spec: TargetSpec,
    options: tuple[str, ...],
    extra: dict[str, str],
    directory: str,
) -> Runner:
    workload = Workload(
        (host.interpreter.path, *options, *spec.words),
        directory,
        {**os.environ, **extra},
        request.stdin.resolve() if request.stdin is not None else None,
        request.setup,
        request.cleanup,
    )
    return Runner(BenchVariant(label, host.interpreter, options, _write_environ(extra)), workload)


def _write_environ(extra: dict[str, str]) -> tuple[str, ...]:
    """Return the settings for display: values may be secrets, and are masked as in a command."""
    return tuple(mask_argv(tuple(f"{name}={value}" for name, value in sorted(extra.items()))))
