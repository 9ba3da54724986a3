"""Files that other tools really wrote: no sample is lost, and what is known of each tool is heeded."""

from __future__ import annotations

import io
import itertools
import json
import marshal
import re
from pathlib import Path

import pytest
from tests.unit.formats.pprof_decoder import decode

from whet.formats import unpack
from whet.formats.api import ProfileFormat
from whet.formats.callgrind import Callgrind
from whet.formats.chrome import Chrome
from whet.formats.collapsed import Collapsed
from whet.formats.lprof import Lprof
from whet.formats.pprof import Pprof
from whet.formats.pstats_ import Pstats
from whet.formats.pyinstrument_session import PyinstrumentSession
from whet.formats.scalene import Scalene
from whet.formats.speedscope import Speedscope
from whet.formats.tachyon_jsonl import TachyonJsonl
from whet.model.metric import Metric
from whet.model.profile import Profile

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/foreign"


def read(form: ProfileFormat, name: str) -> Profile:
    with (CAPTURES / name).open("rb") as file:
        (profile,) = form.read(unpack.open_unpacked(file))
    return profile


def total(profile: Profile, metric: Metric = Metric.CPU) -> int:
    return sum(sum(each.value) for each in profile.samples if each.metric is metric)


def count(profile: Profile) -> int:
    return sum(each.count for each in profile.samples)


def find(profile: Profile, name: str) -> set[tuple[str, int]]:
    return {(frame.file, frame.line) for frame in profile.frames if frame.name == name}


@pytest.mark.parametrize(
    "name",
    [
        "py-spy-0.4.3/plain.raw",
        "py-spy-0.4.3/threads.raw",
        "py-spy-0.4.3/command-with-newline.raw",
        "py-spy-0.4.3/subprocesses-function.raw",
        "tachyon-3.15.2/run.collapsed",
        "tachyon-3.15.2/native.collapsed",
        "perf-6.1-python-3.14.10/perf.collapsed.txt",
    ],
)
def test_collapsed_stacks_lose_no_sample(name: str) -> None:
    wanted = sum(int(each) for each in re.findall(rb" (\d+)$", (CAPTURES / name).read_bytes(), re.MULTILINE))
    profile = read(Collapsed(), name)
    assert count(profile) == wanted
    assert total(profile) == wanted * 10_000_000
    # 100 samples a second is an assumption, and is told to be one.
    assert any(each.startswith("times") for each in profile.missing)


def test_one_thread_under_two_names_is_one() -> None:
    threads = read(Collapsed(), "py-spy-0.4.3/threads.raw").threads
    assert sorted((each.tid, each.name) for each in threads) == [(24257, "MainThread"), (24261, "night worker")]


def test_a_command_line_may_hold_line_breaks_and_separators() -> None:
    (thread,) = read(Collapsed(), "py-spy-0.4.3/command-with-newline.raw").threads
    assert thread.process.endswith("t = time.time() + 0.5\nwhile time.time() < t: sum(range(1000))")
    assert thread.pid == 24851


def test_austin_says_what_its_numbers_are_and_its_comments_are_no_stacks() -> None:
    text = (CAPTURES / "austin-4.0.0/wall.collapsed.txt").read_text()
    wanted = sum(int(line.rpartition(" ")[2]) for line in text.splitlines() if line and line[0] != "#")
    profile = read(Collapsed(), "austin-4.0.0/wall.collapsed.txt")
    assert total(profile) == wanted * 1_000
    assert (profile.wall, profile.period_ns, profile.collector) == (True, 5_000_000, "austin 4.0.0")
    # The same recording in two other formats; the converter left samples without frames out of one.
    assert total(read(Pprof(), "austin-4.0.0/wall.pprof")) == total(profile)
    document = json.loads((CAPTURES / "austin-4.0.0/wall.speedscope.json").read_text())
    assert total(read(Speedscope(), "austin-4.0.0/wall.speedscope.json")) == 1_000 * sum(
        sum(each["weights"]) for each in document["profiles"]
    )


def test_austins_thread_ids_are_decimal_and_hexadecimal() -> None:
    (profile,) = Collapsed().read(io.BytesIO(b"P12;T0:ff;a.py:f:1 3\nP12;T0:255;a.py:f:1 4\n"))
    assert [(each.pid, each.tid) for each in profile.threads] == [(12, 255)]


def test_memory_that_was_freed_is_left_out_and_said() -> None:
    (profile,) = Collapsed().read(io.BytesIO(b"# mode: memory\nP1;T0:1;a.py:f:1 300\nP1;T0:1;a.py:f:1 -100\n"))
    assert total(profile, Metric.ALLOCATED) == 300
    assert any("freed" in each for each in profile.missing)


