"""One profiler that fails, is missing or is killed costs its figures; the report is made of the others and says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from tests.integration.conftest import WHET, make_environment
from tests.integration.pieces import mark_slow

from whet.store import find_run, load_run

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")

BUSY = """
def busy(seconds):
    import time
    end = time.process_time() + seconds
    total = 0
    while time.process_time() < end:
        for step in range(2_000):
            total += step % 7
    return total > 0
print(busy({seconds}))
"""

# Refuses one system call to itself and all that it starts, as the seccomp filter of a container does.
REFUSE = """
import ctypes, os, platform, struct, sys
number = {"x86_64": {"ptrace": 101, "process_vm_readv": 310}, "aarch64": {"ptrace": 117, "process_vm_readv": 270}}
numbers = [number[platform.machine()][name] for name in sys.argv[1].split(",")]
def statement(code, true, false, value):
    return struct.pack("HBBI", code, true, false, value)
program = [statement(0x20, 0, 0, 0)]
for one in numbers:
    program += [statement(0x15, 0, 1, one), statement(0x06, 0, 0, 0x00050000 | 1)]
program.append(statement(0x06, 0, 0, 0x7FFF0000))
text = ctypes.create_string_buffer(b"".join(program))
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
zero = ctypes.c_ulong(0)
assert libc.prctl(38, ctypes.c_ulong(1), zero, zero, zero) == 0
if libc.prctl(22, ctypes.c_ulong(2), ctypes.byref(Filter(len(program), ctypes.addressof(text)))) != 0:
    sys.exit(99)
os.execv(sys.argv[2], sys.argv[2:])
"""


def busy(runner, seconds=0.4):
    return runner.write(BUSY.format(seconds=seconds))


def make_whet_without(tmp_path, *names):
    """Return an interpreter with whet and what it needs, but without the scripts and packages of these names.

    An empty environment that sees the folders of this one through links.
    """
    folder = tmp_path / "env"
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    (site,) = folder.glob("lib/python*/site-packages")
    for place in {Path(path) for path in sys.path if path.endswith("site-packages")}:
        for entry in place.iterdir():
            plain = entry.name.lower().replace("-", "_")
            if (
                not plain.startswith(tuple(name.replace("-", "_") for name in names))
                and not (site / entry.name).exists()
            ):
                (site / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """An interpreter of this version in whose environment there is nothing at all."""
    folder = tmp_path_factory.mktemp("bare")
    venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(folder)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# -- missing --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_target_without_any_profiler_borrows_whets(runner, bare_python):
    program = runner.write(BUSY.format(seconds=0.3) + "def allocate():\n    return bytearray(30_000_000)\nallocate()\n")
    command = runner.command(program, options=["--full"], python=str(bare_python))
    ran = runner.call(command, program.parent)
    assert (ran.status, ran.stdout) == (0, b"True\n"), ran.words
    (row,), (allocating,) = ran.find_functions("busy"), ran.find_functions("allocate")
    assert row["hits"] == 1
    assert allocating["allocated_bytes"] == pytest.approx(30_000_000, rel=0.01)
    # A busy machine may have made the sampler late, of which the report tells.
    assert not [each for each in ran.report["warnings"] if each["about"] in ("line_profiler", "memray")]
    assert not [each for each in ran.warnings_about("py-spy") if "instead" in each]


@POSIX
def test_py_spy_is_missing(runner, tmp_path):
    python = make_whet_without(tmp_path, "py-spy", "py_spy")
    program = busy(runner)
    command = [str(python), *runner.command(program)[1:]]
    assert not (python.parent / "py-spy").exists()
    ran = runner.call(command, program.parent, PATH="/usr/bin:/bin")
    assert (ran.status, ran.stdout) == (0, b"True\n"), ran.words
    (said,) = ran.warnings_about("py-spy")
    assert "py-spy is not installed" in said
    assert "pyinstrument samples instead" in said
    assert ran.words.count("py-spy is not installed") == 1
    (row,) = ran.find_functions("busy")
    assert row["spent_share"] > 0.5
    assert "pyinstrument" in row["collectors"]


@POSIX
def test_line_profiler_and_memray_are_missing(runner, tmp_path, bare_python):
    python = make_whet_without(tmp_path, "line_profiler", "line-profiler", "memray")
    program = busy(runner)
    command = [str(python), *runner.command(program, options=["--full"], python=str(bare_python))[1:]]
    ran = runner.call(command, program.parent, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (ran.status, ran.stdout) == (0, b"True\n"), ran.words
    (lines,) = ran.warnings_about("line_profiler")
    (memory,) = ran.warnings_about("memray")
    assert "line_profiler is not installed" in lines
    assert "memray is not installed" in memory
    assert "whet doctor --install" in lines + memory
    (row,) = ran.find_functions("busy")
    assert (row["hits"], row["allocated_bytes"]) == (None, None)
    if not ran.warnings_about("py-spy"):
        assert row["self_share"] > 0.5


def test_profilers_that_do_not_import(runner):
    """Broken packages in the target's own path: the program runs, the report names them."""
    program = busy(runner)
    shadow = program.parent / "shadow"
    for name in ("line_profiler", "memray", "pyinstrument"):
        (shadow / name).mkdir(parents=True)
        (shadow / name / "__init__.py").write_text("raise ImportError('it is broken')")
    ran = runner.whet(program, options=["--full"], cwd=program.parent, PYTHONPATH=str(shadow))
    assert (ran.status, ran.stdout) == (0, b"True\n"), ran.words
    assert ran.warnings_about("line_profiler")
    assert ran.warnings_about("memray")
    assert ran.find_functions("busy")


