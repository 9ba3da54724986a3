from __future__ import annotations

import contextlib
import os
import py_compile
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from whet.collect import execute as execution
from whet.collect.api import Launch, Restarts
from whet.collect.execute import execute
from whet.collect.plan import Outcome, Plan
from whet.collect.pyinstrument import PyinstrumentCollector
from whet.errors import TargetError
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

Tool = Callable[..., tuple[str, ...]]
Run = Callable[..., tuple[Outcome, str, str]]
posix = pytest.mark.skipif(os.name == "nt", reason="made of signals")
WAIT = """
import os, time
while not os.path.exists({path!r}): time.sleep(.01)
"""


def sample(*attach: tuple[str, ...], tool: str = "py-spy", **more: object) -> Launch:
    """Return how samplers are attached that say when they are ready."""
    return Launch(attach=attach, tool=tool, says_ready="Sampling process", **more)  # type: ignore[arg-type]


@pytest.fixture
def run(host: TargetHost, tmp_path: Path) -> Run:
    """Execute a script as a later execution is, whose output is kept; return outcome, stdout and stderr."""

    def begin(
        text: str, *attach: tuple[str, ...], spec: TargetSpec | None = None, **more: object
    ) -> tuple[Outcome, str, str]:
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(text), encoding="utf-8")
        spec = spec or TargetSpec(TargetKind.SCRIPT, "program.py", ("a", "b c"), str(tmp_path))
        launches = (sample(*attach),)
        settings = {"host": host, "launches": launches, "out": tmp_path / "out", "owns_terminal": False}
        outcome = execute(Plan(spec=spec, **{**settings, **more}))  # type: ignore[arg-type]
        out = tmp_path / "out"
        return outcome, *((out / name).read_text() if (out / name).is_file() else "" for name in ("stdout", "stderr"))

    return begin


def test_the_program_runs_with_its_words_and_its_times_are_taken(run: Run):
    outcome, said, complained = run("""
        import sys
        print(sys.argv, __name__, __file__ == sys.argv[0] or __file__.endswith("program.py"))
        print(sum(range(2_000_000)), file=sys.stderr)
    """)
    assert said == "['program.py', 'a', 'b c'] __main__ True\n"
    assert complained == "1999999000000\n"
    assert (outcome.status, outcome.signal, outcome.stopped, outcome.interrupted) == (0, 0, "", False)
    assert outcome.notices == []
    assert outcome.wall_ns > 0
    if hasattr(os, "wait4"):
        assert outcome.cpu_ns > 0


def test_nothing_of_the_start_is_lost_because_the_program_waits_for_its_profilers(
    run: Run, make_tool: Tool, tmp_path: Path
):
    marks = [tmp_path / "one", tmp_path / "two"]
    tools = [
        make_tool(f"import pathlib; pathlib.Path({str(mark)!r}).touch(); print('Sampling process')", f"{mark.name}.py")
        for mark in marks
    ]
    outcome, said, _ = run(f"import os; print([os.path.exists(p) for p in {[str(m) for m in marks]!r}])", *tools)
    assert said == "[True, True]\n"
    assert outcome.notices == []
    assert not outcome.fell_back


def test_a_profiler_is_told_the_pid_of_the_program(run: Run, make_tool: Tool, tmp_path: Path):
    tool = make_tool(
        f"""
        import sys, pathlib
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(sys.argv[1])
        print("Sampling process")
        """
    )
    _, said, _ = run("import os; print(os.getpid())", (*tool, "{pid}"))
    assert said.strip() == (tmp_path / "pid").read_text()


@posix
def test_where_the_interpreter_starts_another_the_profiler_is_told_of_that(
    run: Run, make_tool: Tool, host: TargetHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(execution, "STARTS_ANOTHER", True)
    launcher = tmp_path / "python"
    launcher.write_text(f'#!/bin/sh\n"{host.interpreter.path}" "$@"\nexit $?\n')
    launcher.chmod(0o755)
    tool = make_tool(
        f"""
        import sys, pathlib
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(sys.argv[1])
        print("Sampling process")
        """
    )
    started = replace(host, interpreter=replace(host.interpreter, path=str(launcher)))
    _, said, _ = run("import os; print(os.getpid(), os.getppid())", (*tool, "{pid}"), host=started)
    real, launched = said.split()
    assert (tmp_path / "pid").read_text() == real != launched


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("print('Error: out of luck'); raise SystemExit(1)", "py-spy failed: out of luck"),
        ("print('Permission denied'); raise SystemExit(1)", "py-spy may not attach to the program"),
    ],
)
def test_where_the_sampler_cannot_attach_another_one_samples_inside(
    run: Run, make_tool: Tool, host: TargetHost, tmp_path: Path, tool: str, words: str
):
    pytest.importorskip("pyinstrument")
    fallback = PyinstrumentCollector(host).launch(TargetSpec(TargetKind.SCRIPT, "x"), tmp_path / "out")
    text = "import time\nend = time.process_time() + .1\nwhile time.process_time() < end: pass\nprint('done')"
    outcome, said, _ = run(text, make_tool(tool), fallback=fallback)
    assert said == "done\n"
    assert outcome.fell_back
    (notice,) = outcome.notices
    assert notice.message.startswith(f"{words}; pyinstrument sampled instead")
    ((_, capture),) = fallback.captures
    assert '"program.py' in capture.read_text() or "program.py" in capture.read_text()


