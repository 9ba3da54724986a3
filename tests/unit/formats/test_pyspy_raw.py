from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.errors import FormatError
from whet.formats.pyspy_raw import PySpyRaw
from whet.model.frame import NO_FRAME, Frame
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples, StackTable, Thread

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/py-spy-0.4.3"
HEAD = b'process 12:"python app.py";thread (13): MainThread;'


def read(data: bytes, **settings: object) -> Profile:
    (profile,) = PySpyRaw(**settings).read(io.BytesIO(data))
    return profile


def read_capture(name: str) -> Profile:
    with (CAPTURES / name).open("rb") as file:
        (profile,) = PySpyRaw(rate=50).read(file)
    return profile


def list_stacks(profile: Profile) -> dict[tuple[object, ...], int]:
    """Return values by (pid, tid) and stack, outermost first."""
    found = {}
    for samples in profile.samples:
        thread = profile.threads[samples.thread]
        for row, value in zip(samples.stack, samples.value, strict=True):
            stack = [profile.frames[profile.stacks.frame[step]] for step in profile.stacks.walk(row)]
            key = (thread.pid, thread.tid, *((f.name, f.file, f.line) for f in reversed(stack)))
            assert key not in found
            found[key] = value
    return found


def test_counts_become_nanoseconds_of_the_period():
    profile = read(HEAD + b"<module> (/srv/a.py:3);f (/srv/a.py:1) 7\n", rate=200)
    assert list_stacks(profile) == {
        (12, 13, ("<module>", "/srv/a.py", 3), ("f", "/srv/a.py", 1)): 7 * 5_000_000,
    }
    assert profile.samples[0].metric is Metric.CPU
    assert (profile.period_ns, profile.ticks, profile.samples[0].count, profile.truncated) == (5_000_000, 7, 7, "")
    assert profile.threads == (Thread(12, 13, "MainThread", "python app.py"),)


def test_captures_that_follow_one_another_are_one_profile():
    first, then = HEAD + b"f (/a.py:1) 7\n", HEAD + b"f (/a.py:1) 2\n" + HEAD + b"g (/a.py:9) 1\n"
    (profile,) = PySpyRaw(rate=100).read_all([(io.BytesIO(first), 1), (io.BytesIO(then), 10)])
    assert list_stacks(profile) == {
        (12, 13, ("f", "/a.py", 1)): (7 + 20) * 10_000_000,
        (12, 13, ("g", "/a.py", 9)): 10 * 10_000_000,
    }
    # What backs the figures are looks, however long each stands for.
    assert (profile.samples[0].count, profile.ticks, profile.truncated) == (10, 10, "")


def test_a_capture_that_is_empty_spoils_none_that_is_not():
    (profile,) = PySpyRaw().read_all([(io.BytesIO(HEAD + b"f (/a.py:1) 7\n"), 1), (io.BytesIO(b""), 10)])
    assert profile.truncated == ""
    (profile,) = PySpyRaw().read_all([(io.BytesIO(b""), 1), (io.BytesIO(b""), 10)])
    assert profile.truncated == "the capture is empty"


def test_what_the_interpreter_puts_before_a_constructor_is_no_frame():
    shim = b"__init__ (__init__)"
    profile = read(
        HEAD + b"f (/a.py:1);" + shim + b";__init__ (/lib/b.py:2) 3\n"
        + HEAD + b"f (/a.py:1);" + shim + b" 2\n" + HEAD + shim + b" 1\n"
    )  # fmt: skip
    assert list_stacks(profile) == {
        (12, 13, ("f", "/a.py", 1), ("__init__", "/lib/b.py", 2)): 30_000_000,
        (12, 13, ("f", "/a.py", 1)): 20_000_000,
        (12, 13, (NO_FRAME.name, NO_FRAME.file, 0)): 10_000_000,
    }


def test_another_metric_is_taken_as_told():
    assert read(HEAD + b"f (/a.py:1) 2\n", metric=Metric.WAITING).samples[0].metric is Metric.WAITING