def test_tachyons_tasks_and_perfs_functions_are_frames() -> None:
    assert find(read(Collapsed(), "tachyon-3.15.2/async-all.collapsed"), "fetch") == {
        ("day end.py", 19),
        ("day end.py", 20),
    }
    assert ("/tmp/app/my lib/shapes.py", 0) in find(
        read(Collapsed(), "perf-6.1-python-3.14.10/perf.collapsed.txt"), "Ledger.evens"
    )


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("pyroscope-io-1.4.0/cpu.pprof", 0),
        ("google-cloud-profiler-4.1.0/wall.pprof", 1),
        ("google-cloud-profiler-4.1.0/cpu.pprof", 1),
    ],
)
def test_pprof_loses_no_sample(name: str, column: int) -> None:
    with (CAPTURES / name).open("rb") as file:
        decoded = decode(unpack.open_unpacked(file).read())
    wanted = sum(sample["value"][column] for sample in decoded["sample"])
    profile = read(Pprof(), name)
    assert total(profile) == wanted
    assert count(profile) == wanted // 10_000_000


def test_pyroscope_names_threads_and_its_cpu_time_is_wall_time() -> None:
    profile = read(Pprof(), "pyroscope-io-1.4.0/cpu.pprof")
    assert {each.name for each in profile.threads} == {"MainThread", "night worker"}
    assert (profile.collector, profile.wall) == ("pyroscope", True)
    memory = read(Pprof(), "pyroscope-io-1.4.0/memory.pprof")
    assert total(memory, Metric.ALLOCATED) == 852_359_093
    assert any("peak" in each for each in memory.missing)


def test_datadog_is_zstd_and_its_threads_are_joined_by_id() -> None:
    try:
        unpack.find_zstd()
    except unpack.FormatError:
        with pytest.raises(unpack.FormatError, match="zstd"):
            read(Pprof(), "ddtrace-4.16.0/upload.pprof.zst")
        return
    profile = read(Pprof(), "ddtrace-4.16.0/upload.pprof.zst")
    assert profile.collector == "ddtrace"
    # In one sample a thread has its name, in another its number.
    assert {"MainThread", "night worker"} == {
        each.name for each in profile.threads if each.name in {"MainThread", "night worker"}
    }
    assert len({each.tid for each in profile.threads}) == len(profile.threads)
    assert total(profile, Metric.ALLOCATED) > 400_000_000
    # Time that is wall and not CPU time is nobody's yet: waiting or idle.
    assert profile.unjudged
    assert total(profile, Metric.WAITING) > 0


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("cprofile-3.14.10/run.prof", "cProfile"),
        ("profiling.tracing-3.15.2/run.pstats", "cProfile"),
        ("pyspark-4.3.0/udf_1_perf.pstats", "cProfile"),
        ("tachyon-3.15.2/run.pstats", "tachyon"),
        ("pyinstrument-5.1.3/run.pstats", "pyinstrument"),
        ("yappi-1.7.6/cpu.pstat", "yappi"),
    ],
)
def test_pstats_keep_all_self_time(name: str, tool: str) -> None:
    # Loaded as the standard library would, which is safe for a file of our own.
    table = marshal.loads((CAPTURES / name).read_bytes())
    wanted = sum(row[2] for row in table.values() if isinstance(row, tuple))
    profile = read(Pstats(), name)
    assert total(profile) == pytest.approx(wanted * 1e9, abs=len(table))
    assert profile.collector == tool
    assert "lines" in profile.missing
    assert not any(frame.line for frame in profile.frames)


def test_pstats_attribute_a_builtin_to_its_callers() -> None:
    profile = read(Pstats(), "cprofile-3.14.10/run.prof")
    names = [frame.name for frame in profile.frames]
    spent = {}
    for row, value in zip(profile.samples[0].stack, profile.samples[0].value, strict=True):
        stack = [names[profile.stacks.frame[at]] for at in profile.stacks.walk(row)]
        if stack[0] == "<method 'sort' of 'list' objects>":
            spent[stack[1]] = value
    table = marshal.loads((CAPTURES / "cprofile-3.14.10/run.prof").read_bytes())
    edges = table["~", 0, "<method 'sort' of 'list' objects>"][4]
    assert spent["heavy_c"] == pytest.approx(edges["/tmp/app/my lib/shapes.py", 45, "heavy_c"][2] * 1e9, abs=2)