def list_values(ran, function):
    """Return the names of a function's variables of which the saved run has values."""
    seen = load_run(find_run(None, ran.folder)).evidence.seen
    return {each.name for each in seen if each.function == function}


# -- failing --------------------------------------------------------------------------------------------------------


@LINUX
def test_kernel_refuses_to_let_py_spy_in(runner):
    program = busy(runner)
    command = [sys.executable, "-c", REFUSE, "ptrace,process_vm_readv", *runner.command(program)]
    ran = runner.call(command, program.parent)
    if ran.status == 99:
        pytest.skip("filters cannot be installed here")
    assert (ran.status, ran.stdout) == (0, b"True\n"), ran.words
    said = ran.warnings_about("py-spy")
    assert len(said) == 1
    assert "may not attach" in said[0]
    assert "pyinstrument sampled instead" in said[0]
    assert "SYS_PTRACE" in said[0]
    assert ran.words.count("may not attach") == 1
    (row,) = ran.find_functions("busy")
    assert row["spent_share"] > 0.5
    assert "pyinstrument" in row["collectors"]


@LINUX
@pytest.mark.slow
def test_repeated_executions_say_a_refusal_once(runner):
    program = busy(runner, 0.1)
    command = [
        sys.executable,
        "-c",
        REFUSE,
        "ptrace,process_vm_readv",
        *runner.command(program, options=["--repeat", "2"]),
    ]
    ran = runner.call(command, program.parent)
    if ran.status == 99:
        pytest.skip("filters cannot be installed here")
    assert len(ran.warnings_about("py-spy")) == 1


def find_samplers(pid, listing):
    found = [(child, line) for child, line in listing(pid) if Path(line[0]).name == "py-spy"]
    return {"wall" if any("wall" in word for word in line) else "active": child for child, line in found}


@LINUX
@pytest.mark.parametrize(
    "which", mark_slow([["active"], ["wall"], ["active", "wall"]], [["active", "wall"]]), ids="+".join
)
def test_py_spy_is_killed_during_the_run(runner, waiting, children_of, which):
    program = runner.write("print('ready', flush=True)\n" + BUSY.format(seconds=1))
    process = runner.start(runner.command(program), program.parent)
    try:
        assert process.stdout.readline() == b"ready\n"
        samplers = waiting(lambda: (found := find_samplers(process.pid, children_of)) and len(found) == 2 and found)
        for name in which:
            os.kill(samplers[name], signal.SIGKILL)
    finally:
        ran = runner.finish(process, program.parent)
    assert (ran.status, ran.stdout) == (0, b"True\n"), ran.words
    assert {"total", "step"} <= list_values(ran, "busy")
    if which == ["wall"]:
        (row,) = ran.find_functions("busy")
        assert row["self_share"] > 0.5
        # Where the clocks say that no thread slept, nothing is lost with the sampler of waiting.
        assert ran.warnings_about("py-spy") or not row["waiting_seconds"]
    else:
        assert ran.warnings_about("py-spy"), ran.report["warnings"]


