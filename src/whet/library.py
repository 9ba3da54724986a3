"""whet as a library: profile a block of the program that runs, and read what was measured.

::

    with whet.profile() as run:
        work()
    run.show()
    run.save("report.html")

Sampling is that of ``whet attach``: another process reads this one from outside, all threads of it, and puts nothing
into it. Exact hits and allocations need the program to be started by ``whet run``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, overload

if TYPE_CHECKING:
    from whet.errors import WhetError
    from whet.model.advice import Advice
    from whet.model.hotspot import Hotspots
    from whet.model.run import Run
    from whet.pipeline.advise.show import Shown
    from whet.report.view import ReportView

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_FORMATS = {".html": "html", ".htm": "html", ".json": "json", ".md": "markdown", ".csv": "csv"}
_active = threading.Lock()


def _forget() -> None:
    """Let a forked process profile itself: what runs in its parent does not sample it."""
    global _active  # noqa: PLW0603  another thread of the parent may hold it
    _active = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Measured:
    """A run that was measured: what is hot in it, the advice, and its report in any format."""

    def __init__(self, run: Run | None = None) -> None:
        self._run = run
        self._shown: Shown | None = None
        self._began_in: int | None = None

    @property
    def run(self) -> Run:
        """Everything that was measured. Raises ``UsageError`` while the block still runs, and in a forked process."""
        if self._run is None:
            from whet.errors import UsageError

            if self._began_in not in (None, os.getpid()):
                raise UsageError("nothing is measured in a forked process", "begin a block in that process")
            raise UsageError("nothing is measured yet", "read it after the `with` block")
        return self._run

    @property
    def hotspots(self) -> Hotspots:
        """Functions and lines with their costs, hottest first; times are nanoseconds, shares 0 to 1."""
        return self._show().hotspots

    @property
    def advice(self) -> tuple[Advice, ...]:
        """What could be faster and why, what saves most first."""
        return self._show().advice

    @property
    def view(self) -> ReportView:
        """The report, as all renderers show it."""
        return self._show().view

    def show(self, stream: TextIO | None = None) -> None:
        """Print the summary that ``whet run`` prints, to ``stream`` (default: stderr)."""
        from whet.pipeline.advise.show import print_terminal

        print_terminal(self._show(), stream if stream is not None else sys.stderr, None)

    def save(self, path: str | Path, format: str = "") -> None:
        """Write a report, in the format that the file's ending names unless ``format`` does, as ``--format`` takes it.

        Raises ``UsageError`` for an unknown format, and ``StoreError`` where the file cannot be written.
        """
        from whet.errors import UsageError
        from whet.pipeline.advise.show import find_renderer, write_rendering
        from whet.pipeline.foreign.formats import find_writer, save_profile

        path = Path(path)
        format = format or _FORMATS.get(path.suffix, "")
        if not format:
            raise UsageError(f"{path.name} names no format", 'give one: save("run.json"), or save(path, "speedscope")')
        writer = find_writer(format)
        if writer is not None:
            save_profile(self.run, writer, path)
        else:
            write_rendering(self._show(), find_renderer(format), path)

    def _show(self) -> Shown:
        if self._shown is None:
            from whet.pipeline.advise.show import show

            self._shown = show(self.run)
        return self._shown


class Profiling(Measured):
    """Samples this process while a ``with`` block runs; afterwards it is what was measured. See :func:`profile`."""

    def __init__(self, rate: int | None, native: bool, include: Sequence[str], exclude: Sequence[str]) -> None:
        super().__init__()
        self._request = make_request(rate, native, include, exclude)
        self._sampling: Sampling | _Pyinstrument | None = None

    def adjust(self, *, rate: int, hidden: Sequence[str]) -> None:
        """Sample at ``rate`` without pausing the process, and leave out what code in the files ``hidden`` does."""
        self._request |= {"rate": rate, "nonblocking": True, "hidden": list(hidden)}

    def __enter__(self) -> Profiling:
        """Begin. Raises ``UsageError`` within another profile, ``CollectorError`` where sampling is not permitted."""
        if not _active.acquire(blocking=False):
            from whet.errors import UsageError

            raise UsageError("this process is being profiled already, in all of its threads", "end that block first")
        self._begin()
        return self

    def _begin(self) -> None:
        """Begin, with the lock held."""
        try:
            self._run = self._shown = None
            self._began_in = os.getpid()
            self._sampling = _begin(self._request)
        except BaseException:
            _active.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and read what was measured. An exception of the block goes on."""
        assert self._sampling is not None
        if self._began_in != os.getpid():  # a forked process: the block is its parent's
            self._sampling = None
            return
        from whet.errors import WhetError

        try:
            self._run = self._sampling.finish()
        except WhetError:
            if error is None:  # else the block's own is what the program wants to see
                raise
        finally:
            self._sampling = None
            _active.release()

    @contextlib.contextmanager
    def _call(self) -> Iterator[None]:
        """Profile one call, and print its summary. A call while this process is profiled is part of that."""
        if not _active.acquire(blocking=False):
            yield
            return
        self._begin()
        try:
            yield
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        self.__exit__(None, None, None)
        if self._began_in == os.getpid():
            self.show()

    def __call__(self, function: F) -> F:
        """Profile each call of a function or coroutine, and print its summary.

        Raises ``UsageError`` for a generator function and for a class.
        """
        if isinstance(function, (staticmethod, classmethod)):
            return type(function)(self(function.__func__))
        _refuse_others(function)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **options: Any) -> Any:  # noqa: ANN401  the function's own
                with self._call():
                    return await function(*args, **options)

            return awaited  # type: ignore[return-value]

        @functools.wraps(function)
        def called(*args: Any, **options: Any) -> Any:  # noqa: ANN401  the function's own
            with self._call():
                return function(*args, **options)

        return called  # type: ignore[return-value]


