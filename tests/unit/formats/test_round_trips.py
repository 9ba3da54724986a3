"""What is written is read by others: the totals are those of the profile, and what reads back is the same."""

from __future__ import annotations

import gzip
import io
import json
import pstats
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.unit.formats.pprof_decoder import decode

from whet.formats.api import ProfileFormat
from whet.formats.chrome import Chrome
from whet.formats.collapsed import Collapsed
from whet.formats.firefox import Firefox
from whet.formats.pprof import Pprof
from whet.formats.pstats_ import Pstats
from whet.formats.speedscope import Speedscope
from whet.formats.unpack import open_unpacked
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples, StackTable, Thread

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/foreign"
FRAMES = (
    Frame("/srv/shop/app.py", "<module>", 9, 1),
    Frame("/srv/shop/app.py", "Order.total", 31, 28),
    Frame("/srv/naïve café/tax; rate.py", "add", 4, 2),
    Frame("", "memcpy", owner=Owner.NATIVE),
)
# <module>, <module>;Order.total, …;add, …;Order.total (recursive), <module>;memcpy
STACKS = StackTable((-1, 0, 1, 1, 0), (0, 1, 2, 1, 3))
PROFILE = Profile(
    collector="py-spy 0.4.3",
    frames=FRAMES,
    stacks=STACKS,
    threads=(Thread(12, 12, "MainThread", "app.py"), Thread(12, 77, "worker", "app.py")),
    samples=(
        Samples(Metric.CPU, 0, (0, 1, 2, 3), (10_000_000, 250_000_000, 1_234_567, 40_000_001), 30),
        Samples(Metric.CPU, 1, (2, 4), (70_000_000, 30_000_000), 10),
        Samples(Metric.WAITING, 1, (4,), (500_000_000,), 50),
        Samples(Metric.ALLOCATED, 0, (2, 1), (1_000, 4096), 2),
        Samples(Metric.PEAK, 0, (2,), (3_000_000,), 1),
    ),
    period_ns=10_000_000,
)
CPU = 401_234_568


def write(form: ProfileFormat) -> bytes:
    sink = io.BytesIO()
    form.write(PROFILE, sink)
    return sink.getvalue()


def totals(profile: Profile) -> Counter[tuple[object, ...]]:
    """Return values by metric, thread and functions of the stack with their lines."""
    found: Counter[tuple[object, ...]] = Counter()
    for each in profile.samples:
        for row, value in zip(each.stack, each.value, strict=True):
            stack = [profile.frames[profile.stacks.frame[at]] for at in profile.stacks.walk(row)]
            thread = profile.threads[each.thread]
            found[(each.metric, thread.pid, thread.tid, thread.name, *((f.name, f.file, f.line) for f in stack))] += (
                value
            )
    return found


@pytest.mark.parametrize("form", [Speedscope(), Pprof(), Chrome(), Collapsed()], ids=lambda form: form.name)
def test_what_is_written_reads_back_with_functions_lines_threads_and_totals(form: ProfileFormat) -> None:
    (again,) = form.read(open_unpacked(io.BytesIO(write(form))))
    kept = form.keeps.metrics  # type: ignore[attr-defined]
    wanted = Counter({key: value for key, value in totals(PROFILE).items() if key[0] in kept})
    if form.name == "collapsed":  # a name cannot keep the separator
        wanted = Counter({tuple(_without_separator(part) for part in key): value for key, value in wanted.items()})
    assert totals(again) == wanted
    assert again.collector == "py-spy 0.4.3"
    assert again.wall is PROFILE.wall


def _without_separator(part: object) -> object:
    return (part[0], part[1].replace(";", ":"), part[2]) if isinstance(part, tuple) else part


@pytest.mark.parametrize("form", [Speedscope(), Pprof(), Collapsed()], ids=lambda form: form.name)
def test_the_number_of_samples_is_known_again(form: ProfileFormat) -> None:
    (again,) = form.read(open_unpacked(io.BytesIO(write(form))))
    assert again.period_ns == PROFILE.period_ns
    cpu = sum(each.count for each in again.samples if each.metric is Metric.CPU)
    # pprof and collapsed stacks hold times, which are divided by the period.
    assert cpu == pytest.approx(40, abs=2)


def test_speedscope_holds_what_its_specification_asks_for() -> None:
    document = json.loads(write(Speedscope()))
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = document["shared"]["frames"]
    assert all(set(frame) <= {"name", "file", "line", "col"} and isinstance(frame["name"], str) for frame in frames)
    for profile in document["profiles"]:
        assert profile["type"] == "sampled"
        assert profile["unit"] in {"none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"}
        assert len(profile["samples"]) == len(profile["weights"])
        assert all(0 <= index < len(frames) for stack in profile["samples"] for index in stack)
        assert profile["endValue"] - profile["startValue"] == sum(profile["weights"])
    named = {profile["name"].split(":")[0]: profile["unit"] for profile in document["profiles"]}
    assert named == {"Time": "nanoseconds", "Waiting": "nanoseconds", "Allocated": "bytes", "Peak memory": "bytes"}
    assert any("worker" in profile["name"] and "Process 12" in profile["name"] for profile in document["profiles"])
    stack = [frames[index]["name"] for index in document["profiles"][0]["samples"][2]]
    assert stack == ["<module>", "Order.total", "add"]
    assert sum(sum(p["weights"]) for p in document["profiles"] if p["name"].startswith("Time")) == CPU


