r"""pyinstrument's session file: the JSON of ``Session.to_json()``, versions 5.0 and 5.1.

A record is a stack (outermost first) and the seconds since the sample before. A
frame is ``name NUL file NUL first_line``, then attributes that each start with
``\x01``: ``l<line>`` where it stood, ``c<class>`` of its ``self``, ``h1``
hidden. Built-in functions are leaves with the file ``<built-in>``; ``[await]``
at the end stands for an awaited coroutine that was not running.

pyinstrument samples one thread, by wall time. What of it was waiting the leaf
tells: ``[await]``, or a built-in function that does nothing but wait (``sleep``,
``lock.acquire``, ``epoll.poll`` …). An event loop that polls is idle. The rest is
CPU; on a busy machine, time in which the thread wanted a processor and had none
is part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._json_stream import BrokenOff, JsonStream
from whet.formats._stacks import DEEPEST, MOST_RUN_ROWS, FrameBuilder, SampleBuilder, StackBuilder
from whet.model.frame import NO_FRAME, Frame, Owner
from whet.model.metric import NANOSECONDS_PER_SECOND, Metric
from whet.model.profile import ROOT, Profile, Thread

_AWAIT = "[await]"
_BUILT_IN = "<built-in>"
_SYNTHETIC = {
    _AWAIT: Metric.WAITING,
    "[out-of-context]": Metric.IDLE,
    "[self]": Metric.CPU,
    "[root]": Metric.CPU,
}
_WAITS = frozenset(
    (
        "sleep", "clock_nanosleep", "select", "poll", "control", "acquire", "join", "waitpid", "wait3", "wait4",
        "waitid", "pause", "sigwait", "sigwaitinfo", "sigtimedwait", "WaitForSingleObject", "WaitForMultipleObjects",
        "GetQueuedCompletionStatus", "accept", "connect", "recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg",
        "getaddrinfo", "gethostbyname", "flock", "lockf", "__enter__",
    )
)  # fmt: skip
_WAITERS = frozenset(
    ("lock", "RLock", "epoll", "poll", "devpoll", "kqueue", "socket", "_queue", "SimpleQueue", "_overlapped", "_winapi",
     "Semaphore", "SemLock", "_ThreadHandle")
)  # fmt: skip
"""Types whose methods of the names above wait; functions (no dot) of those names do as well."""
_FUNCTIONS_THAT_WAIT = _WAITS - {"control", "acquire", "join", "__enter__", "connect", "accept"}
_MAX_SECONDS = 10.0**9


class PyinstrumentSession:
    """Reads pyinstrument's sessions. ``pid`` and ``tid`` say whose, for the file does not."""

    name = "pyinstrument"

    def __init__(self, pid: int = 0, tid: int = 0, tool: str = "pyinstrument") -> None:
        self.pid = pid
        self.tid = tid
        self.tool = tool

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is the start of a JSON object with a session's members."""
        return head.lstrip().startswith(b"{") and (b'"frame_records"' in head or b'"start_call_stack"' in head)

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the character or record that is wrong.

        A session that breaks off (full disk, killed process) is kept as far as it goes; ``Profile.truncated`` says so.
        """
        stream = JsonStream(file)
        records = _Records(self.pid, self.tid)
        numbers: dict[str, float] = {}
        truncated = "the session breaks off"
        known = False
        try:
            for name in stream.members():
                if name == "frame_records":
                    known = True
                    for record in stream.elements():
                        records.take(record)
                else:
                    value = stream.value()
                    if isinstance(value, int | float):
                        numbers[name] = value
            truncated = ""
        except BrokenOff:
            pass
        if not known and not truncated:
            raise FormatError(
                "no frame_records: not a session of pyinstrument",
                where=stream.position,
                hint="write session.to_json() to it",
            )
        yield records.profile(self.tool, numbers, truncated)

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: a session is a timeline, and profiles do not keep the order of their samples."""
        raise FormatError("pyinstrument sessions are read, not written", hint="save the run as json or html")