def test_where_the_sampler_cannot_attach_another_one_does(run: Run, make_tool: Tool, tmp_path: Path):
    mark = tmp_path / "sampled"
    other = make_tool(
        f"""
        import pathlib, sys
        pathlib.Path({str(mark)!r}).write_text(sys.argv[1])
        print("Sampling process")
        """,
        "other.py",
    )
    substitute = sample((*other, "{pid}"), tool="tachyon")
    outcome, said, _ = run(
        "import os; print(os.getpid())",
        make_tool("print('Error: too new'); raise SystemExit(1)"),
        substitute=substitute,
    )
    assert mark.read_text() == said.strip()
    assert outcome.substituted == "tachyon"
    assert not outcome.fell_back
    assert [each.message for each in outcome.notices] == ["py-spy failed: too new; tachyon sampled instead"]


def test_where_neither_can_attach_both_are_out(run: Run, make_tool: Tool):
    tool = make_tool("print('Error: out of luck'); raise SystemExit(1)")
    outcome, said, _ = run("print('done')", tool, substitute=sample(tool, tool="tachyon"))
    assert said == "done\n"
    assert not outcome.substituted
    assert [each.message for each in outcome.notices] == ["py-spy failed: out of luck"]


def test_without_another_one_the_report_says_what_is_missing(run: Run, make_tool: Tool):
    outcome, said, _ = run("print('done')", make_tool("raise SystemExit(1)"))
    assert said == "done\n"
    assert not outcome.fell_back
    # Which of its two ends is seen first, the silence or the exit status, is a race on a busy machine.
    (notice,) = outcome.notices
    assert notice.about == "py-spy"
    assert notice.message.startswith("py-spy failed: it ")


def test_a_profiler_that_is_not_there_costs_its_figures_only(run: Run, tmp_path: Path):
    outcome, said, _ = run("print('done')", (str(tmp_path / "gone"),))
    assert said == "done\n"
    assert [n.message.partition(":")[0] for n in outcome.notices] == ["py-spy cannot be started"]


def test_when_only_the_second_sampler_fails_the_first_goes_on(run: Run, make_tool: Tool, tmp_path: Path):
    good = make_tool(f"""
        import pathlib, time
        print("Sampling process", flush=True)
        time.sleep(0.2)
        pathlib.Path({str(tmp_path / "capture")!r}).touch()
    """, "good.py")  # fmt: skip
    outcome, said, _ = run("print('done')", good, make_tool("print('no'); raise SystemExit(1)", "bad.py"))
    assert said == "done\n"
    assert [n.message for n in outcome.notices] == ["waiting was not sampled: no"]
    assert (tmp_path / "capture").exists()


def test_a_sampler_that_fails_at_its_end_is_reported(run: Run, make_tool: Tool):
    tool = make_tool("print('Sampling process', flush=True); print('Error: disk full'); raise SystemExit(1)")
    outcome, _, _ = run("print('done')", tool)
    (notice,) = outcome.notices
    assert "disk full" in notice.message


@pytest.mark.parametrize(("text", "status"), [("raise SystemExit(3)", 3), ("1/0", 1), ("import os; os._exit(4)", 4)])
def test_the_exit_status_is_the_programs_own(run: Run, text: str, status: int):
    outcome, _, _ = run(text)
    assert (outcome.status, outcome.signal) == (status, 0)