def test_pprof_is_read_by_another_decoder() -> None:
    decoded = decode(gzip.decompress(write(Pprof())))
    strings = decoded["string_table"]
    assert strings[0] == ""
    types = [(strings[each["type"][0]], strings[each["unit"][0]]) for each in decoded["sample_type"]]
    assert types == [
        ("cpu", "nanoseconds"), ("wait", "nanoseconds"), ("alloc_space", "bytes"), ("inuse_space", "bytes"),
    ]  # fmt: skip
    assert strings[decoded["default_sample_type"][0]] == "cpu"
    columns = [sum(column) for column in zip(*(sample["value"] for sample in decoded["sample"]), strict=True)]
    assert columns == [CPU, 500_000_000, 5_096, 3_000_000]
    (mapping,) = decoded["mapping"]
    assert mapping["id"] == [1]
    functions = {each["id"][0]: each for each in decoded["function"]}
    locations = {each["id"][0]: each for each in decoded["location"]}
    assert all(each["mapping_id"] == [1] for each in decoded["location"])
    named = set()
    for sample in decoded["sample"]:
        leaf = functions[locations[sample["location_id"][0]]["line"][0]["function_id"][0]]
        labels = {
            strings[each["key"][0]]: strings[each["str"][0]] if each["str"] else each["num"][0]
            for each in sample["label"]
        }
        named.add((strings[leaf["name"][0]], labels["thread_name"], labels["thread_id"], labels["process_id"]))
    assert ("add", "worker", 77, 12) in named


def test_pstats_is_read_by_the_standard_library(tmp_path: Path) -> None:
    path = tmp_path / "run.pstats"
    path.write_bytes(write(Pstats()))
    stats = pstats.Stats(str(path))
    assert stats.total_tt == pytest.approx(CPU / 1e9)
    table = stats.stats  # type: ignore[attr-defined]
    _, _, own, whole, callers = table["/srv/shop/app.py", 28, "Order.total"]
    # Its recursive call is part of its total once.
    assert (own, whole) == (pytest.approx(0.290000001), pytest.approx(0.361234568))
    assert ("/srv/shop/app.py", 28, "Order.total") in callers
    assert table["~", 0, "memcpy"][2] == pytest.approx(0.03)
    stats.stream = io.StringIO()  # type: ignore[attr-defined]
    stats.sort_stats("cumulative").print_stats().print_callers()
    (again,) = Pstats().read(io.BytesIO(path.read_bytes()))
    assert sum(sum(each.value) for each in again.samples) == pytest.approx(CPU, abs=10)


def test_collapsed_stacks_are_what_flame_graph_tools_take() -> None:
    text = write(Collapsed()).decode()
    values = 0
    for line in text.splitlines():
        if line.startswith("#"):
            assert not re.fullmatch(r".* \d+", line)  # some tools take any line that ends in a number for a stack
            continue
        found = re.fullmatch(r"(.+) (\d+)", line)
        assert found is not None
        assert found[1].startswith('process 12:"app.py";thread (')
        values += int(found[2])
    assert values == CPU


def test_a_chrome_trace_nests_and_adds_up() -> None:
    events = [each for each in json.loads(write(Chrome()))["traceEvents"] if each["ph"] == "X"]
    for thread in (12, 77):
        ends: list[float] = []
        outer = 0.0
        for event in sorted((e for e in events if e["tid"] == thread), key=lambda e: (e["ts"], -e["dur"])):
            while ends and ends[-1] <= event["ts"] + 1e-6:
                ends.pop()
            assert not ends or event["ts"] + event["dur"] <= ends[-1] + 1e-6
            if not ends:
                outer += event["dur"]
            ends.append(event["ts"] + event["dur"])
        wanted = {12: 301_234_568, 77: 600_000_000}[thread]
        assert outer * 1_000 == pytest.approx(wanted, abs=5)


def check_firefox(document: dict) -> dict[str, float]:
    """Hold a file to the description of the processed format; return the weight of each thread."""
    assert document["meta"]["preprocessedProfileVersion"] >= 47
    assert document["meta"]["processType"] == 0
    categories = document["meta"]["categories"]
    weights = {}
    for thread in document["threads"]:
        strings = thread.get("stringArray") or document["shared"]["stringArray"]
        tables = {name: thread[name] for name in ("samples", "stackTable", "frameTable", "funcTable", "resourceTable")}
        for table in tables.values():
            columns = {name: column for name, column in table.items() if isinstance(column, list)}
            assert all(len(column) == table["length"] for column in columns.values())
        stacks, frames, functions = tables["stackTable"], tables["frameTable"], tables["funcTable"]
        assert all(prefix is None or 0 <= prefix < row for row, prefix in enumerate(stacks["prefix"]))
        assert all(0 <= each < frames["length"] for each in stacks["frame"])
        assert all(0 <= each < functions["length"] for each in frames["func"])
        assert all(0 <= each < len(categories) for each in frames["category"])
        assert all(0 <= each < len(strings) for each in functions["name"])
        assert isinstance(thread["pid"], str)
        assert thread["samples"]["weightType"] in {"samples", "tracing-ms", "bytes"}
        assert all(each is None or 0 <= each < stacks["length"] for each in thread["samples"]["stack"])
        weights[thread["name"]] = sum(thread["samples"].get("weight") or [1] * thread["samples"]["length"])
    return weights


def test_a_firefox_profile_follows_the_description_of_its_format() -> None:
    weights = check_firefox(json.loads(write(Firefox())))
    assert weights["MainThread"] == pytest.approx(301.234568)
    assert weights["worker"] == pytest.approx(100.0)
    assert weights["worker (waiting)"] == pytest.approx(500.0)
    assert weights["MainThread (peak)"] == 3_000_000


def test_the_checker_takes_a_file_of_another_tool() -> None:
    document = json.loads((CAPTURES / "tachyon-3.15.2/run.gecko.json").read_bytes())
    assert sum(check_firefox(document).values()) == 244
