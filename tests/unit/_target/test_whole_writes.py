from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

from whet._target import whole_writes
from whet._target.whole_writes import keep_writes_whole

posix = pytest.mark.skipif(os.name == "nt", reason="made of pipes and signals of POSIX")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def make_unbuffered(descriptor: int, **more: str) -> io.TextIOWrapper:
    """Return what ``sys.stdout`` is under ``python -u``."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    raw.name = "<stdout>"
    return io.TextIOWrapper(raw, encoding="utf-8", newline="\n", write_through=True, **more)  # type: ignore[arg-type]


@pytest.fixture
def replace_stdout(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> Callable[[], io.TextIOWrapper]:
    """Put an unbuffered ``sys.stdout`` into the pipe, and let it be made whole.

    To be called in the test itself: before that pytest puts its own there.
    """

    def replace() -> io.TextIOWrapper:
        stream = make_unbuffered(pipe[1], errors="surrogateescape")
        for name, value in (("stdout", stream), ("__stdout__", stream), ("stderr", io.StringIO())):
            monkeypatch.setattr(sys, name, value)
        monkeypatch.setattr(whole_writes, "_kept", [])
        keep_writes_whole()
        return stream

    return replace


def read_all(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(descriptor, size)
    return data


@posix
@pytest.mark.parametrize("raw", [False, True], ids=["print", "the raw stream"])
def test_a_write_that_a_signal_interrupts_is_finished(
    raw: bool, pipe: tuple[int, int], replace_stdout: Callable[[], io.TextIOWrapper]
) -> None:
    import fcntl
    import termios

    size = 1_000_000  # more than a pipe holds
    read: list[bytes] = []
    signals: list[int] = []
    writer = threading.get_ident()

    def drain() -> None:
        held, before = -1, 0
        while not held or held != before:
            time.sleep(0.02)
            before, held = held, int.from_bytes(fcntl.ioctl(pipe[0], termios.FIONREAD, bytes(4)), sys.byteorder)
        # The pipe is full, and the writer waits for room.
        signal.pthread_kill(writer, signal.SIGUSR1)
        time.sleep(0.02)
        read.append(read_all(pipe[0], size))

    before = signal.signal(signal.SIGUSR1, lambda number, _frame: signals.append(number))
    reader = threading.Thread(target=drain, daemon=True)
    replace_stdout()
    reader.start()
    try:
        written = sys.stdout.buffer.write(b"x" * size) if raw else sys.stdout.write("x" * size)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert signals == [signal.SIGUSR1]
    assert written == size
    reader.join(30)
    assert read == [b"x" * size]


@posix
def test_a_pipe_that_takes_no_more_is_told_as_ever(
    pipe: tuple[int, int], replace_stdout: Callable[[], io.TextIOWrapper]
) -> None:
    replace_stdout()
    os.set_blocking(pipe[1], False)
    written = sys.stdout.buffer.write(b"x" * 1_000_000)
    assert 0 < written < 1_000_000
    assert sys.stdout.buffer.write(b"x") is None
    assert len(os.read(pipe[0], 1_000_000)) == written


@posix
def test_views_of_wider_items_are_counted_in_bytes(
    pipe: tuple[int, int], replace_stdout: Callable[[], io.TextIOWrapper]
) -> None:
    replace_stdout()
    import array

    assert sys.stdout.buffer.write(array.array("i", [1, 2, 3])) == 12
    assert len(os.read(pipe[0], 100)) == 12


@posix
def test_the_stream_looks_as_it_did(pipe: tuple[int, int], replace_stdout: Callable[[], io.TextIOWrapper]) -> None:
    stdout = replace_stdout()
    whole = sys.stdout
    assert whole is not stdout
    assert sys.__stdout__ is whole
    for name in ("encoding", "errors", "line_buffering", "write_through", "name", "closed"):
        assert getattr(whole, name) == getattr(stdout, name), name
    assert whole.mode == "w"
    assert whole.fileno() == stdout.fileno()
    whole.write("é\nz\udcff")
    assert os.read(pipe[0], 100) == "é\nz".encode() + b"\xff"
    # Neither one's end closes the descriptor.
    del whole
    os.fstat(pipe[1])


@posix
def test_nothing_of_whet_shows_when_a_write_fails(
    pipe: tuple[int, int], replace_stdout: Callable[[], io.TextIOWrapper]
) -> None:
    """Nor in profiles: what a program takes to write is its own time."""
    replace_stdout()
    os.close(pipe[0])
    with pytest.raises(BrokenPipeError) as caught:
        sys.stdout.write("x")
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.name) == ("<frozen io>", "write")


def test_buffered_and_foreign_streams_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    buffered, text = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    monkeypatch.setattr(sys, "stdout", buffered)
    monkeypatch.setattr(sys, "stderr", text)
    keep_writes_whole()
    assert sys.stdout is buffered
    assert sys.stderr is text


def test_a_program_without_streams_is_left_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    keep_writes_whole()
    assert sys.stdout is None
