"""What counts as the user's code although it lies where dependencies do: the program itself."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable
from glob import escape
from pathlib import Path

from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

RUNNERS = frozenset(
    (
        "IPython",
        "accelerate",
        "aiohttp",
        "airflow",
        "asv",
        "bdb",
        "cProfile",
        "celery",
        "coverage",
        "daphne",
        "dask",
        "distributed",
        "django",
        "dramatiq",
        "flask",
        "gunicorn",
        "hatch",
        "hatchling",
        "huey",
        "hypercorn",
        "invoke",
        "ipykernel",
        "jupyter",
        "jupyterlab",
        "kedro",
        "locust",
        "luigi",
        "mlflow",
        "mpi4py",
        "nbconvert",
        "nose2",
        "notebook",
        "nox",
        "papermill",
        "pdb",
        "pdm",
        "poetry",
        "prefect",
        "profile",
        "py",
        "pytest",
        "ray",
        "rq",
        "runpy",
        "scrapy",
        "snakemake",
        "streamlit",
        "timeit",
        "torch",
        "tornado",
        "tox",
        "trace",
        "twisted",
        "unittest",
        "uvicorn",
        "waitress",
    )
)
"""Programs that are there to run the user's code; their own stays a dependency's."""


def find_program_roots(spec: TargetSpec, host: TargetHost) -> tuple[str, ...]:
    """Return the files and folders of the program's own package, where it is one that was installed.

    ``whet run black x.py`` is about black, ``whet run -m pytest`` is not about
    pytest. For ``-c`` it is the code itself, ``<string>``, for ``-`` ``<stdin>``. A script is the
    program wherever it lies.
    """
    match spec.kind:
        case TargetKind.CODE:
            return ("<string>",)
        case TargetKind.INPUT:
            return ("<stdin>",)
        case TargetKind.MODULE:
            package = spec.name.partition(".")[0]
            return () if package in RUNNERS else _places_of(package, spec, host)
        case TargetKind.CONSOLE_SCRIPT:
            script = Path(spec.directory) / spec.name
            package = _package_behind(script)
            if not package or package in RUNNERS:
                return ()
            return (str(script), *_places_of(package, spec, host))
        case _:
            return _places_of_script(Path(spec.directory) / spec.name, host)


def _places_of_script(script: Path, host: TargetHost) -> tuple[str, ...]:
    """Return a script that lies among installed code, and what lies beside it, which it imports from there."""
    named, script = str(script), Path(os.path.normpath(script))
    shelves = [Path(folder) for folder in (*host.site_packages, *host.stdlib)]
    shelves += [parent for parent in script.parents if parent.name in ("site-packages", "dist-packages")]
    if not any(script.is_relative_to(shelf) for shelf in shelves):
        return ()
    # Its own frames have the path as it was named.
    return (named,) if script.parent in shelves else (named, str(script.parent))


def find_launchers(spec: TargetSpec) -> tuple[str, ...]:
    """Return a glob of the script that only starts one of the ``RUNNERS``, such as ``/venv/bin/uvicorn``."""
    if spec.kind not in {TargetKind.SCRIPT, TargetKind.CONSOLE_SCRIPT} or not spec.name:
        return ()
    script = Path(spec.directory) / spec.name
    if script.suffix in {"", ".exe"} and script.stem in RUNNERS:
        return (escape(str(script)),)
    is_runner = spec.kind is TargetKind.CONSOLE_SCRIPT and _package_behind(script) in RUNNERS
    return (escape(str(script)),) if is_runner else ()


def count_compiled(roots: Iterable[str]) -> int:
    """Return how many modules of the program's package are compiled extensions, whose functions no sampler names."""
    endings = {".so", ".pyd"}
    folders = [Path(root) for root in roots if root not in ("<string>", "<stdin>") and Path(root).is_dir()]
    return sum(path.suffix in endings for folder in folders for path in folder.rglob("*"))


def _places_of(package: str, spec: TargetSpec, host: TargetHost) -> tuple[str, ...]:
    if (Path(spec.directory) / package).exists() or (Path(spec.directory) / f"{package}.py").exists():
        return ()
    for folder in (*host.site_packages, *host.stdlib):
        for place in (Path(folder) / package, Path(folder) / f"{package}.py"):
            if place.exists():
                return (str(place),)
    return ()


def _package_behind(script: Path) -> str:
    """Return the top-level package that a console script calls; empty where it cannot be told."""
    try:
        text = script.read_bytes()[:20_000].decode("utf-8", "replace")
        # What stands before the first import may be a shell's preamble.
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return ""
    imported = ""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported = node.module.partition(".")[0]
        elif isinstance(node, ast.Import) and not imported and node.names[0].name not in ("re", "sys"):
            imported = node.names[0].name.partition(".")[0]
    return imported
