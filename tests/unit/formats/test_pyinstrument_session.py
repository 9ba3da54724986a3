from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.errors import FormatError
from whet.formats.pyinstrument_session import PyinstrumentSession
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import Profile, Thread

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/pyinstrument-5.1.3"
ROOT = "MainThread\0<thread>\x00140344759311232"
MAIN = "main\0/srv/a.py\x003\x01l5"


def read_text(text: str, **settings: int) -> Profile:
    (profile,) = PyinstrumentSession(**settings).read(io.BytesIO(text.encode()))
    return profile


def read(*records: object, **members: object) -> Profile:
    return read_text(json.dumps({"sample_count": len(records), **members, "frame_records": records}))


def read_capture(name: str) -> Profile:
    with (CAPTURES / name).open("rb") as file:
        (profile,) = PyinstrumentSession().read(file)
    return profile


def list_stacks(profile: Profile) -> list[tuple[Metric, tuple[Frame, ...], int]]:
    """Return metric, frames outermost first, nanoseconds."""
    return [
        (s.metric, tuple(profile.frames[profile.stacks.frame[step]] for step in profile.stacks.walk(row))[::-1], value)
        for s in profile.samples
        for row, value in zip(s.stack, s.value, strict=True)
    ]


def test_a_record_is_a_stack_and_its_seconds():
    profile = read([[ROOT, MAIN, "m\0/srv/b.py\x007\x01cSquares\x01l9\x01h1"], 0.25], duration=0.3)
    assert list_stacks(profile) == [
        (Metric.CPU, (Frame("/srv/a.py", "main", 5, 3), Frame("/srv/b.py", "Squares.m", 9, 7)), 250_000_000)
    ]
    assert profile.threads == (Thread(0, 0, "MainThread"),)
    assert (profile.ticks, profile.period_ns, profile.truncated) == (1, 250_000_000, "")


def test_the_process_is_told_by_the_caller():
    text = json.dumps({"frame_records": [[[ROOT, MAIN], 0.1]]})
    assert read_text(text, pid=7, tid=8).threads == (Thread(7, 8, "MainThread"),)


def test_a_frame_without_line_stands_at_its_start():
    ((_, (frame,), _),) = list_stacks(read([["f\0/a.py\x003"], 0.1]))
    assert (frame.line, frame.first_line) == (3, 3)


@pytest.mark.parametrize(
    ("leaf", "metric"),
    [
        ("sleep\0<built-in>\x000", Metric.WAITING),
        ("lock.acquire\0<built-in>\x000", Metric.WAITING),
        ("epoll.poll\0<built-in>\x000", Metric.WAITING),
        ("socket.recv\0<built-in>\x000", Metric.WAITING),
        ("SimpleQueue.get\0<built-in>\x000", Metric.CPU),
        ("str.join\0<built-in>\x000", Metric.CPU),
        ("sum\0<built-in>\x000", Metric.CPU),
        ("sleep\0/srv/mine.py\x001\x01l2", Metric.CPU),
        ("[await]", Metric.WAITING),
        ("[out-of-context]", Metric.IDLE),
        ("[self]", Metric.CPU),
    ],
)
def test_the_leaf_tells_waiting(leaf: str, metric: Metric):
    ((found, frames, _),) = list_stacks(read([[ROOT, MAIN, leaf], 0.1]))
    assert found is metric
    assert (len(frames) == 1) == leaf.startswith("[")
    if "<built-in>" in leaf:
        assert frames[-1].owner is Owner.NATIVE


def test_an_event_loop_that_polls_is_idle():
    loop = "_run_once\0/usr/lib/python3.13/asyncio/base_events.py\x001947\x01c_UnixSelectorEventLoop\x01l1989"
    select = "select\0/usr/lib/python3.13/selectors.py\x00435\x01cEpollSelector\x01l452"
    ((metric, _, _),) = list_stacks(read([[ROOT, loop, select, "epoll.poll\0<built-in>\x000"], 0.1]))
    assert metric is Metric.IDLE


