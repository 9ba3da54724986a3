"""Asks an interpreter what it is: one short process, nothing of the user's program runs."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import whet
from whet.errors import TargetError

PACKAGES = ("line_profiler", "memray", "pyinstrument")
"""The profilers that run inside the target."""

LIBRARIES = ("msgspec", "numba", "numpy", "orjson", "pandas")
"""What rewrites of the program may use where it is there already."""

OLDEST = (3, 11)
"""The oldest Python that whet measures."""

_SECONDS = 30.0
_MARKER = "whet-host "


@dataclass(frozen=True, slots=True)
class Answer:
    """What an interpreter said about itself; see ``whet/_target/probe_host.py``.

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


def ask_interpreter(path: Path, environ: Mapping[str, str] | None = None) -> Answer:
    """Run ``path`` once and return what it says about itself.

    The environment is passed on as it is, since what the user set (``PYTHONPATH``,
    a virtual environment) decides what a plain run finds.

    Raises ``TargetError``: ``path`` is no file, does not start, or is no Python.
    """
    script = Path(whet.__file__).parent / "_target" / "probe_host.py"
    variables = dict(os.environ if environ is None else environ)
    # Left behind on macOS by the interpreter that runs whet, it would make any other take itself for that one.
    variables.pop("__PYVENV_LAUNCHER__", None)
    # Would only make the one-line script linger at a prompt or litter the caches.
    variables.pop("PYTHONINSPECT", None)
    try:
        done = subprocess.run(
            [str(path), str(script), *PACKAGES, *LIBRARIES],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            env=variables,
            check=False,
        )
    except FileNotFoundError:
        dangling = path.is_symlink()
        raise TargetError(
            f"{path} is a link to an interpreter that is gone" if dangling else f"there is no interpreter {path}",
            "make the environment anew, or name another interpreter with --python",
        ) from None
    except PermissionError:
        raise TargetError(f"{path} may not be executed") from None
    except (OSError, ValueError) as error:
        raise TargetError(f"{path} does not start: {error}") from None
    except subprocess.TimeoutExpired:
        raise TargetError(f"{path} did not answer within {_SECONDS:.0f} s") from None
    # What start-up hooks of the environment print comes before the marker.
    for line in reversed(done.stdout.decode("utf-8", "replace").splitlines()):
        if line.startswith(_MARKER):
            return _read_answer(path, line[len(_MARKER) :])
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
            found={str(name): str(folder) for name, folder in said["found"].items()},
        )
    except (ValueError, SyntaxError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise TargetError(f"{path} answered something that is no description of a Python: {error}") from None


def name_abi(suffix: str, platform: str, machine: str) -> str:
    """Return the ABI's name; macOS leaves the processor out of it, so it is added there."""
    return f"{suffix}-{machine}" if suffix and platform == "darwin" else suffix
