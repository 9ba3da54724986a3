"""Where runs are saved: ``.whet/`` beside the project's own files.

::

    .whet/
    ├── .gitignore                        keeps all of it out of git but ``rules/``
    ├── rules/                            rules that the project brings; whet writes nothing there without_offers
    ├── latest                            text: the name of the newest run's folder
    └── runs/
        └── 20250131-142501-orders/
            ├── run.json.gz
            └── raw/                      captures of the profilers, where they are kept

``.whet`` stands beside the nearest pyproject.toml or .git upwards, else in the
folder where one started, else, where that cannot be written, in a temporary
folder that a notice names. The last 20 runs stay. Only files that whet makes are
ever deleted. ``latest`` is text because links need rights on Windows.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import tempfile
import time
import unicodedata
from dataclasses import replace
from pathlib import Path

from whet.atomic import PRIVATE, write_atomically
from whet.errors import FormatError, StoreError
from whet.model.codec import read_run, write_run
from whet.model.labels import name_suffix
from whet.model.moved import move_run
from whet.model.run import Notice, Run
from whet.reading import named_errors, read_file
from whet.records import dataclass

FOLDER = ".whet"
KEPT = 20
LABELLED = "+"
"""Stands in a folder's name before the labels of its run."""
RUN_FILE = "run.json.gz"
RAW_FOLDER = "raw"
LATEST = "latest"
IGNORE = b"/*\n!/rules/\n__pycache__/\n"
"""What git passes by in the folder: all but a project's own rules."""
_OLD_IGNORE = b"*\n"
_MARKERS = ("pyproject.toml", ".git")
_NAME = re.compile(r"\d{8}-\d{6}(-\d{1,3})?-[\w.+-]+")
_RESERVED = frozenset(("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))))


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run on disk. ``notice`` is there when it is not where one would look for it."""

    path: Path
    notice: Notice | None = None


def find_home(start: Path) -> Path:
    """Return the ``.whet`` folder that belongs to ``start``, whether it exists or not."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if any((folder / marker).exists() for marker in _MARKERS):
            return folder / FOLDER
    return start / FOLDER


def save_run(run: Run, start: Path, name: str = "") -> SavedRun:
    """Save ``run`` for the folder ``start`` and return where it is.

    ``name`` becomes part of the folder's name (default: the program that the run's
    command names). Where the project's folder cannot be written, or is full, the run goes to a
    temporary folder. Raises ``StoreError`` when that fails as well; nothing
    half-written is left behind.
    """
    label = _sanitise(name or _name_program(run)) + _name_labels(run)
    home = find_home(start)
    try:
        return SavedRun(_save(_pack(replace(run, saved_in=str(home.parent))), home, label))
    except OSError as error:
        first = error
    spare = Path(tempfile.gettempdir()) / f"whet-{_find_user()}"
    try:
        _check_own(spare)
        path = _save(_pack(run), spare / FOLDER, label)
    except OSError as error:
        raise StoreError(
            f"the run cannot be saved: {home}: {first.strerror or first}; {spare}: {error.strerror or error}",
            hint="free some space, or set TMPDIR to a folder that can be written",
        ) from error
    message = f"{home} cannot be written ({first.strerror or first}), so the run is in {path}"
    return SavedRun(path, Notice("store", message, f"whet report {shlex.quote(str(path))}"))


def list_runs(start: Path) -> list[Path]:
    """Return the saved runs' folders, newest last."""
    return _list_folders(find_home(start) / "runs")


def find_run(reference: str | None, start: Path) -> Path:
    """Return the ``run.json.gz`` that ``reference`` names.

    ``None`` and ``latest`` name the newest run; else a path to a file or to a run's folder, or the
    name of a run's folder or the start of it. Raises ``StoreError`` for none, and for more than one.
    """
    runs = find_home(start) / "runs"
    if reference is None or reference == LATEST:
        return _find_latest(runs)
    path = Path(start, reference)
    with contextlib.suppress(OSError, ValueError):  # a name too long, or with a NUL
        if path.is_file():
            return path
        if (path / RUN_FILE).is_file():
            return path / RUN_FILE
    folders = _list_folders(runs)
    found = [folder for folder in folders if folder.name == reference] or [
        folder for folder in folders if reference and folder.name.startswith(reference)
    ]
    if len(found) == 1:
        return found[0] / RUN_FILE
    if found:
        names = ", ".join(folder.name for folder in found[-5:])
        raise StoreError(f"{len(found)} runs start with {reference!a}: {names}", hint="write more of the name")
    raise StoreError(f"no saved run is called {reference[:200]!a} in {runs}", hint="`whet report --list` names them")


def name_reference(reference: str | None, path: Path, start: Path) -> str:
    """Return what to call the run at ``path`` in a command: nothing for the newest, else ``reference``."""
    with contextlib.suppress(StoreError):
        if reference is None or path.absolute() == _find_latest(find_home(start) / "runs").absolute():
            return ""
    return reference or ""


def load_run(path: Path) -> Run:
    """Return the run saved at ``path`` (the file, or its folder); raises ``StoreError`` or ``FormatError``."""
    if path.is_dir():
        path = path / RUN_FILE
    try:
        with path.open("rb") as file, using_run(path):
            return _settle(read_run(file), path)
    except FormatError as error:
        raise FormatError(f"{path}: {error.message}", hint=error.hint) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}", hint="check the path") from error


def using_run(path: Path) -> contextlib.AbstractContextManager[None]:
    """Turn whatever goes wrong with a saved run, which may be anybody's, into a ``FormatError`` that names it."""
    return named_errors(f"the saved run {path} cannot be used", "measure again, or choose another run")


def rewrite_run(path: Path, run: Run) -> None:
    """Replace the run saved in the file ``path``: the new one whole, or the old one stays. Raises ``StoreError``."""
    packed = _pack(run)
    try:
        write_atomically(path, packed, mode=PRIVATE)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}", hint="free some space, or fix its permissions"
        ) from error