@POSIX
def test_captures_that_the_program_destroys(runner):
    """The worst that a program can do to whet's files: empty, cut and spoil them all as it ends."""
    program = runner.write(
        BUSY.format(seconds=0.3)
        + """
import atexit, glob, os, tempfile
def spoil():
    for path in glob.glob(os.path.join(os.environ["WHERE"], "whet-*", "*", "values.jsonl*")):
        with open(path, "w") as file:
            file.write('{"schema": 1, "pid": ')
        os.chmod(path, 0o400)
        os.chmod(os.path.dirname(path), 0o500)
    os.kill(os.getpid(), 9)
atexit.register(spoil)
"""
    )
    temporary = program.parent / "tmp"
    temporary.mkdir()
    ran = runner.whet(program, cwd=program.parent, TMPDIR=str(temporary), WHERE=str(temporary))
    assert ran.status == 128 + 9, ran.words
    assert ran.stdout == b"True\n"
    assert any("cannot be read" in each for each in ran.warnings_about("values"))
    assert list(temporary.glob("whet-*/*/*")) == [] or os.geteuid() != 0


@POSIX
def test_program_that_is_killed_leaves_what_was_seen(runner):
    program = runner.write(BUSY.format(seconds=0.5) + "import os\nos.kill(os.getpid(), 9)\n")
    ran = runner.whet(program)
    assert ran.status == 128 + 9
    (row,) = ran.find_functions("busy")
    assert row["self_share"] > 0.5 or ran.warnings_about("py-spy")
    assert {"total", "step"} <= list_values(ran, "busy")


# -- programs that are hard on whet ---------------------------------------------------------------------------------

QUICK = [
    *("closes all descriptors", "changes its folder", "lowers its limits", "blocks all signals", "changes builtins"),
]
"""Those of ``HARD`` that `make test` runs."""
HARD = {
    "closes all descriptors": "import os\nos.closerange(3, 256)\n",
    "changes its folder": "import os, tempfile\nos.chdir(tempfile.gettempdir())\n",
    "closes stderr": "import os\nos.close(2)\n",
    "closes stdout and stderr": "import os\nprint('out', flush=True)\nos.close(1)\nos.close(2)\n",
    "deletes its folder": "import os, shutil\nshutil.rmtree(os.path.dirname(os.path.abspath(__file__)))\n",
    "deletes its modules": "import sys\nfor name in list(sys.modules):\n    if 'whet' in name: del sys.modules[name]\n",
    "changes builtins": "import builtins\nbuiltins.print, real = None, print\nbuiltins.open = builtins.input = None\n",
    "ignores all signals": (
        "import signal\nfor number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
    ),
    "blocks all signals": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n",
    "lowers its limits": "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))\n",
    "makes its memory private": "import ctypes\nprint(ctypes.CDLL(None).prctl(4, 0, 0, 0, 0))\n",
    "clears its environment": "import os\nos.environ.clear()\n",
    "recurses in a signal": (
        "import signal, os\nsignal.signal(signal.SIGUSR1, lambda *about: print('usr'))\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\n"
    ),
}  # fmt: skip
WORK = """
def work():
    total = 0
    for step in range(1_500_000):
        total += step % 7
    return total
result = work()
"""


@LINUX
@pytest.mark.parametrize("hard", mark_slow(HARD, QUICK))
def test_program_is_hard_on_whet(runner, hard):
    text = HARD[hard] + WORK + ("" if "stdout" in hard else "import sys\nsys.stdout.write(str(result))\n")
    # Each run has a program of its own and another folder to stand in, since one of them deletes its own.
    plain, ran = (each(runner.write(text), cwd=runner.make_folder()) for each in (runner.plain, runner.whet))
    assert (ran.status, ran.stdout) == (plain.status, plain.stdout), ran.words
    assert ran.stderr.startswith(plain.stderr)
    assert b"Traceback" not in ran.stderr
    assert ran.find_functions("work"), ran.words


