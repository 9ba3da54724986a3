"""One line that is written over and over: on a terminal only, and harmless when that goes."""

import io

import pytest

from whet.cli.terminal_line import TerminalLine


class Terminal(io.StringIO):
    gone = False

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.gone:
            raise OSError("gone")
        return super().write(text)


@pytest.fixture(autouse=True)
def ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")


def test_a_text_takes_the_place_of_the_one_before_and_the_last_goes() -> None:
    terminal = Terminal()
    with TerminalLine(terminal) as line:
        line.show("one")
        line.show("a text with more letters than columns")
    assert terminal.getvalue() == "\r\x1b[2Kone\r\x1b[2Ka text with more le\r\x1b[2K"


def test_what_showed_nothing_clears_nothing() -> None:
    terminal = Terminal()
    with TerminalLine(terminal):
        pass
    assert terminal.getvalue() == ""


def test_a_terminal_that_is_gone_is_left_alone() -> None:
    terminal = Terminal()
    with TerminalLine(terminal) as line:
        terminal.gone = True
        line.show("one")
        terminal.gone = False
        line.show("two")
    assert terminal.getvalue() == ""


def test_elsewhere_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, file, closed = Terminal(), io.StringIO(), Terminal()
    closed.close()
    monkeypatch.setenv("TERM", "dumb")
    for stream in (terminal, file, closed):
        with TerminalLine(stream) as line:
            line.show("one")
    assert terminal.getvalue() == file.getvalue() == ""