def _refuse_others(function: Callable[..., Any]) -> None:
    """Raise ``UsageError`` for what a decorator would not see at work."""
    from whet.errors import UsageError

    name = getattr(function, "__qualname__", type(function).__name__)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        message = f"@whet.profile: {name} is a generator function, whose code runs where it is iterated over"
        raise UsageError(message, "profile the function or the block with the loop")
    if isinstance(function, type):
        raise UsageError(f"@whet.profile: {name} is a class", "decorate its methods")


@overload
def profile(function: F, /) -> F: ...
@overload
def profile(
    *,
    rate: int | None = None,
    native: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    lines: bool = False,
    memory: bool = False,
) -> Profiling: ...
def profile(
    function: F | None = None,
    /,
    *,
    rate: int | None = None,
    native: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    lines: bool = False,
    memory: bool = False,
) -> Profiling | F:
    """Return what profiles a block (``with whet.profile() as run:``) or a function (``@whet.profile``).

    ``rate`` is samples per second (default: 100, lowered where sampling gets expensive), ``native`` samples C stacks
    as well, ``include`` and ``exclude`` are globs of files that count as the user's code, or do not. All threads are
    sampled, other processes are not.
    """
    if lines or memory:
        from whet.errors import UsageError

        name, start = ("lines", "whet run --lines") if lines else ("memory", "whet run --memory")
        raise UsageError(f"{name}=True needs a profiler in the program from its start", f"start it with `{start}`")
    made = Profiling(rate, native, include, exclude)
    return made if function is None else made(function)


def load(path: str | Path) -> Measured:
    """Return a saved run, or a profile of another tool: see ``docs/formats.md``.

    Raises ``StoreError`` where the file cannot be read, and ``FormatError`` where it is neither.
    """
    from whet.pipeline.foreign.load import load_any

    return Measured(load_any([str(path)], [], Path.cwd()).run)


