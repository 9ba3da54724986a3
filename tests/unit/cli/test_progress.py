from __future__ import annotations

import io
import os
import shutil
import sys

import pytest

from whet.cli import progress
from whet.cli.progress import LiveLine
from whet.pipeline.run.options import Step


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and fails once it is ``gone``."""

    is_terminal = True
    gone = False

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> int:
        if self.gone:
            raise OSError(5, "Input/output error")
        return super().write(text)

    def take(self) -> str:
        """Return what was written since the last time."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


class Clock:
    """Stands in for the time."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "monotonic", made)
    return made


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    resize(monkeypatch)
    return Terminal()


def resize(monkeypatch: pytest.MonkeyPatch, columns: int = 80, rows: int = 24) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_: os.terminal_size((columns, rows)))


def step(seconds: float, purpose: str = "time", execution: int = 1, of: int = 1) -> Step:
    return Step(execution, of, purpose, seconds)


def test_a_line_in_the_last_row_says_where_the_measurement_stands(terminal: Terminal) -> None:
    line = LiveLine(100, terminal)
    line(step(12.34, execution=1, of=2))
    text = terminal.take()
    assert "whet: execution 1 of 2 (time): 12 s, about 1,234 samples" in text
    # The program's rows scroll above it, and its cursor goes back to where it was.
    assert "\x1b[1;23r" in text
    assert "\x1b[24;1H" in text
    assert text.endswith("\x1b8")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (step(70, "memory", 2, 3), "whet: execution 2 of 3 (memory): 70 s\x1b8"),
        (step(5, "attach"), "whet: sampling for 5 s; Ctrl-C ends it with a report\x1b8"),
    ],
)
def test_each_purpose_has_its_words(step: Step, words: str, terminal: Terminal) -> None:
    LiveLine(100, terminal)(step)
    assert terminal.take().endswith(words)


def test_a_short_program_never_sees_it(terminal: Terminal) -> None:
    with LiveLine(100, terminal) as line:
        line(step(0.2))
        line(step(0.99))
    assert terminal.take() == ""


def test_it_is_drawn_a_few_times_a_second_only(terminal: Terminal, clock: Clock) -> None:
    line = LiveLine(100, terminal)
    line(step(1.0))
    assert terminal.take()
    clock.now += 0.1
    line(step(1.1))
    assert terminal.take() == ""
    clock.now += 0.2
    line(step(1.3))
    # The rows that scroll are set once.
    text = terminal.take()
    assert "130 samples" in text
    assert "r" not in text.partition("whet:")[0]


def test_it_is_gone_when_the_program_has_ended(terminal: Terminal) -> None:
    with LiveLine(100, terminal) as line:
        line(step(2))
        terminal.take()
    text = terminal.take()
    assert text == "\x1b7\x1b[r\x1b[24;1H\x1b[2K\x1b8"
    line.clear()
    assert terminal.take() == ""


def test_it_is_gone_after_an_error_too(terminal: Terminal) -> None:
    with pytest.raises(KeyboardInterrupt), LiveLine(100, terminal) as line:
        line(step(2))
        terminal.take()
        raise KeyboardInterrupt
    assert "\x1b[r" in terminal.take()


def test_a_narrow_terminal_gets_what_fits(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    resize(monkeypatch, columns=20)
    LiveLine(100, terminal)(step(12))
    assert terminal.take().endswith("whet: execution 1 o\x1b8")


def test_a_terminal_of_two_rows_has_no_room(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    resize(monkeypatch, rows=2)
    with LiveLine(100, terminal) as line:
        line(step(12))
    assert terminal.take() == ""


def test_a_resized_terminal_gets_its_rows_anew(
    terminal: Terminal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = LiveLine(100, terminal)
    line(step(2))
    terminal.take()
    resize(monkeypatch, rows=40)
    clock.now += 1
    line(step(3))
    assert "\x1b[1;39r" in terminal.take()
    line.clear()
    assert "\x1b[40;1H" in terminal.take()


def test_while_the_program_has_the_terminal_it_stands_back(
    terminal: Terminal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = LiveLine(100, terminal)
    line(step(2))
    terminal.take()
    monkeypatch.setattr(progress, "_is_taken_over", lambda _stream: True)
    clock.now += 1
    line(step(3))
    assert terminal.take() == "\x1b7\x1b[r\x1b[24;1H\x1b[2K\x1b8"
    clock.now += 1
    line(step(4))
    assert terminal.take() == ""
    monkeypatch.setattr(progress, "_is_taken_over", lambda _stream: False)
    line(step(5))
    assert "5 s" in terminal.take()


@pytest.mark.parametrize("term", ["dumb", None])
def test_a_terminal_that_obeys_no_codes_gets_none(
    term: str | None, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    if term is None:
        monkeypatch.delenv("TERM")
    else:
        monkeypatch.setenv("TERM", term)
    LiveLine(100, terminal)(step(12))
    assert terminal.take() == ""


def test_a_pipe_gets_nothing(terminal: Terminal) -> None:
    terminal.is_terminal = False
    with LiveLine(100, terminal) as line:
        line(step(12))
    assert terminal.take() == ""


def test_without_stderr_there_is_nothing_to_draw_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with LiveLine(100) as line:
        line(step(12))
    closed = Terminal()
    closed.close()
    LiveLine(100, closed)(step(12))


def test_a_terminal_that_goes_away_ends_no_measurement(terminal: Terminal) -> None:
    with LiveLine(100, terminal) as line:
        line(step(2))
        terminal.gone = True
        line(step(12))
    assert not line.usable


@pytest.mark.skipif(os.name == "nt", reason="made of POSIX terminals")
def test_a_password_prompt_or_a_full_screen_is_seen() -> None:
    import pty
    import termios

    try:
        leader, follower = pty.openpty()
    except OSError:
        pytest.skip("there are no terminals to be had here")
    with os.fdopen(leader, "rb", buffering=0), os.fdopen(follower, "w") as stream:
        assert not progress._is_taken_over(stream)
        before = termios.tcgetattr(follower)
        for flag in (termios.ECHO, termios.ICANON):
            changed = [*before[:3], before[3] & ~flag, *before[4:]]
            termios.tcsetattr(follower, termios.TCSANOW, changed)
            assert progress._is_taken_over(stream)
        termios.tcsetattr(follower, termios.TCSANOW, before)
        assert not progress._is_taken_over(stream)
