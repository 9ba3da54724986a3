"""The command ``whet``: the list of commands, and the one place where errors become messages and exit statuses.

A command is one line in ``COMMANDS`` and one file: ``whet/cli/NAME.py`` with a
function ``NAME_command`` whose parameters are declared as ``whet/cli/declare.py``
says. It returns its exit status (``None`` is 0) or raises a ``WhetError``. A file
is imported only when its command is used.

Exit statuses: that of the command; 2 for wrong use and errors; ``run`` and
``attach`` pass on the target's, so theirs is 125. A command that returns -N has
whet end by signal N, as its program did; so does Ctrl-C, which a shell shows as 130.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from whet.cli.coercion import undo_coercion
from whet.cli.console import print_line, say_always
from whet.cli.shared import COLOR, take_shared
from whet.errors import UsageError, WhetError

if TYPE_CHECKING:
    from whet.cli.command import Command

COMMANDS: Mapping[str, str] = {
    "run": "Run a program and report where its time goes.",
    "attach": "Sample a running process.",
    "prove": "Try the advice and check that the program is faster and behaves the same.",
    "apply": "Write the rewrites that were measured faster.",
    "report": "Show a saved run, or profiles of other tools.",
    "merge": "Merge the runs and profiles of many processes into one report.",
    "bench": "Run a program many times and report how long it takes.",
    "scale": "Run a program at several sizes of its input and report how its cost grows.",
    "diff": "Compare two saved runs or profiles: what got faster, slower, is new or gone.",
    "check": "Lint source files without running them.",
    "rules": "List the rules, or show one rule's page.",
    "mcp": "Serve whet's tools to a coding agent.",
    "lsp": "Serve an editor: cost behind lines, findings, rewrites.",
    "completion": "Print the completion script of a shell.",
    "trust": "Trust a project that belongs to another user.",
    "doctor": "Check the setup and show how to fix problems.",
}

HELP_NAMES = ("-h", "--help")

PASSING_ON = frozenset({"run", "attach"})
"""Commands whose exit status is the target's."""

FAILED = 125
"""Exit status of those when whet itself fails, as with ``timeout`` and ``env``."""

_GC_THRESHOLD = 50_000
_PIPE_CLOSED = 141  # what a shell shows for a program that SIGPIPE ended
_PROBABLE_SCRIPTS = (".py", ".pyw", ".pyz")


_NEEDED = frozenset({"jinja2", "libcst", "pygments", "rich"})
"""Third-party libraries without which a command cannot continue. Without a profiler, a measurement still can."""


_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""Errors of writing to a full disk. Where whet writes files itself, they are reported with the file's name."""


class EndBySignal:
    """Ends this process by the signal ``number``, so that whoever waits for it sees how the program ended.

    A shell tells the two apart: after a command that Ctrl-C ended it leaves its loop, after a status of 130 it goes on.
    """

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> None:
        """Do so, without a core dump: that of the program is the one of interest. Does nothing for number 0."""
        if not self.number:
            return
        import resource

        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
        with contextlib.suppress(OSError, ValueError):
            # The kernel takes no notice of 0 where a program takes the dumps; 1 is too small for either.
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else 1, hard))
        with contextlib.suppress(OSError, ValueError):
            # SIGKILL has no handler to take away.
            signal.signal(self.number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {self.number})
        os.kill(os.getpid(), self.number)


def main() -> None:
    """Run the command line of this process and exit."""
    # Registered first, it is called last, when everything else that cleans up at exit has done so.
    end = EndBySignal()
    atexit.register(end)
    undo_coercion()
    # Objects of imports and profiles live on: scanning them for garbage takes a good part of a short run,
    gc.set_threshold(_GC_THRESHOLD)
    status = run_command_line(sys.argv[1:])
    if sys.stderr is not None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            # Nobody reads it, or its disk is full: what was left of it would end whet with a status of Python's.
            with contextlib.suppress(OSError, ValueError):
                _silence(sys.stderr)
    if status < 0 and os.name == "posix":
        end.number, status = -status, 128 - status
    # and so does scanning all of them once more at the end.
    gc.freeze()
    # Windows has exit statuses of 32 bits, which a program ended by an exception of the system uses, and
    # Python takes them as signed numbers.
    sys.exit(status - (1 << 32) if status >= 1 << 31 else status)


def run_command_line(argv: Sequence[str]) -> int:
    """Run one command and return its exit status; errors are reported on stderr."""
    passing_on = name_command(argv) in PASSING_ON
    try:
        status = _dispatch(take_shared(argv))
        if sys.stdout is not None:
            sys.stdout.flush()
    except WhetError as error:
        _say_error(error)
        return FAILED if passing_on else error.exit_code
    except KeyboardInterrupt:
        from whet.signals import name_interrupted

        return name_interrupted()
    except BrokenPipeError:
        _silence(sys.stdout)
        return _PIPE_CLOSED
    except Exception as error:
        _say_mistake(error)
        return FAILED if passing_on else 2
    return status


def load_command(name: str) -> Command:
    """Import the file of the command ``name`` and read what its function declares."""
    from whet.cli.command import Command

    return Command(name, getattr(import_module(f"whet.cli.{name}"), f"{name}_command"))


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in HELP_NAMES:
        from whet.cli.help import format_whet

        print_line(format_whet())
        return 0
    if argv[0] == "--version":
        from whet import __version__

        print_line(f"whet {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        raise explain_unknown(argv)
    status = load_command(argv[0]).run(argv[1:])
    return status if isinstance(status, int) else 0


def name_command(argv: Sequence[str]) -> str:
    """Return the command's name, after whet's own options."""
    words = zip(("", *argv), argv, strict=False)
    return next((word for before, word in words if not word.startswith("-") and before != COLOR), "")


def explain_unknown(args: Sequence[str]) -> UsageError:
    """Return the error for ``args`` that begin with no command, with what was probably meant."""
    import shlex

    name = args[0]
    meant = f"did you mean `whet run {shlex.join(args)}`?"
    if name in ("-m", "-c", "--") or name.endswith(_PROBABLE_SCRIPTS) or _exists(name):
        return UsageError(f"{name} is not a whet command", meant)
    import difflib

    if name.startswith("-"):
        return UsageError(f"unknown option {name}", "`whet --help` lists the commands")
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    if near:
        return UsageError(f"{name} is not a whet command", f"did you mean `whet {shlex.join([near[0], *args[1:]])}`?")
    return UsageError(f"{name} is not a whet command", "`whet --help` lists the commands")


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def _say_error(error: WhetError) -> None:
    say_always(f"whet: error: {error.message}")
    if error.hint:
        say_always(f"whet: {error.hint}")


def _say_mistake(error: Exception) -> None:
    if isinstance(error, ModuleNotFoundError) and error.name in _NEEDED:
        say_always(f"whet: error: {error.name} is not installed in whet's own environment")
        say_always(f"whet: install it with {sys.executable} -m pip install {error.name}")
        return
    if isinstance(error, FileNotFoundError) and not _is_anywhere():
        say_always("whet: error: the current folder no longer exists")
        say_always("whet: change to an existing folder")
        return
    if isinstance(error, OSError) and error.errno in _FULL:
        say_always(f"whet: error: the output cannot be written: {error.strerror}")
        say_always("whet: free some space, or write the output elsewhere")
        _silence(sys.stdout)
        return
    import traceback

    say_always("".join(traceback.format_exception(error)).rstrip())
    say_always("whet: error: this is a bug in whet; please report it with the lines above")


def _is_anywhere() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _silence(stream: TextIO) -> None:
    """Keep the interpreter from failing again when it flushes ``stream`` at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
