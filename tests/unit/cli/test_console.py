from __future__ import annotations

import io
import sys

import pytest

from whet.cli.console import paint, sanitise, say, write_line


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
