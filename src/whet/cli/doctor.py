"""``whet doctor``: check the setup, and show how to fix problems.

Exit status: 0 when everything that the default ``whet run`` uses works, 1 when
some of it does not (the run then measures less, or at a higher cost), 2 when
no interpreter was found or ``--install`` failed.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from whet import __version__
from whet.cli.console import paint, print_line, sanitise, say
from whet.cli.declare import Option
from whet.cli.options import PythonOption
from whet.errors import WhetError

if TYPE_CHECKING:
    from whet.program.checkup import Check
    from whet.program.host import TargetHost

_NARROWEST = 24
_WIDEST = 100


def doctor_command(
    python: PythonOption = None,
    install: Annotated[
        bool, Option("--install", help="Download missing profilers for that interpreter into whet's cache.")
    ] = False,
) -> int:
    """Check the setup and show how to fix problems.

    Exit status: 0 when `whet run` is fully functional, 1 when it works with limits, 2 for errors.

    Examples:
        whet doctor
        whet doctor --python 3.13 --install
    """
    from whet.program.checkup import examine_collectors, list_notes
    from whet.program.distribution import check_distribution
    from whet.program.interpreter import choose_interpreter
    from whet.program.probe import describe_choice

    choice = choose_interpreter(python, os.environ, Path.cwd())
    host = describe_choice(choice)
    failure: WhetError | None = None
    if install:
        failure = _install(host)
        host = describe_choice(choice)
    _print_head(host)
    checks = []
    for check in (check_distribution(), *examine_collectors(host), _check_store(Path.cwd())):
        _print_check(check)
        checks.append(check)
    _print_notes(list_notes(host, os.environ))
    failed = [check for check in checks if check.needed and not check.works]
    print_line()
    if failure is not None:
        raise failure  # reported last, below the checks
    if failed:
        _print_wrapped(f"`whet run` works without: {',  '.join(_short(check) for check in failed)}.")
        return 1
    _print_wrapped("`whet run` is fully functional.")
    return 0


def _install(host: TargetHost) -> WhetError | None:
    from whet.program.install import install_collectors, list_missing

    missing = list_missing(host)
    if missing:
        say(f"whet: downloading {', '.join(missing)} for Python {host.interpreter.version}")
    try:
        fetched = install_collectors(host)
    except WhetError as error:
        return error
    for name in fetched:
        say(f"whet: downloaded {name} into whet's cache")
    return None


def _check_store(cwd: Path) -> Check:
    from whet.program.checkup import Check
    from whet.store import find_home

    home = find_home(cwd)
    folder = home if home.is_dir() else home.parent
    if os.access(folder, os.W_OK | os.X_OK):
        return Check("saved runs", True, f"stored in {home}")
    return Check(
        "saved runs", False, f"{folder} is not writable; runs are stored in a temporary folder", f"chmod u+rwx {folder}"
    )


def _print_head(host: TargetHost) -> None:
    interpreter = host.interpreter
    own = f"{platform.python_implementation()} {platform.python_version()}"
    _print_wrapped(f"whet {__version__} on {own}, {platform.system()} {platform.machine()}")
    print_line()
    kind = " free-threaded" if interpreter.free_threaded else ""
    _print_wrapped(f"Target: {interpreter.implementation} {interpreter.version}{kind}")
    _print_verbatim(interpreter.path)
    _print_wrapped(f"chosen by: {interpreter.why}", indent="  ")
    print_line()


def _print_check(check: Check) -> None:
    mark, color = ("ok", "green") if check.works else ("no", "red" if check.needed else "yellow")
    text = _wrap(f"{check.about}: {check.says}", indent="      ")
    print_line(f"  {paint(mark, color, sys.stdout)}  {text[6:]}")
    if check.remedy:
        # Unwrapped, on its own line, so that it can be copied.
        _print_verbatim(check.remedy, indent="      ")


def _print_notes(notes: Iterable[str]) -> None:
    listed = list(notes)
    if listed:
        print_line()
        _print_wrapped("Notes:")
    for note in listed:
        text = _wrap(note, indent="    ")
        print_line(f"  - {text[4:]}")


def _print_wrapped(text: str, indent: str = "") -> None:
    print_line(_wrap(text, indent))


def _print_verbatim(text: str, indent: str = "  ") -> None:
    print_line(f"{indent}{sanitise(text)}")


def _wrap(text: str, indent: str) -> str:
    """Wrap at the terminal's width; paths are never broken, so that they can be copied."""
    width = max(_NARROWEST, min(shutil.get_terminal_size().columns, _WIDEST))
    return textwrap.fill(
        sanitise(text),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _short(check: Check) -> str:
    return check.about.partition(" ")[0] if check.about[-1].isdigit() else check.about