def test_equal_prefixes_share_rows_and_equal_stacks_add_up():
    line = HEAD + b"f (/a.py:1);g (/a.py:2) 2\n"
    profile = read(line + HEAD + b"f (/a.py:1);h (/a.py:3) 1\n" + line)
    assert len(profile.frames) == len(profile.stacks) == 3
    assert sorted(list_stacks(profile).values()) == [10_000_000, 40_000_000]
    assert all(parent < row for row, parent in enumerate(profile.stacks.parent))


def test_deep_stacks_meet_at_the_same_rows_wherever_they_part():
    deep = [b"f%d (/a.py:%d)" % (i, i + 1) for i in range(40)]
    lines = [HEAD + b";".join(deep[:depth]) + b" 1\n" for depth in (40, 1, 8, 9, 39, 16, 17)]
    profile = read(b"".join(lines))
    assert len(profile.stacks) == len(profile.frames) == 40


def test_busy_capture_has_its_processes_and_threads():
    profile = read_capture("busy.raw")
    names = {thread.name for thread in profile.threads}
    assert {"MainThread", "Thread-1 (work)", 'a;b (x) "q"'} <= names
    main = next(thread for thread in profile.threads if thread.process.endswith('busy.py x;y "q";thread (1);'))
    children = {thread.pid for thread in profile.threads} - {main.pid}
    assert len(children) >= 2
    assert any("spawn_main" in thread.process for thread in profile.threads)
    assert len({(thread.pid, thread.tid) for thread in profile.threads}) == len(profile.threads)


def test_busy_capture_keeps_hard_names():
    frames = {(frame.name, frame.file) for frame in read_capture("busy.raw").frames}
    assert ("spin", "/srv/app/x (copy);y/mod.py") in frames
    assert ("größe", "/srv/app/busy.py") in frames
    assert ("made.<locals>.<genexpr>", "<generated; code (1)>") in frames
    assert ("broken.<locals>.<genexpr>", "two\nlines.py") in frames
    assert not any(file.startswith("/srv/app/x") and not file.endswith("mod.py") for _, file in frames)


def test_busy_capture_counts_every_sample():
    text = (CAPTURES / "busy.raw").read_text("utf-8")
    # A line that ends a record ends in a count; the one inside a name never does.
    counts = sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.rsplit(" ", 1)[-1].isdigit())
    assert sum(samples.count for samples in read_capture("busy.raw").samples) == counts


def test_busy_capture_recursion_is_a_chain():
    profile = read_capture("busy.raw")
    depth = max(
        sum(profile.frames[profile.stacks.frame[step]].name == "deep" for step in profile.stacks.walk(row))
        for samples in profile.samples
        for row in samples.stack
    )
    assert depth == 21


def test_native_capture_of_a_command_line_with_line_breaks():
    profile = read_capture("native.raw")
    assert {thread.process.count("\n") for thread in profile.threads} == {5}
    files = {frame.file for frame in profile.frames}
    assert any(file.endswith("libc.so.6") for file in files)
    assert any(frame.name == "spin" and frame.line > 0 for frame in profile.frames)


def test_idle_capture_is_read():
    assert any(frame.name == "main" and frame.file.endswith("waits.py") for frame in read_capture("idle.raw").frames)


@pytest.mark.parametrize(
    ("frame", "name", "file", "line"),
    [
        (b"operator() (/lib/a.so)", "operator()", "/lib/a.so", 0),
        (b"std::function<void (int)>::operator() (liba.so)", "std::function<void (int)>::operator()", "liba.so", 0),
        (b"f (C:\\x (y)\\a.py:12)", "f", "C:\\x (y)\\a.py", 12),
        (b"f (my (x)/a.py:12)", "f", "my (x)/a.py", 12),
        (b"f (<frozen site>:4)", "f", "<frozen site>", 4),
        (b"a;b (/a.py:3)", "a;b", "/a.py", 3),
        (b"f (/a;b.py:3)", "f", "/a;b.py", 3),
        (b"f (/a.py:99999999999999999999)", "f", "/a.py:99999999999999999999", 0),
        (b"f (/\xff.py:3)", "f", "/\udcff.py", 3),
    ],
)
def test_frames_are_taken_apart(frame: bytes, name: str, file: str, line: int):
    profile = read(HEAD + b"main (/m.py:1);" + frame + b" 1\n")
    assert next(iter(list_stacks(profile)))[2:] == (("main", "/m.py", 1), (name, file, line))