@pytest.mark.slow
@LINUX
def test_program_that_becomes_another(runner):
    program = runner.write(
        WORK.replace("1_500_000", "9_000_000")  # values are saved now and then
        + "import os, sys\nprint('first', flush=True)\nos.execv(sys.executable, [sys.executable, 'other.py', 'a b'])\n",
        other=WORK.replace("def work", "def work_on").replace("= work()", "= work_on()")
        + "import sys\nprint(sys.argv)\n",
    )
    ran = runner.whet(program.name, options=["--lines"], cwd=program.parent)
    assert (ran.status, ran.stdout) == (0, b"first\n['other.py', 'a b']\n"), ran.words
    (row,) = ran.find_functions("work")
    assert row["total_seconds"] > 0
    assert {"total", "step"} <= list_values(ran, "work")
    # Nothing is left to write the counts when the program that was counted is no more.
    assert ran.warnings_about("line_profiler")


@LINUX
def test_program_that_becomes_a_command(runner):
    program = runner.write(WORK + "import os\nos.execvp('sh', ['sh', '-c', 'sleep 0.3; echo over; exit 7'])\n")
    ran = runner.whet(program)
    assert (ran.status, ran.stdout) == (7, b"over\n"), ran.words
    assert ran.find_functions("work")


@LINUX
def test_daemons_that_outlive_the_program(runner, waiting):
    program = runner.write(
        WORK
        + """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 3)
        time.sleep(2)
        open("survived", "w").close()
    os._exit(0)
print("parent")
"""
    )
    ran = runner.whet(program, cwd=program.parent)
    assert (ran.status, ran.stdout) == (0, b"parent\n"), ran.words
    assert ran.find_functions("work")
    assert waiting((program.parent / "survived").exists)


@POSIX
@pytest.mark.parametrize("unbuffered", mark_slow([None, "1"], ["1"]))
@pytest.mark.parametrize(
    "how",
    ['exec "$@" 2>&-', '{ "$@" 2>&1 >&3 3>&- | exec true; } 3>&1; exit ${PIPESTATUS[0]}', 'exec "$@" 2>/dev/full'],
)
def test_stderr_that_is_closed_for_whet(runner, how, unbuffered):
    """Nowhere to print the summary: the run is there and the status is the target's."""
    program = runner.write("print('out')\nraise SystemExit(5)\n")
    done = subprocess.run(
        ["bash", "-c", how, "bash", *runner.command(program)],
        cwd=program.parent, capture_output=True, timeout=60, check=False,
        env=make_environment(PYTHONUNBUFFERED=unbuffered),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (5, b"out\n"), done
    assert list((program.parent / ".whet" / "runs").iterdir())


@pytest.mark.slow
def test_interpreter_that_has_the_absent_module_is_named(runner):
    folder = runner.make_folder()
    venv.EnvBuilder(symlinks=os.name != "nt").create(folder / "venv")
    (site_packages,) = (folder / "venv").glob("[Ll]ib/**/site-packages")
    (site_packages / "absent_one.py").touch()
    (folder / "app.py").write_text("import absent_one\nprint('here')\n")
    plain, whet = runner.both("app.py", cwd=folder)
    assert (whet.status, whet.stdout) == (plain.status, plain.stdout) == (1, b"")
    assert whet.stderr.startswith(plain.stderr)
    said, command = whet.words.splitlines()[-2:]
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    assert said == f"whet: {sys.executable} has no module absent_one; {python} has it"
    assert command == f"whet: whet run --python {python} app.py"
    again = runner.call([*WHET, *command.split()[2:]], folder)
    assert (again.status, again.stdout.split()) == (0, [b"here"])

    (folder / "app.py").write_text("raise SystemExit(1)\n")
    assert "absent_one" not in runner.whet("app.py", cwd=folder).words
