"""memray for real: recorded in a child, read in a child, compared with what the program is known to allocate."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import whet
from whet.collect.memray import MemrayCollector, list_captures
from whet.formats.memray_records import MemrayRecords
from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.model.run import Interpreter
from whet.pipeline.run.memray_reader import convert_captures
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

pytestmark = pytest.mark.skipif(importlib.util.find_spec("memray") is None, reason="memray does not exist here")

AGENT = Path(whet.__file__).parent / "inprocess"
FOLDER = (
    ""
    if importlib.util.find_spec("memray") is None
    else str(Path(importlib.util.find_spec("memray").origin).parents[1])
)
START = """\
import json, sys
sys.path.insert(0, {agent!r})
from inprocess.profilers import memory
del sys.path[0]
stop = memory.start(json.loads({settings!r}))
names = {{"__name__": "__main__"}}
try:
    exec(compile(open({script!r}, encoding="utf-8").read(), {script!r}, "exec"), names)
finally:
    stop()
    stop()
"""


def run(
    folder: Path, program: str, python: tuple[str, ...] = (), **settings: object
) -> subprocess.CompletedProcess[str]:
    script = folder / "prog.py"
    script.write_text(program, "utf-8")
    settings = {"capture": str(folder / "memray.bin"), **settings}
    code = START.format(agent=str(AGENT.parent), settings=json.dumps(settings), script=str(script))
    return subprocess.run(
        [sys.executable, *python, "-c", code], check=False, capture_output=True, text=True, timeout=120, cwd=folder
    )


def read(folder: Path, capture: Path | None = None, python: tuple[str, ...] = (), borrowed: str = "") -> Profile:
    out = folder / "memray.jsonl"
    reader = AGENT / "profilers" / "memray_reader.py"
    words = [sys.executable, *python, reader, borrowed, capture or folder / "memray.bin", out]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, '""\n', "")
    with out.open("rb") as file:
        (profile,) = MemrayRecords().read(file)
    assert not profile.truncated
    return profile


def sum_lines(profile: Profile, metric: Metric) -> dict[int, int]:
    """Return values by line of the innermost frame in the program."""
    found: dict[int, int] = {}
    for samples in profile.samples:
        if samples.metric is metric:
            for row, value in zip(samples.stack, samples.value, strict=True):
                for step in profile.stacks.walk(row):
                    frame = profile.frames[profile.stacks.frame[step]]
                    if frame.file.endswith("prog.py"):
                        found[frame.line] = found.get(frame.line, 0) + value
                        break
    return found


@pytest.mark.parametrize("touched", [0, 50, 100])
@pytest.mark.parametrize("python_allocators", [False, True])
def test_an_array_is_counted_whole_however_much_of_it_is_touched(tmp_path: Path, touched: int, python_allocators: bool):
    size = 64 * 1024 * 1024
    program = f"data = bytearray({size})\nfor i in range(0, {size} * {touched} // 100, 4096):\n    data[i] = 1\n"
    done = run(tmp_path, program, trace_python_allocators=python_allocators)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    profile = read(tmp_path)
    assert profile.peak_bytes == pytest.approx(size, rel=0.01)
    assert sum_lines(profile, Metric.ALLOCATED)[1] == pytest.approx(size, rel=0.01)
    assert sum_lines(profile, Metric.PEAK)[1] == pytest.approx(size, rel=0.01)
    assert sum_lines(profile, Metric.ALLOCATIONS)[1] >= 1


@pytest.mark.slow
@pytest.mark.parametrize("python_allocators", [False, True])
def test_many_small_objects_are_counted_once(tmp_path: Path, python_allocators: bool):
    count = 300_000
    run(tmp_path, f"data = [float(i) for i in range({count})]\n", trace_python_allocators=python_allocators)
    profile = read(tmp_path)
    # A float takes 24 bytes, 32 of an arena; the list 8 a slot and up to an eighth more, old and new while it moves.
    assert count * 32 <= profile.peak_bytes <= count * (32 + 8 * 9 / 8 * 2 + 2) + 2**21
    if python_allocators:
        assert sum_lines(profile, Metric.ALLOCATIONS)[1] >= count


def test_what_passes_through_is_allocated_and_not_at_the_peak(tmp_path: Path):
    run(tmp_path, "for _ in range(100):\n    bytearray(1_000_000)\nkept = bytearray(30_000_000)\n")
    profile = read(tmp_path)
    assert sum_lines(profile, Metric.ALLOCATED)[2] == pytest.approx(100_000_000, rel=0.01)
    assert sum_lines(profile, Metric.ALLOCATIONS)[2] == 100
    assert 2 not in sum_lines(profile, Metric.PEAK)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("import os; os._exit(4)", 4),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("raise SystemExit(3)", 3),
        ("1 / 0", 1),
    ],
)
def test_the_capture_is_whole_however_the_program_ends(tmp_path: Path, end: str, status: int):
    assert run(tmp_path, f"kept = bytearray(30_000_000)\n{end}\n").returncode == status
    assert sum_lines(read(tmp_path), Metric.PEAK)[1] == pytest.approx(30_000_000, rel=0.01)


def test_threads_are_told_apart_by_name(tmp_path: Path):
    program = (
        "import threading\nkept = []\ndef work():\n    kept.append(bytearray(5_000_000))\n"
        "t = threading.Thread(target=work, name='wörker')\nt.start()\nt.join()\nkept.append(bytearray(7_000_000))\n"
    )
    run(tmp_path, program, trace_python_allocators=True)
    profile = read(tmp_path)
    most = {
        profile.threads[samples.thread].name: max(samples.value)
        for samples in profile.samples
        if samples.metric is Metric.PEAK
    }
    assert most["wörker"] == pytest.approx(5_000_000, rel=0.01)
    assert most["MainThread"] == pytest.approx(7_000_000, rel=0.01)


def test_forked_children_leave_captures_of_their_own(tmp_path: Path):
    program = (
        "import os\npid = os.fork()\nif pid == 0:\n    kept = bytearray(20_000_000)\n    os._exit(0)\n"
        "os.waitpid(pid, 0)\nkept = bytearray(9_000_000)\n"
    )
    run(tmp_path, program, follow_fork=True)
    mine, child = list_captures(tmp_path)
    assert mine == tmp_path / "memray.bin"
    assert sum_lines(read(tmp_path, mine), Metric.PEAK)[7] == pytest.approx(9_000_000, rel=0.01)
    assert sum_lines(read(tmp_path, child), Metric.PEAK)[4] == pytest.approx(20_000_000, rel=0.01)


def test_without_following_children_the_capture_is_the_programs_alone(tmp_path: Path):
    program = (
        "import os\npid = os.fork()\nif pid == 0:\n    kept = bytearray(20_000_000)\n    raise SystemExit\n"
        "os.waitpid(pid, 0)\n"
    )
    assert run(tmp_path, program).returncode == 0
    assert list_captures(tmp_path) == [tmp_path / "memray.bin"]
    assert 4 not in sum_lines(read(tmp_path), Metric.PEAK)


def test_native_stacks_hold_frames_of_c(tmp_path: Path):
    run(tmp_path, "kept = bytearray(30_000_000)\n", native=True)
    profile = read(tmp_path)
    assert sum_lines(profile, Metric.PEAK)[1] == pytest.approx(30_000_000, rel=0.01)
    assert any(frame.name.startswith(("Py", "_Py")) for frame in profile.frames)  # a stripped Python has no files


def test_memray_is_borrowed_from_a_folder_and_the_path_is_as_before(tmp_path: Path):
    program = "import sys\nprint(sys.path)\nkept = bytearray(30_000_000)\n"
    alone = ("-S", "-I")
    plain = run(tmp_path, program, python=alone, path=FOLDER)
    assert plain.stderr == ""
    assert FOLDER not in plain.stdout
    assert sum_lines(read(tmp_path, python=alone, borrowed=FOLDER), Metric.PEAK)[3] == pytest.approx(
        30_000_000, rel=0.01
    )


def test_the_reader_says_what_is_wrong_with_a_capture_and_reads_the_others(tmp_path: Path):
    run(tmp_path, "kept = bytearray(30_000_000)\n")
    (tmp_path / "bad.bin").write_bytes(b"nonsense" * 100)
    whole = (tmp_path / "memray.bin").read_bytes()
    (tmp_path / "short.bin").write_bytes(whole[:40])
    (tmp_path / "broken.bin").write_bytes(whole[:-2_000] + b"\xff" * 2_000)
    names = ("bad", "short", "broken", "memray")
    captures = [tmp_path / f"{name}.bin" for name in names]
    found = list(convert_captures(captures, make_host(sys.executable)))
    assert [capture for capture, _, _ in found] == captures
    assert [bool(why) for _, _, why in found[:2]] == [True, True]
    assert found[3][2] == ""
    with found[3][1].open("rb") as file:
        (profile,) = MemrayRecords().read(file)
    assert sum_lines(profile, Metric.PEAK)[1] == pytest.approx(30_000_000, rel=0.01)


def test_an_interpreter_without_memray_says_so(tmp_path: Path):
    words = [sys.executable, "-S", "-I", str(AGENT / "profilers" / "memray_reader.py"), "", "a", "b"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert "ModuleNotFoundError: No module named 'memray'" in done.stdout


def make_host(python: str = "/py", **changes: object) -> TargetHost:
    settings = {"packages": {"memray": FOLDER}, "abi": "cpython-313-x86_64-linux-gnu", **changes}
    return TargetHost(Interpreter(python, "3.13.0"), (3, 13, 0), **settings)


def test_the_collectors_settings_start_the_agent(tmp_path: Path):
    host = make_host(borrowed=frozenset(("memray",)))
    launch = MemrayCollector(host, python_allocators=True).launch(TargetSpec(TargetKind.SCRIPT, "prog.py"), tmp_path)
    settings = launch.agent["memray"]
    assert settings["path"] == FOLDER
    assert run(tmp_path, "kept = bytearray(30_000_000)\n", **settings).returncode == 0
    assert read(tmp_path).peak_bytes == pytest.approx(30_000_000, rel=0.01)
    assert launch.captures == (("memray", tmp_path / "memray.jsonl"),)
    assert Path(settings["capture"]).stat().st_size
