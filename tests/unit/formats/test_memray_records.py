from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.errors import FormatError
from whet.formats.memray_records import MemrayRecords
from whet.merge.ownership import Ownership
from whet.model.frame import NO_FRAME, Owner
from whet.model.metric import Metric
from whet.model.profile import Profile, Thread

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/memray-1.20.0"
HEADER = {"whet-memray": 1, "memray": "1.20.0", "pid": 7, "peak_bytes": 500, "main_thread": 1}


def read(*lines: object, end: bool = True) -> Profile:
    values = [HEADER, *lines]
    if end:
        values.append(["end", len(values)])
    return read_bytes(b"".join(json.dumps(value).encode() + b"\n" for value in values))


def read_bytes(data: bytes) -> Profile:
    (profile,) = MemrayRecords().read(io.BytesIO(data))
    return profile


def read_capture(name: str) -> Profile:
    return read_bytes((CAPTURES / name).read_bytes())


def sum_by_line(profile: Profile, metric: Metric, file: str) -> dict[int, int]:
    """Return values by the line of the innermost frame in ``file``."""
    found: dict[int, int] = {}
    for samples in profile.samples:
        if samples.metric is metric:
            for row, value in zip(samples.stack, samples.value, strict=True):
                frame = profile.frames[profile.stacks.frame[row]]
                if frame.file == file:
                    found[frame.line] = found.get(frame.line, 0) + value
    return found


PLAIN = "grows-plain.jsonl"
PYALLOC = "grows-pyalloc.jsonl"


@pytest.mark.parametrize("name", [PLAIN, PYALLOC])
def test_captured_sizes_are_those_of_the_program(name: str):
    profile = read_capture(name)
    allocated = sum_by_line(profile, Metric.ALLOCATED, "/srv/app/grows.py")
    peak = sum_by_line(profile, Metric.PEAK, "/srv/app/grows.py")
    assert allocated[32] == pytest.approx(64_000_000, rel=0.001)
    assert allocated[14] == pytest.approx(40_000_000, rel=0.001)
    assert allocated[19] == pytest.approx(3_000_000, rel=0.001)
    assert peak[32] == pytest.approx(64_000_000, rel=0.001)
    assert 14 not in peak
    assert sum_by_line(profile, Metric.ALLOCATED, "<generated>")[2] == pytest.approx(2_000_000, rel=0.001)


def test_arenas_and_objects_are_not_both_counted():
    floats = 200_000 * 24
    slots = 200_000 * 8
    for name in (PLAIN, PYALLOC):
        peak = sum_by_line(read_capture(name), Metric.PEAK, "/srv/app/grows.py")[9]
        assert floats + slots <= peak <= (200_000 * 32 + slots) * 1.3


@pytest.mark.parametrize("name", [PLAIN, PYALLOC])
def test_the_stacks_at_the_peak_sum_up_to_the_peak(name: str):
    profile = read_capture(name)
    live = sum(sum(samples.value) for samples in profile.samples if samples.metric is Metric.PEAK)
    assert live == profile.peak_bytes > 0


def test_threads_have_names_and_the_main_one_its_id():
    profile = read_capture(PLAIN)
    main, other = profile.threads
    assert (main.name, main.tid) == ("MainThread", main.pid)
    assert (other.name, other.tid) == ("wörker", 0)
    assert profile.collector == "memray 1.20.0"


def test_recursion_is_a_chain_of_rows():
    profile = read_capture(PLAIN)
    row = next(r for r, f in enumerate(profile.stacks.frame) if profile.frames[f].line == 19)
    assert [profile.frames[profile.stacks.frame[step]].line for step in profile.stacks.walk(row)] == [
        19,
        *[21] * 30,
        27,
    ]


FRAME = ["f", "f", "/a.py", 3]
STACK = ["s", -1, 0]
THREAD = ["t", 1, "MainThread"]


def test_values_of_one_stack_in_all_metrics():
    profile = read(FRAME, STACK, THREAD, ["v", 0, 0, 100, 3, 40, 1])
    assert {s.metric: (list(s.stack), list(s.value), s.count) for s in profile.samples} == {
        Metric.ALLOCATED: ([0], [100], 3),
        Metric.ALLOCATIONS: ([0], [3], 3),
        Metric.PEAK: ([0], [40], 1),
    }
    assert profile.threads == (Thread(7, 7, "MainThread"),)
    assert profile.peak_bytes == 500
    assert profile.truncated == ""


