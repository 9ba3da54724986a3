"""Whether a program has read from standard input, told without reading from it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from whet.collect.standard_input import look_at_input, was_read

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes as POSIX has them")

Use = Callable[[int, int], object]
"""What the program and whoever writes do meanwhile, with the reader's end and the writer's."""


def do_nothing(_reader: int, _writer: int) -> None:
    pass


@pytest.mark.parametrize(
    ("begin", "use", "expected"),
    [
        (b"", do_nothing, False),
        (b"lines", do_nothing, False),
        (b"lines", lambda reader, _: os.read(reader, 2), True),
        (b"lines", lambda reader, _: os.read(reader, 9), True),
        (b"", lambda reader, writer: (os.write(writer, b"x"), os.read(reader, 1), os.close(writer)), True),
        # Nobody can tell whether it was closed by a writer that had written before.
        (b"", lambda _, writer: os.close(writer), True),
        (b"x" * 65_536, lambda reader, writer: (os.read(reader, 4_096), os.write(writer, b"x" * 4_096)), True),
    ],
)
@pytest.mark.parametrize("kind", ["a pipe", "a socket"])
def test_whether_a_stream_was_read(kind: str, begin: bytes, use: Use, expected: bool) -> None:
    if kind == "a pipe":
        reader, writer = os.pipe()
    else:
        reader, writer = (each.detach() for each in socket.socketpair())
    os.write(writer, begin)
    before = look_at_input(reader)
    assert before.kind == kind
    use(reader, writer)
    assert was_read(before, look_at_input(reader)) is expected
    os.close(reader)
    with contextlib.suppress(OSError):
        os.close(writer)


def test_a_stream_that_was_at_its_end_from_the_beginning_is_as_empty_again() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    before = look_at_input(reader)
    assert os.read(reader, 1) == b""
    assert not was_read(before, look_at_input(reader))
    os.close(reader)


def test_a_file_was_read_where_its_position_is_another(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"one\ntwo\n")
    with (tmp_path / "in").open("rb", buffering=0) as file:
        before = look_at_input(file.fileno())
        assert not was_read(before, look_at_input(file.fileno()))
        file.read(1)
        assert was_read(before, look_at_input(file.fileno()))


def test_nothing_is_read_from_the_null_device() -> None:
    with Path(os.devnull).open("rb", buffering=0) as file:
        before = look_at_input(file.fileno())
        file.read()
        assert before.kind == ""
        assert not was_read(before, look_at_input(file.fileno()))
