"""Asks an interpreter what it is: one short process, nothing of the user's program runs."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path

import whet
from whet.errors import TargetError
from whet.program.kept_answers import find_kept
from whet.records import dataclass

PACKAGES = ("line_profiler", "memray", "pyinstrument")
"""The profilers that run inside the target."""

LIBRARIES = ("msgspec", "numba", "numpy", "orjson", "pandas")
"""What rewrites of the program may use where it is there already."""

OLDEST = (3, 11)
"""The oldest Python that whet measures."""

OLDEST_TIMED = (3, 8)
"""The oldest whose programs it only times, which puts nothing into them."""
TIMED = frozenset({"cpython", "pypy"})
"""The implementations whose programs it times."""

_SECONDS = 30.0
_MARKER = "whet-host "
_SCRIPT = Path(whet.__file__).parent / "inprocess" / "launch" / "probe_host.py"
# What comes of reading a text that is no description: of another shape, or nested beyond what can be read.
_NO_ANSWER = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an interpreter said about itself; see ``whet/inprocess/launch/probe_host.py``.

    ``abi`` is empty for an implementation that does not tell; ``found`` maps a
    package to the folder from which the interpreter's own environment imports it.
    """

    executable: str
    version: tuple[int, int, int]
    level: str
    implementation: str
    free_threaded: bool
    debug: bool
    prefix: str
    base_prefix: str
    machine: str
    platform: str
    abi: str
    stdlib: tuple[str, ...]
    site_packages: tuple[str, ...]
    scripts: str
    found: Mapping[str, str] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    """Names that it can import of those that it was asked for, namespaces and built-in modules too."""
    rests_on: tuple[str, ...] = ()
    """Files and folders, there or not, with which the answer may change."""
    ignores_environment: bool = False
    """Whether it heeds no variable ``PYTHON...``, as one beside a ``python._pth`` does not."""
    no_site: bool = False
    """Whether it starts without ``site``, so that no ``.pth`` file is read."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Those of :data:`LIBRARIES` that its own environment has."""
        return tuple(name for name in LIBRARIES if name in self.found)

    @property
    def shown_version(self) -> str:
        """As in ``3.13.0``, ``3.15.0b1`` being ``3.15.0 beta``."""
        dotted = ".".join(map(str, self.version))
        return dotted if self.level == "final" else f"{dotted} {self.level}"

    @property
    def unsuitable(self) -> str:
        """Why whet cannot measure programs on this interpreter; empty when it can."""
        if self.implementation != "cpython":
            return f"it is {self.implementation}, and whet measures CPython only"
        if self.version[:2] < OLDEST:
            wanted = ".".join(map(str, OLDEST))
            return f"it is Python {self.shown_version}, and whet needs {wanted} or newer"
        return ""


def name_unsuitable(answer: Answer, *, timed: bool) -> str:
    """Return why whet cannot measure programs on an interpreter, or where they are only ``timed``, not even that."""
    if not timed:
        return answer.unsuitable
    if answer.implementation not in TIMED:
        return f"it is {answer.implementation}, and whet times CPython and PyPy only"
    if answer.version[:2] < OLDEST_TIMED:
        return f"it is Python {answer.shown_version}, and whet bench needs {'.'.join(map(str, OLDEST_TIMED))} or newer"
    return ""


def ask_interpreter(path: Path, environ: Mapping[str, str] | None = None) -> Answer:
    """Return what ``path`` says about itself: run once, or as it said before where nothing has changed since.

    The environment is passed on as it is, since what the user set (``PYTHONPATH``,
    a virtual environment) decides what a plain run finds.

    Raises ``TargetError``: ``path`` is no file, does not start, or is no Python.
    """
    variables = _clean(environ)
    kept = find_kept(path, variables, _SCRIPT)
    if kept is not None:
        for said in kept.read():
            with suppress(TargetError):
                answer = _read_answer(path, said)
                if kept.is_about(answer.executable) and _are_there(answer.found):
                    return answer
    said = _start(path, (*PACKAGES, *LIBRARIES), variables, _SECONDS)
    answer = _read_answer(path, said)
    # A shim, which may start something else another time, answers under the name of what it starts.
    if kept is not None and kept.is_about(answer.executable):
        kept.write(said, answer.rests_on)
    return answer


