"""Ctrl-C, signals and limits: the program gets what it would get plainly, and the report shows what was seen so far."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
from tests.integration.pieces import TARGETS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

# Ready when it has computed long enough to be seen, however many others want the processor.
ENDLESS = """
import time
def serve():
    total, end = 0, time.process_time() + 0.3
    while True:
        for step in range(10_000):
            total += step % 7
        if end and time.process_time() > end:
            end = print("ready", flush=True)
serve()
"""
INTERRUPTED = """
import signal, time
seen = []
signal.signal(signal.SIGINT, lambda *about: seen.append(1))
print("ready", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    sum(range(1_000))
    if len(seen) == 1:
        # A second one would come at the same moment.
        seen.append("more:")
        end = time.monotonic() + 0.5
print("seen", *seen)
"""


def start(runner, program, options=(), **more):
    """Start whet on a program in a session of its own and wait for the program's first line."""
    folder = runner.make_folder()
    process = runner.start(runner.command(program, options=options), folder, start_new_session=True, **more)
    assert process.stdout.readline() == b"ready\n", process.stderr.read()
    return process, folder


def assert_seen(ran, name):
    assert ran.find_functions(name), ran.words
    assert (ran.folder / "whet-report.html").is_file()


def test_interrupt_of_whet_alone_reaches_the_program(runner):
    process, folder = start(runner, runner.write(ENDLESS))
    process.send_signal(signal.SIGINT)
    ran = runner.finish(process, folder)
    assert ran.status == 130
    assert ran.words.startswith("Traceback (most recent call last):\n")
    assert "\nKeyboardInterrupt\n" in ran.words
    assert "_whet_inprocess" not in ran.words
    assert_seen(ran, "serve")
    assert ran.report["exit_status"] == 130


def test_interrupt_of_the_whole_group(runner):
    """As a terminal does it; without one, whet passes its own on as well, and the program is not hit twice."""
    process, folder = start(runner, runner.write(ENDLESS))
    os.killpg(process.pid, signal.SIGINT)
    ran = runner.finish(process, folder)
    assert ran.status == 130
    assert_seen(ran, "serve")


def test_program_that_handles_interrupts(runner):
    handled = (
        "try:\n    serve()\nexcept KeyboardInterrupt:\n    print('interrupted', flush=True)\n    raise SystemExit(7)\n"
    )
    process, folder = start(runner, runner.write(ENDLESS.replace("\nserve()\n", f"\n{handled}")))
    process.send_signal(signal.SIGINT)
    ran = runner.finish(process, folder)
    assert (ran.status, ran.stdout) == (7, b"interrupted\n")
    assert_seen(ran, "serve")


def test_program_that_ignores_interrupts_goes_on(runner):
    process, folder = start(runner, TARGETS / "ignore_sigint.py")
    process.send_signal(signal.SIGINT)
    ran = runner.finish(process, folder)
    assert (ran.status, ran.stdout) == (0, b"survived\n")
    assert_seen(ran, "work")


def test_interrupt_counts_once(runner):
    process, folder = start(runner, runner.write(INTERRUPTED))
    process.send_signal(signal.SIGINT)
    assert runner.finish(process, folder).stdout == b"seen 1 more:\n"


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
        pytest.param(signal.SIGUSR1, 138, marks=pytest.mark.slow),
    ],
)
def test_signals_to_whet_are_passed_on(runner, number, status):
    process, folder = start(runner, runner.write(ENDLESS))
    process.send_signal(number)
    ran = runner.finish(process, folder)
    assert ran.status == status
    assert_seen(ran, "serve")


def test_program_that_answers_to_sigterm(runner):
    program = runner.write("import signal, sys\nsignal.signal(signal.SIGTERM, lambda *about: sys.exit(9))\n" + ENDLESS)
    process, folder = start(runner, program)
    process.terminate()
    ran = runner.finish(process, folder)
    assert ran.status == 9
    assert_seen(ran, "serve")


