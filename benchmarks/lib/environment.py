"""The environment that the benchmarked programs run in: one for each interpreter, with the peers in it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PEERS = ("py-spy", "pyinstrument", "memray", "line_profiler", "scalene")
PACKAGES = ("pyperformance", *PEERS)
IMPORTS = {"py-spy": "py_spy", "line_profiler": "line_profiler"}
PROBE = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps({"version": sys.version.split()[0], "prefix": sys.prefix, "packages": found}))
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter with the peers; ``packages`` maps those it has to their versions."""

    python: Path
    version: str
    prefix: Path
    packages: dict[str, str]

    @property
    def programs(self) -> Path:
        """The folder with pyperformance's benchmarks."""
        (folder,) = self.prefix.glob("lib/python*/site-packages/pyperformance/data-files/benchmarks") or [None]
        return folder

    def script(self, name: str) -> Path:
        """The file of a console script."""
        return self.python.parent / name


def cache_folder() -> Path:
    """Return where environments and work folders are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "whet-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def probe(python: Path, packages: tuple[str, ...] = PACKAGES) -> Environment:
    """Ask an interpreter for its version and which of the packages it has."""
    names = [*(each.partition("==")[0] for each in packages), "whet", "numpy"]
    done = subprocess.run([python, "-c", PROBE, *names], capture_output=True, text=True, check=True, cwd="/")
    said = json.loads(done.stdout)
    return Environment(python, said["version"], Path(said["prefix"]), said["packages"])


def find_environment(python: str | None) -> Environment:
    """Return the environment for an interpreter, making one in the cache unless it has the packages itself.

    A peer that cannot be installed on that interpreter is left out; its columns stay empty.
    """
    named = shutil.which(python or sys.executable)
    if named is None:
        raise SystemExit(f"no interpreter at {python}")
    path = Path(named).absolute()
    own = probe(path)
    if all(name in own.packages for name in PACKAGES):
        return own
    return make_environment(path, own.version, PACKAGES)


def make_environment(path: Path, version: str, packages: tuple[str, ...], kind: str = "env") -> Environment:
    """Return the environment of this ``kind`` in the cache, made for the interpreter at ``path`` unless it is there."""
    digest = hashlib.sha256(f"{path} {version}".encode()).hexdigest()[:8]
    folder = cache_folder() / f"{kind}-{version}-{digest}"
    made = folder / "bin" / "python"
    if not made.exists():
        print(f"making an environment for {path} in {folder}", file=sys.stderr)
        subprocess.run([path, "-m", "venv", folder], check=True)
    # All at once is many times faster; where that fails, one by one finds those that cannot be installed.
    for requirements in (packages, *((each,) for each in packages)):
        missing = [each for each in requirements if each.partition("==")[0] not in probe(made, packages).packages]
        if missing:
            print(f"installing {', '.join(missing)}", file=sys.stderr)
            # Wheels only: building one takes minutes, and fails on what this machine lacks.
            words = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:", *missing]
            is_installed = not subprocess.run([made, *words], stdout=subprocess.DEVNULL, check=False).returncode
            if not is_installed and len(requirements) == 1:
                print(f"{missing[0]} cannot be installed on {version}: left out", file=sys.stderr)
    return probe(made, packages)


def find_whet(given: str | None) -> list[str] | None:
    """Return the words that start whet: as given, beside this interpreter, from the search path; None without it."""
    if given:
        return given.split()
    beside = Path(sys.executable).parent / "whet"
    if beside.exists():
        return [str(beside)]
    found = shutil.which("whet")
    return [found] if found else None


def describe_machine(environment: Environment, whet: list[str] | None) -> dict[str, str]:
    """Return what a table must be quoted with."""
    said = {
        "python": environment.version,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
    }
    said |= {name: environment.packages[name] for name in PEERS if name in environment.packages}
    if whet:
        done = subprocess.run([*whet, "--version"], capture_output=True, text=True, check=False)
        said["whet"] = (done.stdout.strip() or done.stderr.strip() or "?").splitlines()[0].removeprefix("whet ")
    return said
