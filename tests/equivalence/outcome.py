"""What a program does: its result or exception, what it prints, and what becomes of everything that it reaches."""

import contextlib
import io
import pickle  # noqa: F401 - what copies and prints objects imports it: not while a program's steps are counted
import re
import shutil
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.equivalence.values import World, describe, vary

EVENTS = 4000
SECONDS = 2
MOST = 20
"""Elements that are taken from a generator."""


class Endless(io.StringIO):
    """Output that is cut off."""

    def write(self, text):
        if self.tell() > 20_000:
            raise RecursionError("too much output")
        return super().write(text)


@dataclass(frozen=True)
class Way:
    """How a program is run: its arguments as an expression, and what is odd about them and about the code around."""

    given: str
    changes: tuple = ()
    """``(path, kind)``: what parts of the arguments are replaced by, as of ``values.vary``."""
    plan: tuple = ()
    """What is to happen at which visit: ``values.World.plan``."""
    times: int = 1
    """How often a list or text among the arguments is repeated: equal elements are one object then."""
    same: bool = False
    """The last argument is the first one too."""
    reached: bool = False
    """The code around reaches the arguments, and may change them during the call."""
    patched: bool = False
    """The constants of the module are replaced before the call."""


class TooLongError(BaseException):
    """A program that was stopped: it would have gone on for ever, as a loop over a list that it makes longer."""


@contextlib.contextmanager
def limited():
    """Stop what runs within after ``EVENTS`` lines and calls: counted, and so the same each time.

    Texts that double in each step would take hours for so many: they are stopped by the time.
    """
    left = EVENTS
    end = time.process_time() + SECONDS

    def count(frame, event, argument):
        nonlocal left
        left -= 1
        if left < 0 or time.process_time() > end:
            raise TooLongError
        return count

    old = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(old)


def run(code, call, way):
    """Run ``code``, then its ``call`` twice with the same arguments; return all that can be noticed, as texts.

    ``None`` if it was stopped.
    """
    world = World(way.plan)
    names = {"__name__": "program", "WORLD": world, "WORD": ",", "ARGS": ()}
    printed, results = Endless(), []
    arguments = ()
    scratch = tempfile.mkdtemp(prefix="whet-program-") if "tempfile" in code else None
    old, tempfile.tempdir = tempfile.tempdir, scratch or tempfile.tempdir
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = compile(code, "program.py", "exec", dont_inherit=True)
            try:
                with limited():
                    exec(compiled, names)
                patch(names, way.patched)
                arguments = vary(world, eval(way.given, names), way.changes)
                if way.times > 1:
                    arguments = tuple(one * way.times if type(one) in (list, str) else one for one in arguments)
                if way.same:
                    arguments = (*arguments[:-1], arguments[0])
                if way.reached:
                    world.kept.extend(arguments)
                world.log.append("called")
                with limited():
                    results.append(attempt(names[call], arguments, world))
                    results.append(attempt(names[call], arguments, world))
            except TooLongError:
                return None
            except Exception as error:
                results.append(f"raised {describe(error)}")
        files = sorted(str(len(path.read_bytes())) for path in Path(scratch).rglob("*.*")) if scratch else []
    finally:
        tempfile.tempdir = old
        if scratch:
            shutil.rmtree(scratch)
    state = describe([arguments, world.kept, [value for name, value in sorted(names.items()) if is_state(name, value)]])
    found = (results, printed.getvalue(), world.log, state, files)
    return tuple(re.sub(r"0x[0-9a-f]+|whet-program-\w+|tmp\w{8}", "…", str(part)) for part in found)


def attempt(function, arguments, world):
    try:
        result = function(*arguments)
        if isinstance(result, Iterator):
            taken = []
            try:
                for _, one in zip(range(MOST), result, strict=False):
                    taken.append(describe(one))
                    world.visit("caller")
            except Exception as error:
                taken.append(f"raised {describe(error)}")
            return taken
        return describe([result, arguments])
    except Exception as error:
        return f"raised {describe(error)}"


def patch(names, patched):
    """Replace constants of the module, as its tests or callers may."""
    if patched:
        for name, value in list(names.items()):
            if type(value) in (str, int) and not name.startswith("__"):
                names[name] = {str: "b", int: 2}[type(value)]


def is_state(name, value):
    """Return whether a global is the program's own state, and not a name that a rule may add."""
    kinds = (types.ModuleType, types.FunctionType, re.Pattern, World)
    return not name.startswith("_") and not isinstance(value, kinds)