@posix
def test_an_end_by_a_signal_is_shown_as_a_shell_does(run: Run):
    outcome, _, _ = run("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert (outcome.status, outcome.signal) == (128 + signal.SIGTERM, signal.SIGTERM)


def test_a_program_that_does_not_compile_fails_in_its_own_words(run: Run, tmp_path: Path):
    outcome, said, complained = run("print('x'\n")
    assert outcome.status == 1
    assert said == ""
    plain = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert complained == plain.stderr
    assert outcome.notices == []


@pytest.mark.parametrize(
    ("options", "more"),
    [((), {"outside": True}), (("-I",), {}), (("-X", "dev", "-BE"), {})],
    ids=["outside", "-I", "-E"],
)
def test_a_program_that_loads_nothing_of_whets_is_sampled_all_the_same(
    options: tuple[str, ...], more: dict[str, bool], run: Run, make_tool: Tool, tmp_path: Path
):
    """It does not wait for its profilers, so a little of its start is lost."""
    mark = tmp_path / "mark"
    text = WAIT.format(path=str(mark)) + "import sys\nprint('seen', sys.path[:1] == sys.orig_argv, *sys.argv)"
    tool = make_tool(f"import pathlib; print('Sampling process', flush=True); pathlib.Path({str(mark)!r}).touch()")
    spec = TargetSpec(TargetKind.SCRIPT, "program.py", ("a",), str(tmp_path), options)
    launch = sample(tool, agent={"values": {"capture": str(tmp_path / "values")}})
    outcome, said, _ = run(text, spec=spec, launches=(launch,), duration=60.0, **more)
    assert (outcome.status, said) == (0, "seen False program.py a\n")
    assert not (tmp_path / "values").exists()


@pytest.mark.parametrize("path", [None, "", "/some/where"])
def test_the_program_finds_its_environment_as_the_user_set_it(
    path: str | None, run: Run, monkeypatch: pytest.MonkeyPatch
):
    if path is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", path)
    text = """
        import os, subprocess, sys
        print([os.environ.get("PYTHONPATH"), [name for name in os.environ if name.startswith("_WHET")]])
        print([name for name in sys.modules if "whet" in name or "sitecustomize" in name])
        print([each for each in sys.path if "inprocess" in each])
        print(subprocess.run(["env"], capture_output=True, text=True).stdout.count("_WHET"))
    """
    _, said, complained = run(text)
    assert (said, complained) == (f"[{path!r}, []]\n[]\n[]\n0\n", "")


def test_a_sitecustomize_of_the_users_own_is_loaded_in_turn(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys\nsys.mine = __file__\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    _, said, _ = run("import sys, sitecustomize\nprint(sys.mine == sitecustomize.__file__, sys.path[1])")
    assert said == f"True {folder}\n"


def test_where_the_interpreter_does_not_load_the_hook_the_program_is_sampled_later(
    run: Run, make_tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(execution, "HOOK", tmp_path)
    monkeypatch.setattr(execution, "READY_SECONDS", 0.1)
    mark = tmp_path / "mark"
    tool = make_tool(f"import pathlib; print('Sampling process', flush=True); pathlib.Path({str(mark)!r}).touch()")
    outcome, _, _ = run(WAIT.format(path=str(mark)), tool)
    assert [each.message for each in outcome.notices] == ["whet's start hook did not run in the program"]


def test_a_program_without_source_is_sampled_all_the_same(run: Run, make_tool: Tool, tmp_path: Path):
    source = tmp_path / "source.py"
    source.write_text(WAIT.format(path=str(tmp_path / "mark")) + "print('seen')")
    py_compile.compile(str(source), cfile=str(tmp_path / "program.pyc"), doraise=True)
    tool = make_tool(
        f"import pathlib; print('Sampling process', flush=True); pathlib.Path({str(tmp_path / 'mark')!r}).touch()"
    )
    spec = TargetSpec(TargetKind.SCRIPT, "program.pyc", (), str(tmp_path))
    outcome, said, _ = run("", tool, spec=spec, duration=60.0)
    assert (outcome.status, said) == (0, "seen\n")


@posix
def test_duration_ends_the_program_as_ctrl_c_does(run: Run):
    outcome, said, _ = run(
        """
        import time
        try:
            while True: time.sleep(.01)
        except KeyboardInterrupt:
            print("interrupted")
        """,
        duration=1.0,
    )
    assert said == "interrupted\n"
    assert outcome.stopped.startswith("ended by --duration after")
    assert not outcome.interrupted


@posix
def test_a_program_that_will_not_end_meets_harsher_signals(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(execution, "GRACE_SECONDS", 0.2)
    outcome, _, _ = run(
        """
        import signal, time
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True: time.sleep(1)
        """,
        duration=1.0,
    )
    assert outcome.signal == signal.SIGKILL


@posix
def test_the_limit_of_a_later_execution_ends_it_with_all_its_children(run: Run, tmp_path: Path):
    outcome, _, _ = run(
        f"""
        import subprocess, sys, time, pathlib
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path({str(tmp_path / "child")!r}).write_text(str(child.pid))
        time.sleep(60)
        """,
        limit=0.5,
    )
    assert outcome.signal == signal.SIGTERM
    assert outcome.stopped.startswith("stopped, covers the first")
    if (tmp_path / "child").exists():
        for _ in range(300):
            try:
                os.kill(int((tmp_path / "child").read_text()), 0)
            except ProcessLookupError:
                return
            # Somebody else has to take note of its end: init, which some containers lack.
            state = Path(f"/proc/{(tmp_path / 'child').read_text()}/stat")
            if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
                return
            signal.sigtimedwait([], 0.02)
        pytest.fail("the child goes on")


@posix
def test_the_limit_of_the_first_execution_ends_the_recording_only(run: Run, make_tool: Tool, tmp_path: Path):
    tool = make_tool(f"""
        import pathlib, time
        try:
            print("Sampling process", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            pathlib.Path({str(tmp_path / "capture")!r}).touch()
    """)
    outcome, _, _ = run(
        WAIT.format(path=str(tmp_path / "capture")),
        tool,
        owns_terminal=True,
        limit=0.3,
    )
    assert (outcome.status, outcome.signal) == (0, 0)
    assert outcome.stopped.startswith("stopped, covers the first")


def test_progress_is_told_while_the_program_runs(run: Run, tmp_path: Path):
    """The program goes on until it was told three times."""
    told: list[float] = []

    def tell(seconds: float) -> None:
        told.append(seconds)
        if len(told) == 3:
            (tmp_path / "enough").touch()

    run(WAIT.format(path=str(tmp_path / "enough")), progress=tell)
    assert len(told) >= 3
    assert told == sorted(told)


@contextlib.contextmanager
def on_stdin(descriptor: int) -> Iterator[None]:
    kept = os.dup(0)
    os.dup2(descriptor, 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_a_file_on_stdin_is_read_again_from_its_start(run: Run, tmp_path: Path):
    if sys.platform != "linux":
        pytest.skip("found by /proc")
    (tmp_path / "input").write_text("one\ntwo\n")
    with (tmp_path / "input").open("rb", buffering=0) as stdin, on_stdin(stdin.fileno()):
        os.read(0, 4)
        # As a shell's here-document: the file has no name any more.
        (tmp_path / "input").unlink()
        _, said, _ = run("import sys; print(sys.stdin.read().split())")
        assert said == "['one', 'two']\n"
    read, write = os.pipe()
    os.write(write, b"gone")
    os.close(write)
    with os.fdopen(read) as stdin, on_stdin(read):
        _, said, _ = run("import sys; print(sys.stdin.read().split())")
    assert said == "[]\n"


@pytest.mark.parametrize("path", ["gone/python", "program.py"])
def test_an_interpreter_that_cannot_be_started_is_named(run: Run, host: TargetHost, path: str, tmp_path: Path):
    interpreter = replace(host.interpreter, path=str(tmp_path / path))
    with pytest.raises(TargetError, match="cannot be started") as caught:
        run("", host=replace(host, interpreter=interpreter))
    assert str(tmp_path / path) in caught.value.message
    assert "--python" in caught.value.hint


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_signals_to_whet_reach_the_program(name: str, tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        import signal, sys, pathlib
        def on_signal(number, _frame):
            print(signal.Signals(number).name)
            sys.exit(5)
        signal.signal(signal.{name}, on_signal)
        pathlib.Path("ready").touch()
        signal.pause()
        """)
    )
    holder = f"""
import os, signal, sys, threading, time
from pathlib import Path
from whet.collect.api import Launch, Restarts
from whet.collect.execute import execute
from whet.collect.plan import Plan
from whet.model.run import Interpreter
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec
def kill():
    while not Path("ready").exists(): time.sleep(.01)
    os.kill(os.getpid(), signal.{name})
threading.Thread(target=kill).start()
host = TargetHost(Interpreter(sys.executable, ""), (3, 11, 0), "")
spec = TargetSpec(TargetKind.SCRIPT, "program.py")
plan = Plan(spec, host, (Launch(),), Path("out"), owns_terminal=False, duration=60)
outcome = execute(plan)
restored = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
print(outcome.status, outcome.interrupted, Path("out/stdout").read_text().strip(), restored)
"""
    done = subprocess.run([sys.executable, "-c", holder], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == f"5 {name == 'SIGINT'} {name} True\n", done.stderr


@posix
def test_a_sampler_that_falls_behind_hands_over_to_a_slower_one(run: Run, make_tool: Tool, tmp_path: Path):
    late = make_tool(f"""
        import pathlib, time
        try:
            print("Sampling process", flush=True)
            print("1.02s behind in sampling, results may be inaccurate.", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            pathlib.Path({str(tmp_path / "handed")!r}).touch()
    """, "late.py")  # fmt: skip
    slower = make_tool(f"""
        import pathlib
        assert pathlib.Path({str(tmp_path / "handed")!r}).exists()
        print("Sampling process", flush=True)
        pathlib.Path({str(tmp_path / "taken")!r}).touch()
    """, "slower.py")  # fmt: skip
    outcome, said, _ = run(
        WAIT.format(path=str(tmp_path / "taken")) + "print('done')",
        launches=(sample(late, restarts=Restarts(100, {10: slower})),),
    )
    assert (outcome.status, said) == (0, "done\n")
    (notice,) = outcome.notices
    assert "a slower one went on" in notice.message