def ask_for_modules(path: Path, names: Sequence[str], environ: Mapping[str, str], seconds: float = _SECONDS) -> Answer:
    """Run ``path`` once to find out which modules ``names`` it can import: those in the answer's ``known``.

    Raises ``TargetError`` as :func:`ask_interpreter` does.
    """
    return _read_answer(path, _start(path, names, _clean(environ), seconds))


def _clean(environ: Mapping[str, str] | None) -> dict[str, str]:
    variables = dict(os.environ if environ is None else environ)
    # Left behind on macOS by the interpreter that runs whet, it would make any other take itself for that one.
    variables.pop("__PYVENV_LAUNCHER__", None)
    # Would only make the one-line script linger at a prompt or litter the caches.
    variables.pop("PYTHONINSPECT", None)
    return variables


def _are_there(found: Mapping[str, str]) -> bool:
    """Whether packages still lie where they were found: an editable install goes without a trace in its folders."""
    return all((Path(folder) / name).exists() for name, folder in found.items())


def _start(path: Path, names: Sequence[str], variables: Mapping[str, str], seconds: float) -> str:
    """Run ``path`` with ``probe_host.py``, and return what follows the marker."""
    try:
        done = subprocess.run(
            [str(path), str(_SCRIPT), *names],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            env=variables,
            check=False,
        )
    except FileNotFoundError:
        dangling = path.is_symlink()
        raise TargetError(
            f"{path} is a link to an interpreter that no longer exists"
            if dangling
            else f"there is no interpreter {path}",
            "create the environment again, or name another interpreter with --python",
        ) from None
    except PermissionError:
        raise TargetError(f"{path} may not be executed") from None
    except (OSError, ValueError) as error:
        raise TargetError(f"{path} does not start: {error}") from None
    except subprocess.TimeoutExpired:
        raise TargetError(f"{path} did not answer within {seconds:.0f} s") from None
    # What start-up hooks of the environment print comes before the marker.
    for line in reversed(done.stdout.decode("utf-8", "replace").splitlines()):
        if line.startswith(_MARKER):
            return line[len(_MARKER) :]
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    detail = f": {said[0]}" if said else ""
    raise TargetError(
        f"{path} is not a Python that works (exit status {done.returncode}{detail})",
        "name another interpreter with --python",
    )


def _read_answer(path: Path, literal: str) -> Answer:
    try:
        said = ast.literal_eval(literal)
        return Answer(
            executable=str(said["executable"] or path),
            version=(int(said["version"][0]), int(said["version"][1]), int(said["version"][2])),
            level=str(said["level"]),
            implementation=str(said["implementation"]),
            free_threaded=bool(said["free_threaded"]),
            debug=bool(said["debug"]),
            prefix=str(said["prefix"]),
            base_prefix=str(said["base_prefix"]),
            machine=str(said["machine"]),
            platform=str(said["platform"]),
            abi=name_abi(str(said["abi"]), str(said["platform"]), str(said["machine"])),
            stdlib=tuple(map(str, said["stdlib"])),
            site_packages=tuple(map(str, said["site_packages"])),
            scripts=str(said["scripts"]),
            known=frozenset(map(str, said["known"])),
            rests_on=tuple(map(str, said["rests_on"])),
            ignores_environment=bool(said["ignores_environment"]),
            no_site=bool(said["no_site"]),
            found={str(name): str(folder) for name, folder in said["found"].items()},
        )
    except _NO_ANSWER as error:
        raise TargetError(f"{path} answered something that is no description of a Python: {error}") from None


def name_abi(suffix: str, platform: str, machine: str) -> str:
    """Return the ABI's name; macOS leaves the processor out of it, so it is added there."""
    return f"{suffix}-{machine}" if suffix and platform == "darwin" else suffix