def make_request(
    rate: int | None = None, native: bool = False, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what a :class:`Sampling` is asked for, with the meanings of :func:`profile`."""
    return {
        "rate": rate or 100,
        "keep_rate": rate is not None,
        "native": native,
        "include": list(include),
        "exclude": list(exclude),
        "nonblocking": False,
        "hidden": [],
        "rate_option": "rate={}",
    }


def _begin(request: dict[str, Any]) -> Sampling | _Pyinstrument:
    """Sample from outside; where the system does not permit that, by pyinstrument, if it is there."""
    from whet.errors import CollectorError

    try:
        return Sampling(request)
    except CollectorError as error:
        if importlib.util.find_spec("pyinstrument") is None:
            raise
        return _Pyinstrument(request["rate"], error)


class _Pyinstrument:
    """pyinstrument, which samples the thread that it is started in."""

    def __init__(self, rate: int, refused: WhetError) -> None:
        import pyinstrument

        self._refused = refused
        self._profiler = pyinstrument.Profiler(interval=1 / rate, async_mode="disabled")
        self._profiler.start()

    def finish(self) -> Run:
        """End the sampling and return the run."""
        session = self._profiler.stop()
        from whet.model.run import Notice
        from whet.pipeline.foreign.load import load_any
        from whet.scratch import scratch_folder

        with scratch_folder("profile") as folder:
            file = folder / "session.pyisession"
            file.write_text(json.dumps(session.to_json()), encoding="utf-8")
            run = load_any([str(file)], [], Path.cwd()).run
        message = f"{self._refused.message}; pyinstrument sampled this thread instead"
        told = Notice("py-spy", message, self._refused.hint)
        # What there is to say of a file, and its name, would be of one that is gone.
        notices = (told, *(notice for notice in run.notices if str(file) not in notice.message))
        return replace(run, command=tuple(sys.orig_argv), origins=(), notices=notices)


class Sampling:
    """The process that samples this one, from :meth:`__init__` to :meth:`end`. Both raise ``WhetError``."""

    def __init__(self, request: dict[str, Any]) -> None:
        from whet.program.ptrace import permit_tracing
        from whet.scratch import scratch_folder

        self._stack = contextlib.ExitStack()
        self._file = self._stack.enter_context(scratch_folder("profile")) / "run.json.gz"
        if (permit := permit_tracing()) is not None:
            permit()
        asked = json.dumps({**request, "file": str(self._file)})
        code = (
            f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); "
            "from whet.pipeline.run.own_process import main; main()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, asked],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # the terminal's Ctrl-C is the program's
        )
        said = self._read()
        if said != "ready":
            self._end()
            _raise(said)

    def finish(self) -> Run:
        """End the sampling and return the run; of a notebook's kernel, with its cells."""
        from whet.notebook_cells import find_number, find_shell, list_cells

        shell = find_shell()
        if shell is None:
            return self.end(load_saved)
        run = self.end(load_saved, cells=list_cells(shell))
        return replace(run, command=(f"In[{find_number(shell)}]",))

    def end(self, take: Callable[[Path], T], **known: object) -> T:
        """End the sampling and return what ``take`` makes of the file of the run, which is removed then.

        ``known`` are the ``cells`` and ``captures`` that :mod:`whet.pipeline.run.own_process` is told.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: what it said says why
            self._process.stdin.write(json.dumps(known) + "\n")
            self._process.stdin.flush()
        said = self._read()
        try:
            if said != "{}":
                _raise(said)
            return take(self._file)
        finally:
            self._end()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _end(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                assert stream is not None
                stream.close()
        self._process.wait()
        self._stack.close()


def load_saved(file: Path) -> Run:
    """Return the run in the file of a :class:`Sampling`."""
    from whet.store import load_run  # not before: importing it would be measured

    return load_run(file)


def _raise(said: str) -> None:
    import whet.errors

    answer = json.loads(said) if said.startswith("{") else {}
    kind = getattr(whet.errors, answer.get("error", ""), whet.errors.CollectorError)
    raise kind(answer.get("message", "the sampling process ended and reported nothing"), answer.get("hint", ""))