class _Records:
    """Takes records one by one; equal stacks are taken apart once."""

    def __init__(self, pid: int, tid: int) -> None:
        self.frames = FrameBuilder()
        self.stacks = StackBuilder()
        self.threads: list[Thread] = []
        self.samples = {metric: SampleBuilder() for metric in (Metric.CPU, Metric.WAITING, Metric.IDLE)}
        self.count = 0
        self.nanoseconds = 0
        self._pid = pid
        self._tid = tid
        self._thread_of: dict[str, int] = {}
        self._frame_of: dict[str, int] = {}

    def take(self, record: object) -> None:
        """Add one record."""
        self.count += 1
        match record:
            case [list(stack), int(seconds) | float(seconds)] if 0 <= seconds <= _MAX_SECONDS and all(
                isinstance(info, str) for info in stack
            ):
                pass
            case _:
                raise FormatError("not a stack with its seconds", where=f"record {self.count}")
        value = round(seconds * NANOSECONDS_PER_SECOND)
        self.nanoseconds += value
        metric = _find_metric(stack)
        root = ""
        if stack and stack[0].split("\0")[1:2] == ["<thread>"]:
            root, *stack = stack
        if stack and stack[-1] in _SYNTHETIC:
            stack = stack[:-1]
        known = self._frame_of
        indices = []
        for info in stack:
            index = known.get(info)
            if index is None:
                index = known[info] = self.frames.add(self._parse_frame(info))
            indices.append(index)
        if len(indices) > DEEPEST or len(self.stacks.parent) > MOST_RUN_ROWS:
            raise FormatError("more frames or different stacks than a program has", where=f"record {self.count}")
        row = self.stacks.rows(indices) if indices else self.stacks.row(ROOT, self.frames.add(NO_FRAME))
        self.samples[metric].add(self._find_thread(root), row, value, 1)

    def _parse_frame(self, info: str) -> Frame:
        identifier, *attributes = info.split("\x01")
        parts = identifier.split("\0")
        if len(parts) == 1 and identifier.startswith("["):
            return Frame("", identifier)
        if len(parts) != 3 or not _is_line(parts[2]):
            raise FormatError("a frame that is not name, file and line", where=f"record {self.count}")
        name, file, first = parts[0], parts[1], int(parts[2])
        line = next((int(a[1:]) for a in attributes if a[:1] == "l" and _is_line(a[1:])), first)
        if file == _BUILT_IN:
            return Frame(file, name, owner=Owner.NATIVE)
        owner_class = next((a[1:] for a in attributes if a[:1] == "c"), "")
        return Frame(file, f"{owner_class}.{name}" if owner_class else name, line, first)

    def _find_thread(self, root: str) -> int:
        index = self._thread_of.get(root)
        if index is None:
            index = self._thread_of[root] = len(self.threads)
            # The session has the identity that threading gives, not the kernel's.
            self.threads.append(Thread(self._pid, self._tid if index == 0 else 0, root.partition("\0")[0]))
        return index

    def profile(self, tool: str, numbers: dict[str, float], truncated: str) -> Profile:
        count = numbers.get("sample_count", self.count)
        ticks = int(count) if self.count <= count < 2**53 else self.count
        return Profile(
            collector=tool,
            frames=tuple(self.frames.frames),
            stacks=self.stacks.table(),
            threads=tuple(self.threads),
            samples=tuple(s for metric, builder in self.samples.items() for s in builder.samples(metric)),
            period_ns=self.nanoseconds // self.count if self.count else 0,
            ticks=ticks,
            truncated=truncated,
        )


def _is_line(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _find_metric(stack: list[str]) -> Metric:
    """Tell from the leaf, and for an event loop from what called it, how the time was spent."""
    leaf = stack[-1] if stack else ""
    if leaf in _SYNTHETIC:
        return _SYNTHETIC[leaf]
    name, _, rest = leaf.partition("\0")
    if not rest.startswith(_BUILT_IN):
        return Metric.CPU
    owner, _, method = name.rpartition(".")
    waits = method in _WAITS and owner.rpartition(".")[2] in _WAITERS if owner else method in _FUNCTIONS_THAT_WAIT
    if not waits:
        return Metric.CPU
    for info in stack[-4:-1]:
        caller = info.split("\0")
        if len(caller) > 1 and caller[0] == "_run_once" and "asyncio" in caller[1]:
            return Metric.IDLE
    return Metric.WAITING