def test_child_processes_are_named_by_the_innermost():
    data = b'process 1:"sh";process 2:"python x;y";thread (0x7F): T-1;f (/a.py:1) 3\n'
    assert read(data).threads == (Thread(2, 0x7F, "T-1", "python x;y"),)


def test_a_thread_that_is_named_later_is_one_thread():
    data = b'process 1:"p";thread (5);f (/a.py:1) 3\nprocess 1:"p";thread (5): late;f (/a.py:1) 4\n'
    profile = read(data)
    assert profile.threads == (Thread(1, 5, "late", "p"),)
    assert list_stacks(profile) == {(1, 5, ("f", "/a.py", 1)): 70_000_000}


def test_a_thread_without_a_frame_keeps_its_time():
    profile = read(b'process 1:"p";thread (5) 3\n')
    assert profile.frames == (NO_FRAME,)
    assert list(profile.samples[0].value) == [30_000_000]


def test_stacks_without_processes_and_threads_are_read():
    profile = read(b"f (/a.py:1);g (/a.py:2) 3\n\nf (/a.py:1) 1\n")
    assert profile.threads == (Thread(0, 0),)
    assert sum(profile.samples[0].value) == 40_000_000


def test_a_cut_off_last_record_is_left_out_and_told():
    whole = HEAD + b"f (/a.py:1) 3\n"
    for cut in (
        HEAD + b"g (/a.py:1) 15",
        HEAD + b"g (/a",
        b"proc",
        b'process 3:"python -c import sys\n',
        b'process 3:"python -c x";thread (3);f (two\n',
    ):
        profile = read(whole + cut)
        assert list_stacks(profile) == {(12, 13, ("f", "/a.py", 1)): 30_000_000}
        assert profile.truncated.startswith("the last record, at line 2,")


def test_an_empty_capture_says_so():
    profile = read(b"")
    assert (profile.samples, profile.truncated) == ((), "the capture is empty")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (HEAD + b"f (/a.py:1) x", "no count"),
        (HEAD + b"f (/a.py:1) -4", "no count"),
        (HEAD + b"f (/a.py:1) 99999999999999", "no count"),
        (HEAD + b"f (/a.py:1) " + "٣".encode(), "no count"),
        (HEAD + b"f (/a.py:1)", "no count"),
        (HEAD + b"f (/a.py:1);;g (/a.py:1", "no count"),
        (b'process 7:"x" 4', "without a thread"),
        (b'process 7:"x";thread (?);f (/a.py:1) 4', "no thread"),
    ],
)
def test_a_wrong_record_is_named_by_its_line(line: bytes, why: str):
    good = HEAD + b"f (/a.py:1) 3\n"
    with pytest.raises(FormatError, match=why) as caught:
        read(good + line + b"\n" + good)
    assert caught.value.where == "line 2"


def test_a_process_without_a_number_is_refused():
    with pytest.raises(FormatError, match="no process"):
        read(b'process x:"x";thread (7);f (/a.py:1) 4\n')


def test_counts_that_no_program_can_have_are_refused():
    with pytest.raises(FormatError, match="more than any program"):
        read(HEAD + b"f (/a.py:1) 1099511627776\n")


@pytest.mark.parametrize("data", [b"\x00\xff\xfe 1\n", b" 5\n", b"hello world\n", b"f 3\n", b"\x1f\x8b\x08\x00\n\n"])
def test_what_is_no_capture_is_refused(data: bytes):
    with pytest.raises(FormatError) as caught:
        read(data + b"f (/a.py:1) 3\n")
    assert caught.value.where == "line 1"