def _pack(run: Run) -> bytes:
    packed = io.BytesIO()
    write_run(run, packed)
    return packed.getvalue()


def _settle(run: Run, path: Path) -> Run:
    """Return a run with its paths in the project that it lies in: it may have been copied or moved with that."""
    folders = path.absolute().parents
    if len(folders) < 4 or folders[2].name != FOLDER or not run.saved_in or run.project != run.saved_in:
        return run
    now = str(folders[3])
    return run if now == run.saved_in else replace(move_run(run, now), saved_in=now)


def _save(data: bytes, home: Path, label: str) -> Path:
    runs = home / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    ignore = home / ".gitignore"
    if not ignore.exists() or ignore.read_bytes() == _OLD_IGNORE:
        write_atomically(ignore, IGNORE, sync=False)
    folder = _make_folder(runs, label)
    try:
        write_atomically(folder / RUN_FILE, data, mode=PRIVATE)
    except BaseException:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise
    # The run is safe by now; that the pointer or the tidying fails must not say otherwise.
    with contextlib.suppress(OSError):
        write_atomically(home / LATEST, f"{folder.name}\n".encode(), sync=False)
    _remove_old(runs, folder)
    return folder / RUN_FILE


def _make_folder(runs: Path, label: str) -> Path:
    """Make a folder of its own: runs that end in the same second get a number."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        middle = f"-{number:03}" if number > 1 else ""
        folder = runs / f"{stamp}{middle}-{label}"
        if number == 1 and any(runs.glob(f"{stamp}-*")):
            continue
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise FileExistsError(f"{runs} holds a thousand runs of this second")


def _list_folders(runs: Path) -> list[Path]:
    try:
        found = [entry for entry in runs.iterdir() if _NAME.fullmatch(entry.name) and (entry / RUN_FILE).is_file()]
    except OSError:
        return []
    return sorted(found, key=_sort_key)


def _sort_key(folder: Path) -> tuple[str, int, str]:
    match = re.match(r"(\d{8}-\d{6})(?:-(\d{3})(?=-))?", folder.name)
    return (match[1], int(match[2] or 0), folder.name) if match else ("", 0, folder.name)


def _find_latest(runs: Path) -> Path:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        name = read_file(runs.parent / LATEST, 1_000).decode("utf-8").strip()
        if _NAME.fullmatch(name) and (runs / name / RUN_FILE).is_file():
            return runs / name / RUN_FILE
    folders = _list_folders(runs)
    if not folders:
        raise StoreError(f"no run is saved in {runs}", hint="whet run SCRIPT saves one")
    return folders[-1] / RUN_FILE


def _remove_old(runs: Path, new: Path) -> None:
    """Delete all but the newest runs: what whet made, and the folder when nothing of others' is in it."""
    # Of each rank of a job the newest stay: a job may have more ranks than runs are kept.
    part = new.name.partition(LABELLED)[2]
    for folder in [each for each in _list_folders(runs) if each.name.partition(LABELLED)[2] == part][:-KEPT]:
        if folder == new or folder.is_symlink():
            continue
        with contextlib.suppress(OSError):
            (folder / RUN_FILE).unlink()
            if not (folder / RAW_FOLDER).is_symlink():
                shutil.rmtree(folder / RAW_FOLDER, ignore_errors=True)
            folder.rmdir()


def _name_labels(run: Run) -> str:
    """Return what the folder's name ends with for a run with labels: ``+rank-3``."""
    suffix = name_suffix(run.labels)
    return f"{LABELLED}{suffix}" if suffix else ""


def _name_program(run: Run) -> str:
    """Return the stem of the first word of the command that is no option and not the interpreter."""
    words = list(run.command)
    if words and re.fullmatch(r"python[\d.]*(\.exe)?", Path(words[0]).name, re.IGNORECASE):
        words = words[1:]
    if "-c" in words[:1]:
        return "code"
    return next((re.split(r"[\\/]", word)[-1].removesuffix(".py") for word in words if not word.startswith("-")), "run")


def _sanitise(name: str) -> str:
    """Return a short name that every file system takes and that cannot lead elsewhere."""
    plain = unicodedata.normalize("NFKC", name)
    safe = "".join(c if (c.isalnum() and c.isprintable()) or c in "._+-" else "-" for c in plain)
    safe = re.sub(r"-{2,}", "-", safe).strip("-. ")
    while len(safe.encode("utf-8", "replace")) > 60:
        safe = safe[:-1]
    safe = safe.rstrip("-. ")
    if not safe or safe.partition(".")[0].casefold() in _RESERVED:
        return f"run-{safe}".rstrip("-")
    return safe


def _find_user() -> str:
    """Return what tells this user's temporary folder from others'."""
    return str(os.getuid()) if hasattr(os, "getuid") else _sanitise(os.environ.get("USERNAME", "user"))


def _check_own(folder: Path) -> None:
    """Make the temporary folder ours alone; raises ``PermissionError`` when somebody else has put something there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    if folder.is_symlink() or (hasattr(os, "getuid") and info.st_uid != os.getuid()):
        raise PermissionError(f"{folder} is somebody else's")
