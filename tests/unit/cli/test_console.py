from __future__ import annotations

import io
import os
import sys

import pytest

from whet.cli.console import begin_line, paint, sanitise, say, write_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 木", "plain ünïcode 木"),
        ("two\n\tlines", "two\n\tlines"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\x08\x9b1m", "a\\rb\\x08\\x9b1m"),
        ("x\u202ey\u200b", "x\\u202ey\\u200b"),
        ("\udc80", "\\udc80"),
    ],
)
def test_sanitise(text, shown):
    assert sanitise(text) == shown


def test_say_goes_to_stderr(capsys):
    say("a\x1bb")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "a\\x1bb\n")


def test_stderr_that_is_gone_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    say("x")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    say("x")


def test_what_the_encoding_lacks_is_escaped():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_line("µ\udc80", stream)
    stream.flush()
    assert raw.getvalue().splitlines() == [b"\\xb5\\udc80"]


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint("x\x1b", "red", Terminal()) == "\x1b[31mx\\x1b\x1b[0m"
    assert paint("x", "red", io.StringIO()) == "x"
    assert paint("x", "red", None) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("x", "red", Terminal()) == "x"
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert paint("x", "red", Terminal()) == "x"


class Stderr(io.StringIO):
    """A terminal, or a file."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def fileno(self) -> int:
        return 2


@pytest.mark.parametrize(
    ("is_terminal", "term", "written"), [(True, "xterm", 7 * " " + "\r"), (True, "dumb", ""), (False, "xterm", "")]
)
def test_a_line_begins_where_a_program_left_the_cursor(is_terminal, term, written, monkeypatch):
    stream = Stderr(is_terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "100")  # what is told to programs need not be true
    monkeypatch.setattr(os, "get_terminal_size", lambda _number: os.terminal_size((7, 24)))
    begin_line()
    assert stream.getvalue() == written


def test_a_terminal_without_a_size_or_none_at_all_gets_nothing(monkeypatch):
    def refuse(_number):
        raise OSError(25, "Inappropriate ioctl for device")

    monkeypatch.setattr(os, "get_terminal_size", refuse)
    monkeypatch.setenv("TERM", "xterm")
    for stream in (Stderr(True), None):
        monkeypatch.setattr(sys, "stderr", stream)
        begin_line()
        assert stream is None or stream.getvalue() == ""