def test_a_huge_record_is_refused_before_it_is_held(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("whet.formats.pyspy_raw.MAX_RECORD", 1000)
    with pytest.raises(FormatError, match="more than") as caught:
        read(HEAD + b"f (/a.py:1) 3\n" + HEAD + b"f (/a.py:1);" * 100 + b" 1\n")
    assert caught.value.where == "line 2"


def test_records_are_not_remembered_without_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("whet.formats.pyspy_raw._CACHED_BYTES", 0)
    lines = [HEAD + b"f (/a.py:%d) 1\n" % (i % 3 + 1) for i in range(30)]
    assert sorted(list_stacks(read(b"".join(lines))).values()) == [100_000_000] * 3


@given(st.binary(max_size=200))
def test_any_bytes_give_a_profile_or_a_format_error(data: bytes):
    for text in (data, HEAD + data, HEAD + b"f (/a.py:1) 1\n" + data + b"\n"):
        try:
            profile = read(text)
        except FormatError as error:
            assert error.where.startswith("line ")
        else:
            assert all(0 <= row < len(profile.stacks) for samples in profile.samples for row in samples.stack)


NAMES = st.text(st.characters(blacklist_characters=";()\n\r\x00", blacklist_categories=("Cs",)), min_size=1).filter(
    lambda text: text == text.strip()
)


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(NAMES, NAMES, st.integers(0, 10**6)), min_size=1, max_size=12), st.integers(1, 10**9)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_written_reads_back(stacks: list[tuple[list[tuple[str, str, int]], int]]):
    lines = []
    for stack, count in stacks:
        labels = [f"{name} (/{file}{f':{line}' if line else ''})" for name, file, line in stack]
        lines.append(HEAD + ";".join(labels).encode() + b" %d\n" % count)
    first = read(b"".join(lines))
    sink = io.BytesIO()
    PySpyRaw().write(first, sink)
    second = read(sink.getvalue())
    assert list_stacks(second) == list_stacks(first)
    assert second.threads == first.threads


def test_captures_write_and_read_back():
    first = read_capture("idle.raw")
    sink = io.BytesIO()
    PySpyRaw(rate=50).write(first, sink)
    (second,) = PySpyRaw(rate=50).read(io.BytesIO(sink.getvalue()))
    assert list_stacks(second) == list_stacks(first)


def test_writing_never_breaks_a_line():
    frame = Frame("/a\nb.py", "f\r\ng", 3)
    profile = Profile("x", (frame,), StackTable((-1,), (0,)), (Thread(1, 2, "t\nu", "p\n"),), period_ns=10_000_000)
    samples = Samples(Metric.CPU, 0, (0,), (20_000_000,), 2)
    sink = io.BytesIO()
    PySpyRaw().write(
        Profile(profile.collector, profile.frames, profile.stacks, profile.threads, (samples,), (), 10_000_000), sink
    )
    assert sink.getvalue().count(b"\n") == 1
    assert list(list_stacks(read(sink.getvalue())).values()) == [20_000_000]


def test_other_metrics_are_not_written():
    samples = Samples(Metric.PEAK, 0, (0,), (20,), 2)
    sink = io.BytesIO()
    PySpyRaw().write(Profile("x", (Frame("a", "f"),), StackTable((-1,), (0,)), (Thread(1, 2),), (samples,)), sink)
    assert sink.getvalue() == b""


def test_a_frame_of_a_code_object_that_was_gone_costs_its_record_only():
    torn = b"<module> (/srv/app.py:9);/usr/lib/python3.12/warnings.py (warnings) 1\n"
    whole = b"<module> (/srv/app.py:9);work (/srv/app.py:4) 3\n/srv/x.py (/srv/my app.py:2) 1\n"
    (profile,) = PySpyRaw(lenient=True).read(io.BytesIO(torn + whole))
    assert [frame.name for frame in profile.frames] == ["<module>", "work", "/srv/x.py"]
    assert "1 of its records" in profile.truncated