def test_callgrind_of_yappi_is_in_microseconds() -> None:
    text = (CAPTURES / "yappi-1.7.6/cpu.callgrind").read_text()
    # A function's own cost is a line of two numbers that follows no line of calls.
    lines = text.splitlines()
    own = [b for a, b in itertools.pairwise(lines) if re.fullmatch(r"\d+ \d+", b) and not a.startswith("calls=")]
    profile = read(Callgrind(), "yappi-1.7.6/cpu.callgrind")
    # The folder has a space in its name, as has what stands between name and path.
    assert ("/tmp/app/my lib/shapes.py", "heavy_c", 45) in {(f.file, f.name, f.first_line) for f in profile.frames}
    assert total(profile) == sum(int(line.split()[1]) for line in own) * 1_000
    # Of the same program in another file of the same tool: rounded to microseconds there.
    assert total(profile) == pytest.approx(total(read(Pstats(), "yappi-1.7.6/cpu.pstat")), rel=0.001)


def test_line_profilers_hits_and_times() -> None:
    profile = read(Lprof(), "line_profiler-5.1.0/absolute.lprof")
    hits = {(each.function_line, each.line): each.hits for each in profile.lines}
    assert hits[5, 6] == 1_048_575
    assert hits[55, 58] == 5_000
    assert total(profile) == 146_806_532_331
    assert ("/tmp/app/my lib/shapes.py", 36) in find(profile, "Ledger.evens")


def test_speedscope_of_each_tool_adds_up() -> None:
    for name in ("py-spy-0.4.3/threads.speedscope.json", "memray-1.20.0/peak.speedscope.json"):
        document = json.loads((CAPTURES / name).read_text())
        scale = {"seconds": 1e9, "bytes": 1, "none": 0}
        wanted = sum(scale[each["unit"]] * sum(each["weights"]) for each in document["profiles"])
        profile = read(Speedscope(), name)
        assert total(profile) + total(profile, Metric.PEAK) == pytest.approx(wanted, abs=len(profile.stacks))
    events = read(Speedscope(), "pyinstrument-5.1.3/run.speedscope.json")
    assert events.collector == "pyinstrument"
    assert 3.2e9 < total(events) <= 3_300_941_945


def test_traces_of_py_spy_and_viztracer() -> None:
    document = json.loads((CAPTURES / "py-spy-0.4.3/subprocesses.chrometrace.json").read_text())
    wanted, depth, last = 0.0, {}, {}
    for event in document:
        key = event["pid"], event["tid"]
        if depth.get(key):
            wanted += event["ts"] - last[key]
        depth[key] = depth.get(key, 0) + (1 if event["ph"] == "B" else -1)
        last[key] = event["ts"]
    profile = read(Chrome(), "py-spy-0.4.3/subprocesses.chrometrace.json")
    assert total(profile) == pytest.approx(wanted * 1_000, abs=1_000)
    assert {each.name for each in profile.threads} == {"MainThread", "night worker"}
    traced = read(Chrome(), "viztracer-1.1.1/app.json")
    events = [
        each
        for each in json.loads((CAPTURES / "viztracer-1.1.1/app.json").read_text())["traceEvents"]
        if each["ph"] == "X"
    ]
    assert 0 < total(traced) <= 1_000 * (max(e["ts"] + e["dur"] for e in events) - min(e["ts"] for e in events)) + 1
    # viztracer names where a function starts, which is no line that ran.
    assert {(frame.line, frame.first_line) for frame in traced.frames} == {(0, 5)}


def test_scalene_makes_the_elapsed_time() -> None:
    elapsed = json.loads((CAPTURES / "scalene-2.4.0/memory.json").read_text())["elapsed_time_sec"]
    profile = read(Scalene(), "scalene-2.4.0/memory.json")
    assert (total(profile) + total(profile, Metric.WAITING)) / 1e9 == pytest.approx(elapsed, rel=0.001)
    assert total(profile, Metric.ALLOCATED) > 0


def test_tachyons_json_lines() -> None:
    profile = read(TachyonJsonl(), "tachyon-3.15.2/run.jsonl")
    assert (count(profile), total(profile), profile.wall) == (244, 244 * 5_000_000, True)


def test_a_session_of_pyinstrument_is_recognized_and_whole() -> None:
    data = (CAPTURES / "pyinstrument-5.1.3/run.pyisession").read_bytes()
    assert PyinstrumentSession().recognizes(data[:65536])
    records = json.loads(data)["frame_records"]
    profile = read(PyinstrumentSession(), "pyinstrument-5.1.3/run.pyisession")
    spent = sum(total(profile, metric) for metric in (Metric.CPU, Metric.WAITING, Metric.IDLE))
    assert spent == pytest.approx(sum(seconds for _, seconds in records) * 1e9, abs=len(records))