def test_nothing_runs_again_after_an_interrupt(runner):
    program = runner.write("open('executions', 'a').write('x')\n" + ENDLESS)
    process, folder = start(runner, program, options=["--full", "--repeat", "2"])
    process.send_signal(signal.SIGINT)
    assert runner.finish(process, folder).status == 130
    assert (folder / "executions").read_text() == "x"


def test_duration_ends_a_program(runner):
    ran = runner.whet(runner.write(ENDLESS), options=["--duration", "1"])
    assert ran.status == 130
    assert_seen(ran, "serve")
    assert "ended by --duration" in ran.words + str(ran.report["warnings"])
    assert ran.report["duration_seconds"] > 0.9


@pytest.mark.slow
def test_duration_ends_a_server(runner):
    """From 3.12 on asyncio waits for its clients after Ctrl-C, and the next signal has to follow."""
    ran = runner.whet(TARGETS / "async_server.py", "--clients", "2", options=["--duration", "1"])
    assert ran.status in (130, 143)
    assert ran.stdout.startswith(b"port ")
    assert_seen(ran, "answer")


def test_duration_does_not_wait_for_a_program_that_ends_before(runner):
    ran = runner.whet(TARGETS / "short.py", options=["--duration", "60"])
    assert ran.status == 0
    assert "ended by" not in ran.words


def test_max_time_ends_the_recording_and_not_the_program(runner):
    program = runner.write(
        """
        import time
        def first(end):
            total = 0
            while time.monotonic() < end:
                total += 1
        def second(end):
            total = 0
            while time.monotonic() < end:
                total += 1
        begin = time.monotonic()
        first(begin + 4)
        second(begin + 5)
        print("end")
        """
    )
    ran = runner.whet(program, options=["--max-time", "1"])
    assert (ran.status, ran.stdout) == (0, b"end\n"), ran.words
    assert_seen(ran, "first")
    assert sum(each["self_seconds"] for each in ran.find_functions("second")) < 0.1
    assert "covers the first" in ran.words


@pytest.mark.slow
def test_later_execution_that_does_not_end_is_ended(runner):
    """It hangs when it runs a second time, under memray; the first run's figures are there all the same."""
    program = runner.write(
        """
        import pathlib, time
        def work():
            return sum(step % 7 for step in range(5_000_000))
        work()
        mark = pathlib.Path("mark")
        if mark.exists():
            print("again", flush=True)
            time.sleep(600)
        mark.touch()
        """
    )
    ran = runner.whet(program, options=["--memory", "--max-time", "1.5"], cwd=program.parent)
    assert (ran.status, ran.stdout) == (0, b""), ran.words
    (work, *_) = ran.find_functions("work")
    assert work["total_seconds"] > 0 or ran.warnings_about("py-spy")
    assert "covers the first" in ran.words + str(ran.report["warnings"])


# -- at a terminal --------------------------------------------------------------------------------------------------


def run_at_terminal(runner, program, act=None, options=(), **variables):
    """Run whet under a pseudo-terminal whose foreground it has; ``act(descriptor, shown)`` is called as output comes.

    Returns all that was shown, and the exit status.
    """
    import fcntl
    import pty
    import select
    import struct
    import termios

    folder = runner.make_folder()
    command = runner.command(program, options=options)
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "NO_COLOR"))}
        os.execve(command[0], command, {**kept, "TERM": "xterm", "PYTHON_COLORS": "0", **variables})
    shown = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            try:
                chunk = os.read(master, 65_536)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk
        if act is not None:
            act(master, shown)
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(master)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), folder


def test_ctrl_c_at_a_terminal(runner):
    pressed = []

    def press(master, shown):
        if b"ready" in shown and not pressed:
            pressed.append(os.write(master, b"\x03"))

    shown, status, folder = run_at_terminal(runner, runner.write(ENDLESS), press)
    assert pressed
    assert status == -signal.SIGINT, shown
    # On a slow machine the live line may be drawn between any two writes of the program.
    shown = re.sub(rb"\x1b7.*?\x1b8|\x1b\[1A", b"", shown, flags=re.DOTALL)
    assert shown.count(b"\nKeyboardInterrupt") == 1
    assert b"Traceback" in shown
    assert b"serve" in shown
    assert list((folder / ".whet" / "runs").iterdir())


