"""Says why something cannot be run, and what was probably meant."""

from __future__ import annotations

import shlex
import shutil
import zipfile
from pathlib import Path

from whet.errors import TargetError
from whet.program.host import TargetHost
from whet.program.program import SOURCE_SUFFIXES, read_head

WAYS = "whet runs a script, -m MODULE, -c CODE, or the name of a Python console script"


def explain_refusal(name: str, host: TargetHost | None, cwd: Path, path: str | None = None) -> TargetError:
    """Return the error for a ``name`` that is no program; with ``host``, its console scripts and modules count too.

    ``path`` are the folders of commands, ``PATH`` of this process if it is ``None``.
    """
    if not name:
        return TargetError("the name of the program is empty", WAYS)
    if name.startswith("-"):
        return TargetError(f"{name} stands where the program is expected", WAYS)
    file = cwd / name
    if file.exists() or file.is_symlink():
        return _explain_present(name, file)
    return _explain_absent(name, host, cwd, path)


def _explain_present(name: str, path: Path) -> TargetError:
    try:
        if not _is_there(path):
            return TargetError(f"{name} is a link to a file that is gone", WAYS)
        is_folder = path.is_dir()
        has_main = is_folder and _is_there(path / "__main__.py")
        head = b"" if is_folder else read_head(path)
    except OSError as error:
        return TargetError(f"{name} cannot be read: {error.strerror}", "run whet as somebody who may read it")
    if is_folder and not has_main:
        return TargetError(
            f"the folder {name} has no __main__.py, so Python cannot run it",
            "name a script in it, or run a package with -m PACKAGE",
        )
    if zipfile.is_zipfile(path):
        return TargetError(f"the zip file {name} has no __main__.py, so Python cannot run it", WAYS)
    if head[:2] == b"#!":
        line = head.splitlines()[0].decode("utf-8", "replace")[:80]
        hint = f"if Python runs it all the same: whet run -- python {shlex.quote(name)}"
        return TargetError(f"{name} is not a Python program: it begins with {line}", hint)
    return TargetError(f"{name} is not a Python program", WAYS)


def _is_there(path: Path) -> bool:
    """Tell whether there is anything at ``path``. Raises ``OSError`` where that cannot be looked up."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _explain_absent(name: str, host: TargetHost | None, cwd: Path, path: str | None) -> TargetError:
    near = _nearest(name, host, cwd)
    meant = f"did you mean {near}?" if near else ""
    if Path(name).name != name or name.endswith(SOURCE_SUFFIXES):
        return TargetError(f"no such file: {name}", meant or WAYS)
    command = shutil.which(name, path=path)
    if command:
        return TargetError(f"{name} ({command}) is not a Python program", WAYS)
    message = f"{name} is neither a file nor a Python console script"
    if host is not None and _is_module(name, host, cwd):
        return TargetError(message, f"there is a module of that name: -m {name}")
    return TargetError(message, "; ".join(filter(None, (meant, WAYS))))


def _nearest(name: str, host: TargetHost | None, cwd: Path) -> str:
    folder = (cwd / name).parent
    shown = Path(name).parent
    known: dict[str, str] = {}
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.suffix in SOURCE_SUFFIXES or (entry.is_dir() and (entry / "__main__.py").is_file()):
                known[entry.name] = str(shown / entry.name)
    if host is not None and shown == Path() and Path(host.scripts).is_dir():
        known.update({entry.stem: entry.stem for entry in Path(host.scripts).iterdir() if entry.is_file()})
    import difflib

    close = difflib.get_close_matches(Path(name).name, known, n=1, cutoff=0.6)
    return known[close[0]] if close else ""


def _is_module(name: str, host: TargetHost, cwd: Path) -> bool:
    if not name.replace(".", "_").isidentifier():
        return False
    inside = name.replace(".", "/")
    return any(
        (Path(folder) / f"{inside}.py").is_file() or (Path(folder) / inside / "__init__.py").is_file()
        for folder in (str(cwd), *host.site_packages, *host.stdlib)
    )