def test_what_became_of_memory_with_time():
    profile = read(FRAME, STACK, THREAD, ["v", 0, 0, 100, 3, 40, 1], ["a", 0, 0, 0, 30, 20])
    found = {s.metric: list(s.value) for s in profile.samples}
    assert found[Metric.LIVE] == [30]
    assert found[Metric.GROWN] == [20]
    assert Metric.BRIEF not in found
    with pytest.raises(FormatError, match="unknown thread or stack"):
        read(FRAME, STACK, THREAD, ["a", 0, 7, 0, 30, 20])
    with pytest.raises(FormatError, match="out of range"):
        read(FRAME, STACK, THREAD, ["a", 0, 0, 0, -30, 20])


def test_what_python_did_not_allocate_has_a_frame_of_its_own():
    profile = read(THREAD, ["v", 0, -1, 100, 3, 0, 0])
    assert profile.frames == (NO_FRAME,)
    assert {s.metric for s in profile.samples} == {Metric.ALLOCATED, Metric.ALLOCATIONS}


def test_lines_that_break_off_are_told():
    assert read(FRAME, STACK, THREAD, ["v", 0, 0, 1, 1, 0, 0], end=False).truncated
    whole = (CAPTURES / PLAIN).read_bytes()
    profile = read_bytes(whole[:-30])
    assert profile.truncated
    assert profile.samples


@pytest.mark.parametrize(
    "lines",
    [
        [["s", -1, 0]],
        [FRAME, ["s", 0, 0]],
        [FRAME, ["s", -2, 0]],
        [FRAME, ["s", -1, -1]],
        [FRAME, STACK, STACK],
        [FRAME, STACK, ["v", 0, 0, 1, 1, 1, 1]],
        [FRAME, STACK, THREAD, ["v", 0, 1, 1, 1, 1, 1]],
        [FRAME, STACK, THREAD, ["v", 0, 0, -1, 1, 1, 1]],
        [FRAME, STACK, THREAD, ["v", 0, 0, 1, -1, 1, 1]],
        [FRAME, STACK, THREAD, ["v", 0, 0, 1, 1, 1, -1]],
        [FRAME, STACK, THREAD, ["v", 0, 0, 2**70, 1, 1, 1]],
        [FRAME, STACK, THREAD, ["v", 0, 0, 1.5, 1, 1, 1]],
        [["f", "f", "/a.py", "3"]],
        [["f", "f", "/a.py", -3]],
        [["f", None, "/a.py", 3]],
        [["t", "1", "x"]],
        [["end", 77]],
        [["x"]],
        [{}],
        [None],
    ],
)
def test_a_wrong_line_is_named(lines: list[object]):
    with pytest.raises(FormatError) as caught:
        read(*lines)
    assert caught.value.where == f"line {len(lines) + 1}"


def test_more_memory_than_there_can_be_is_refused():
    with pytest.raises(FormatError, match="more than any program"):
        read(FRAME, STACK, THREAD, *[["v", 0, 0, 2**62, 1, 0, 0]] * 2)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"{}\n", b"[]\n", b'"whet-memray"\n', b"\xff\n", b"[" * 100_000 + b"\n", b'{"whet-memray":1'],
    ids=ascii,
)
def test_what_is_no_record_file_is_refused(data: bytes):
    with pytest.raises(FormatError) as caught:
        read_bytes(data)
    assert caught.value.where == "line 1"


def test_another_version_names_the_remedy():
    with pytest.raises(FormatError, match="version 2") as caught:
        read_bytes(b'{"whet-memray":2}\n')
    assert "measure again" in caught.value.hint


def test_a_wrong_figure_in_the_header_is_named():
    for key in ("pid", "peak_bytes"):
        with pytest.raises(FormatError):
            read_bytes(json.dumps({**HEADER, key: "x"}).encode() + b"\n" + b'["t",1,""]\n')


def test_a_line_too_long_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("whet.formats.memray_records.MAX_LINE", 100)
    with pytest.raises(FormatError, match="more than"):
        read(["f", "f" * 200, "/a.py", 3])


@given(st.lists(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=8), max_size=6))
def test_any_json_gives_a_profile_or_a_format_error(lines: list[object]):
    try:
        profile = read(*lines)
    except FormatError as error:
        assert error.where.startswith("line ")
    else:
        assert profile.collector == "memray 1.20.0"


def test_c_functions_without_a_file_are_not_the_users():
    """``<unknown>`` is also what ``ast.parse`` calls a source without a name."""
    frames = [["f", "deflate", "<unknown>", 0], ["f", "<module>", "<unknown>", 3], ["f", "f", "a.c", 0]]
    owner = Ownership().owner

    def own(header: dict[str, object]) -> list[Owner]:
        lines = [{**HEADER, **header}, *frames, ["end", 4]]
        profile = read_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        return [owner(frame.file, frame.name) for frame in profile.frames]

    assert own({"native": True}) == [Owner.NATIVE, Owner.USER, Owner.NATIVE]
    assert own({}) == [Owner.USER, Owner.USER, Owner.NATIVE]