def test_captured_waits_are_told_from_work():
    profile = read_capture("waits.json")
    spent = {s.metric: sum(s.value) / 1e9 for s in profile.samples}
    session = json.loads((CAPTURES / "waits.json").read_text("utf-8"))
    assert spent[Metric.WAITING] == pytest.approx(0.1, abs=0.02)  # a sleep and an event of 50 ms each
    assert spent[Metric.IDLE] == pytest.approx(0.1, abs=0.03)  # the loop, twice 50 ms
    assert spent[Metric.CPU] == pytest.approx(session["cpu_time"], abs=0.05)
    assert sum(spent.values()) == pytest.approx(sum(seconds for _, seconds in session["frame_records"]))
    names = {(frame.name, frame.file) for frame in profile.frames}
    assert {("Squares.total", "/srv/app/waits.py"), ("made", "<generated>"), ("fetch", "/srv/app/waits.py")} <= names


def test_captured_awaits_keep_their_callers():
    waiting = [frames for metric, frames, _ in list_stacks(read_capture("awaits.json")) if metric is Metric.WAITING]
    assert [frame.name for frame in waiting[-1]][-3:] == ["serve", "fetch", "sleep"]
    assert waiting[-1][-1].file.endswith("asyncio/tasks.py")


def test_a_session_that_breaks_off_is_kept_as_far_as_it_goes():
    text = (CAPTURES / "waits.json").read_text("utf-8")
    whole = read_capture("waits.json")
    for cut in (len(text) - 1, len(text) * 2 // 3, len(text) // 2):
        profile = read_text(text[:cut])
        assert profile.truncated
        assert 0 < profile.ticks <= whole.ticks
    assert read_text("").truncated
    assert read_text(text[:40]).truncated


def test_a_large_session_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("whet.formats._json_stream._CHUNK", 7)
    text = (CAPTURES / "awaits.json").read_text("utf-8")
    whole = read_capture("awaits.json")
    assert list_stacks(read_text(text)) == list_stacks(whole)
    assert read_text('{"frame_records": [], "sample_count": 12345678901}').ticks == 12345678901


def test_one_value_too_large_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("whet.formats._json_stream._CHUNK", 10)
    monkeypatch.setattr("whet.formats._json_stream.MAX_PIECE", 100)
    with pytest.raises(FormatError, match="too large"):
        read([["f" * 200], 1])


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        [[MAIN]],
        [[MAIN], "1"],
        [[MAIN], None],
        [[MAIN], -1],
        [[MAIN], 1e300],
        [[MAIN], float("nan")],
        [[7], 1],
        ["x", 1],
        [["main"], 1],
        [["main\0/a.py"], 1],
        [["main\0/a.py\0x"], 1],
        [["main\0/a.py\0-1"], 1],
    ],
)
def test_a_wrong_record_is_named(record: object):
    with pytest.raises(FormatError) as caught:
        read([[MAIN], 0.1], record)
    assert caught.value.where == "record 2"


def test_more_time_than_there_can_be_is_refused():
    with pytest.raises(FormatError, match="more than any program"):
        read(*[[[MAIN], 1e9]] * 10)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "7",
        '{"duration": 1}',
        "{}",
        '{"frame_records": {}}',
        "nonsense nonsense nonsense",
        '{"a" 1, "b": 2}' + " " * 99,
    ],
)
def test_what_is_no_session_is_refused(text: str):
    with pytest.raises(FormatError):
        read_text(text)


def test_deep_nesting_is_refused():
    with pytest.raises(FormatError):
        read_text('{"x": ' + "[" * 200_000)


def test_wrong_figures_beside_the_records_do_no_harm():
    for count in (-5, 1e400, 10**400, float("nan"), "x", None):
        assert read([[MAIN], 0.1], sample_count=count).ticks == 1


@given(
    st.recursive(
        st.none() | st.floats() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_gives_a_profile_or_a_format_error(value: object):
    for text in (
        json.dumps(value),
        json.dumps({"frame_records": value}),
        json.dumps({"frame_records": [[["f"], value]]}),
    ):
        try:
            read_text(text)
        except FormatError as error:
            assert error.message


@given(st.binary(max_size=60))
def test_any_bytes_give_a_profile_or_a_format_error(data: bytes):
    for raw in (data, b'{"frame_records": [' + data):
        try:
            list(PyinstrumentSession().read(io.BytesIO(raw)))
        except FormatError as error:
            assert error.message
