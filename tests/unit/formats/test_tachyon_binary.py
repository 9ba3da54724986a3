from __future__ import annotations

import io
import struct
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from whet.collect.tachyon import list_captures
from whet.errors import FormatError
from whet.formats.tachyon_binary import Capture, TachyonBinary
from whet.model.metric import Metric
from whet.model.profile import Profile

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/tachyon-3.15.2"
STRINGS_AT, COMPRESSION_AT, SAMPLES_AT = 40, 56, 28
reads_zstd = sys.version_info >= (3, 14) or (find_spec("backports") and find_spec("backports.zstd")) is not None


def number(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def record(kind: int, body: bytes, tid: int = 7) -> bytes:
    return struct.pack("<QIB", tid, 0, kind) + body


def make(
    *records: bytes, samples: int | None = None, order: str = "<", strings: tuple[str, ...] = ("/a.py", "f")
) -> bytes:
    """Return a capture at 1 kHz with one frame a string: string n, called string 1, at line n + 1."""
    body = b"".join(records)
    strings_at = 64 + len(body)
    table = b"".join(number(len(each.encode())) + each.encode() for each in strings)
    frames = b"".join(number(n) + number(1) + number(2 * (n + 1)) + b"\0\0\0\xff" for n in range(len(strings)))
    head = struct.pack(
        f"{order}II4sQQQIQQII",
        0x54414348,
        1,
        b"\3\x0f\2\0",
        0,
        1_000,
        len(records) if samples is None else samples,
        1,
        strings_at,
        strings_at + len(table),
        0,
        0,
    )
    size = len(head) + len(body) + len(table) + len(frames) + 32
    return head + body + table + frames + struct.pack(f"{order}IIQ16x", len(strings), len(strings), size)


def read(data: bytes) -> Profile:
    (profile,) = TachyonBinary().read(io.BytesIO(data))
    return profile


def read_file(name: str) -> Profile:
    return read((CAPTURES / name).read_bytes())


def list_stacks(profile: Profile) -> dict[tuple[Metric, int, tuple[str, ...]], int]:
    """Return nanoseconds by metric, thread id and the files of the stack, innermost first."""
    return {
        (
            entry.metric,
            profile.threads[entry.thread].tid,
            tuple(profile.frames[profile.stacks.frame[step]].file for step in profile.stacks.walk(row)),
        ): value
        for entry in profile.samples
        for row, value in zip(entry.stack, entry.value, strict=True)
    }


def test_stacks_follow_from_the_ones_before():
    strings = ("/a.py", "/b.py", "/c.py")
    profile = read(
        make(
            record(1, number(5) + b"\2" + number(2) + b"\0\1"),  # a called by b
            record(3, number(5) + b"\2" + number(1) + number(1) + b"\2"),  # c called by b
            record(2, number(5) + b"\2" + number(1) + number(2) + b"\0\2"),  # a called by c called by b
            record(0, number(3) + (number(1_000) + b"\2") * 3),
            samples=6,
            strings=strings,
        )
    )
    assert list_stacks(profile) == {
        (Metric.CPU, 7, ("/a.py", "/b.py")): 1_000_000,
        (Metric.CPU, 7, ("/c.py", "/b.py")): 1_000_000,
        (Metric.CPU, 7, ("/a.py", "/c.py", "/b.py")): 4_000_000,
    }


@pytest.mark.parametrize(
    ("state", "metric"),
    [
        (2, Metric.CPU),  # on a processor
        (2 | 8, Metric.CPU),
        (1, Metric.WAITING),  # holds the GIL, and sleeps in C code
        (0, Metric.WAITING),
        (4 | 1, Metric.CPU),  # it was not looked up where it is
        (4, Metric.WAITING),
        (8, None),  # in line for the GIL
    ],
)
def test_the_state_of_a_thread_says_what_its_sample_is(state: int, metric: Metric | None):
    profile = read(make(record(1, number(5) + bytes([state]) + number(1) + b"\0")))
    assert [entry.metric for entry in profile.samples] == ([metric] if metric else [])


def test_a_thread_without_a_frame_is_seen():
    profile = read(make(record(1, number(5) + b"\2" + number(0))))
    assert [frame.name for frame in profile.frames if not frame.file] == ["<no Python frame>"]
    assert sum(profile.samples[0].value) == 1_000_000


def test_captures_of_the_other_byte_order_are_read():
    data = make(order=">")
    assert read(data).samples == ()
    assert read(data).collector == "tachyon 3.15.2"


def test_the_rate_that_was_reached_counts_and_not_the_one_that_was_asked_for():
    data = make(record(1, number(5) + b"\2" + number(1) + b"\0"))
    stats = struct.pack("<ddddII8sII", 2.0, 10.0, 0.0, 0.0, 3, 0, b"TACHSTAT", 1, 56)
    profile = read(data[:-32] + stats + data[-32:])
    assert profile.period_ns == 100_000_000
    assert profile.ticks == 20
    assert sum(profile.samples[0].value) == 100_000_000


def test_a_recorded_program_with_threads_and_children():
    with_files = [(path.open("rb"), pid, command) for path, pid, command in list_captures(CAPTURES, 26802)]
    (profile,) = TachyonBinary().read_all(Capture(*each) for each in with_files)
    for file, *_ in with_files:
        file.close()
    computed: dict[int, float] = {}
    for entry in profile.samples:
        if entry.metric is Metric.CPU:
            pid = profile.threads[entry.thread].pid
            computed[pid] = computed.get(pid, 0.0) + sum(entry.value) / 1e9
    # Two threads for a second together, then two children and the program itself for half a second each.
    assert computed == pytest.approx({26802: 1.5, 26847: 0.02, 26848: 0.5, 26850: 0.5}, abs=0.03)
    assert {thread.process for thread in profile.threads if thread.pid == 26850} == {'python3.15 busy.py x;y "q"'}
    assert [thread.tid for thread in profile.threads if thread.name == "MainThread"] == [26802, 26847, 26848, 26850]
    files = {frame.file for frame in profile.frames}
    assert {"/srv/app/busy.py", "/srv/app/x (copy);y/mod.py", "<generated; code (1)>", "two\nlines.py"} <= files
    assert "größe" in {frame.name for frame in profile.frames}


def test_sleepers_are_told_from_those_that_compute():
    profile = read_file("waits.bin")
    names = {
        (entry.metric, profile.frames[profile.stacks.frame[row]].name)
        for entry in profile.samples
        for row in entry.stack
    }
    assert (Metric.WAITING, "main") in names  # time.sleep
    assert (Metric.WAITING, "Condition.wait") in names
    assert (Metric.CPU, "fib") in names
    assert not [name for metric, name in names if metric is Metric.WAITING and name in {"fib", "made"}]


@pytest.mark.skipif(not reads_zstd, reason="this Python has no zstd")
def test_compressed_captures_are_read():
    profile = read_file("busy-cpu-zstd.bin")
    assert {entry.metric for entry in profile.samples} == {Metric.CPU}
    assert any(frame.file == "/srv/app/busy.py" for frame in profile.frames)


@pytest.mark.skipif(not reads_zstd, reason="this Python has no zstd")
def test_a_damaged_compressed_capture_is_refused():
    data = bytearray((CAPTURES / "busy-cpu-zstd.bin").read_bytes())
    data[70:90] = bytes(20)
    with pytest.raises(FormatError) as caught:
        read(bytes(data))
    assert caught.value.where


@pytest.mark.skipif(reads_zstd, reason="this Python has zstd")
def test_compressed_captures_are_refused_with_a_way_out():
    with pytest.raises(FormatError, match="zstd") as caught:
        read_file("busy-cpu-zstd.bin")
    assert "--compression none" in caught.value.hint


WHOLE = make(record(1, number(5) + b"\2" + number(1) + b"\0"))


def change(at: int, form: str, value: int) -> bytes:
    data = bytearray(WHOLE)
    struct.pack_into(form, data, at, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no capture of Tachyon"),
        (bytes(96), "ended before it completed"),
        (change(4, "<I", 2), "version 2"),
        (change(20, "<Q", 0), "an interval of 0"),
        (change(STRINGS_AT, "<Q", 10**9), "outside"),
        (change(COMPRESSION_AT, "<I", 9), r"not known \(9\)"),
        (change(SAMPLES_AT, "<Q", 2), "1 samples where 2 were announced"),
        (change(len(WHOLE) - 32, "<I", 2**31), "more strings"),
        (change(len(WHOLE) - 32, "<I", 1), "a name or line that cannot be"),
        (make(record(0, number(2) + b"\0\0" * 2)), "repeated that was not there"),
        (make(record(9, b"\0\0")), "a kind that is not known"),
        (make(record(3, number(5) + b"\2" + number(3) + number(0))), "more frames end"),
        (make(record(2, number(5) + b"\2" + number(3) + number(0))), "more frames end"),
        (make(record(1, number(5) + b"\2" + number(1) + number(77))), "not in the table"),
        (make(record(1, number(5) + b"\2" + number(2**40) + b"\0")), "a stack of more than"),
        (make(record(1, number(5) + b"\2" + number(9) + b"\0")), "breaks off"),
        (make(record(1, b"\xff" * 20)), "more than 64 bits"),
        (make(b"\0" * 5), "breaks off"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(data: bytes, why: str):
    with pytest.raises(FormatError, match=why) as caught:
        read(data)
    assert caught.value.where