def test_ctrl_c_at_a_terminal_is_one_interrupt(runner):
    pressed = []

    def press(master, shown):
        if b"ready" in shown and not pressed:
            pressed.append(os.write(master, b"\x03"))

    shown, status, _ = run_at_terminal(runner, runner.write(INTERRUPTED), press)
    assert status == 0, shown
    assert b"seen 1 more:\r\n" in shown


LIVE = b"execution 1 of 1"
SLOW = """
import os, sys, time
print("begin", sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty(), flush=True)
begin = time.monotonic()
while {goes_on}:
    sum(range(1_000))
print("last line", flush=True)
"""
FOR_A_WHILE = SLOW.format(goes_on="time.monotonic() < begin + 1.8")


def test_live_line_comes_and_goes(runner):
    enough = runner.make_folder() / "enough"

    def look(_master, shown):
        if shown.count(LIVE) >= 2:
            enough.touch()

    program = runner.write(SLOW.format(goes_on=f"not os.path.exists({str(enough)!r})"))
    shown, status, _ = run_at_terminal(runner, program, look)
    assert status == 0, shown
    assert b"begin True True True" in shown
    # Gone at the end: the line is cleared and the whole screen scrolls again before whet's own words.
    last = shown.rindex(LIVE)
    rest = shown[last:]
    assert b"\x1b[r" in rest
    assert rest.index(b"\x1b[r") < rest.index(b"\x1b[2K", rest.index(b"\x1b[r")) < rest.index(b"spends")


@pytest.mark.slow
def test_live_line_is_nothing_off_a_terminal(runner):
    ran = runner.whet(runner.write(FOR_A_WHILE), options=["--max-time", "1"])
    assert ran.stdout == b"begin False False False\nlast line\n"
    assert b"\x1b" not in ran.stderr
    assert LIVE not in ran.stderr


@pytest.mark.parametrize("mode", [pytest.param("raw", marks=pytest.mark.slow), "password"])
def test_live_line_keeps_out_of_a_terminal_that_is_taken_over(runner, mode):
    change = "tty.setraw(0)" if mode == "raw" else "no_echo()"
    program = runner.write(
        f"""
import termios, time, tty
def no_echo():
    flags = termios.tcgetattr(0)
    flags[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, flags)
before = termios.tcgetattr(0)
{change}
# A slow machine may have shown the line before, and shows it again once the terminal is given back.
print("taken", flush=True)
end = time.monotonic() + 1.8
while time.monotonic() < end:
    sum(range(1_000))
print("last line", flush=True)
termios.tcsetattr(0, termios.TCSANOW, before)
"""
    )
    shown, status, _ = run_at_terminal(runner, program)
    assert status == 0, shown
    assert LIVE not in shown[shown.index(b"taken") : shown.index(b"last line")]


@pytest.mark.slow
def test_live_line_not_on_a_dumb_terminal(runner):
    shown, status, _ = run_at_terminal(runner, runner.write(FOR_A_WHILE), TERM="dumb")
    assert status == 0, shown
    assert b"last line" in shown
    assert LIVE not in shown
    assert b"\x1b" not in shown


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_is_left_running(runner, waiting, children_of):
    """Profilers end with the program, and its temporary folder goes."""
    program = runner.write(ENDLESS)
    temporary = runner.make_folder()
    environ = {**os.environ, "TMPDIR": str(temporary)}
    process, folder = start(runner, program, env=environ)
    started = waiting(lambda: [child for child, line in children_of(process.pid) if "py-spy" in line[0]])
    assert list(temporary.glob("whet-*"))
    process.terminate()
    runner.finish(process, folder)
    assert not [child for child in started if Path(f"/proc/{child}").exists()]
    assert not list(temporary.iterdir())
