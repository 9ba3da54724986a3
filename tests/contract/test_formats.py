"""What every profile format holds to, whoever brings it."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from whet.errors import FormatError
from whet.formats.api import ProfileFormat
from whet.formats.unpack import open_unpacked, read_head
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile
from whet.plugins import Group, find_plugins

CAPTURES = Path(__file__).parents[2] / "fixtures/captures"
SAMPLES = {
    "pyspy-raw": ("py-spy-0.4.3/busy.raw", "py-spy-0.4.3/native.raw", "py-spy-0.4.3/idle.raw"),
    "pyinstrument": ("pyinstrument-5.1.3/waits.json", "pyinstrument-5.1.3/awaits.json"),
    "tachyon": ("tachyon-3.15.2/busy-wall.bin", "tachyon-3.15.2/tachyon.bin", "tachyon-3.15.2/waits.bin"),
    "memray": ("memray-1.20.0/grows-plain.jsonl", "memray-1.20.0/grows-pyalloc.jsonl"),
    "whet-lines": ("line_profiler-5.1.0/counts-exact.json",),
    "callgrind": ("foreign/yappi-1.7.6/cpu.callgrind",),
    "chrome": ("foreign/py-spy-0.4.3/subprocesses.chrometrace.json", "foreign/viztracer-1.1.1/app.json"),
    "collapsed": (
        "foreign/py-spy-0.4.3/plain.raw",
        "foreign/tachyon-3.15.2/native.collapsed",
        "foreign/austin-4.0.0/wall.collapsed.txt",
        "foreign/perf-6.1-python-3.14.10/perf.collapsed.txt",
    ),
    "dask": ("foreign/dask-2026.8.0/tasks.json",),
    "flamegraph": ("foreign/py-spy-0.4.3/threads.flamegraph.svg",),
    "lprof": ("foreign/line_profiler-5.1.0/absolute.lprof",),
    "pprof": ("foreign/pyroscope-io-1.4.0/cpu.pprof", "foreign/google-cloud-profiler-4.1.0/wall.pprof"),
    "pstats": ("foreign/tachyon-3.15.2/run.pstats", "foreign/cprofile-3.14.10/run.prof"),
    "scalene": ("foreign/scalene-2.4.0/memory.json",),
    "speedscope": (
        "foreign/py-spy-0.4.3/threads.speedscope.json",
        "foreign/memray-1.20.0/peak.speedscope.json",
        "foreign/pyinstrument-5.1.3/run.speedscope.json",
    ),
    "tachyon-jsonl": ("foreign/tachyon-3.15.2/run.jsonl",),
}
LINES = {"pyspy-raw", "collapsed", "memray", "pyinstrument"}
"""Formats of which a part is of use: all others are complete or refused."""
PROGRAMS = ("/srv/app/", "day end.py", "shapes.py", "/day google.py", "<dynamic-code>")
NAMES = sorted(find_plugins(Group.FORMATS))
RECORDED = [(name, capture) for name in NAMES for capture in SAMPLES.get(name, ())]
FIRST = [(name, SAMPLES[name][0]) for name in NAMES if name in SAMPLES]
"""One capture of each format: they are read dozens of times, damaged."""
HOSTILE = [
    b"\0",
    b"\xff\xfe" * 50,
    b"\x1f\x8b" + b"\0" * 40,
    b"[" * 50_000,
    b"{" * 50_000,
    b"9" * 10_000,
    b"\n" * 1000,
    b'{"a": ',
    b"a;b;c nan\n",
    b'process 1:"x";thread (1);f (/a.py:1) 1e9\n',
    "\u202eé\ud800".encode("utf-8", "surrogatepass"),
]


def make(name: str) -> ProfileFormat:
    factory = find_plugins(Group.FORMATS)[name].load()
    assert callable(factory)
    made = factory()
    assert isinstance(made.name, str)
    return made


def read(name: str, data: bytes) -> list[Profile]:
    return list(make(name).read(open_unpacked(io.BytesIO(data))))


def check(profile: Profile) -> None:
    """Hold a profile to what the model says of it."""
    rows = len(profile.stacks)
    assert len(profile.stacks.parent) == len(profile.stacks.frame) == rows
    assert all(ROOT <= parent < row for row, parent in enumerate(profile.stacks.parent))
    assert all(0 <= frame < len(profile.frames) for frame in profile.stacks.frame)
    assert len(set(zip(profile.stacks.parent, profile.stacks.frame, strict=True))) == rows
    assert len(set(profile.frames)) == len(profile.frames)
    assert all(frame.line >= 0 and frame.first_line >= 0 for frame in profile.frames)
    seen = set()
    for samples in profile.samples:
        assert isinstance(samples.metric, Metric)
        assert 0 <= samples.thread < len(profile.threads)
        assert (samples.metric, samples.thread) not in seen
        seen.add((samples.metric, samples.thread))
        assert len(samples.stack) == len(samples.value) == len(set(samples.stack))
        assert all(0 <= row < rows for row in samples.stack)
        assert all(value >= 0 for value in samples.value)
        assert samples.count >= 0
    assert all(count.line > 0 and count.hits >= 0 for count in profile.lines)
    assert profile.collector


def list_values(profile: Profile) -> dict[tuple[object, ...], int]:
    return {
        (
            samples.metric,
            profile.threads[samples.thread],
            *(profile.frames[profile.stacks.frame[r]] for r in steps),
        ): value
        for samples in profile.samples
        for row, value in zip(samples.stack, samples.value, strict=True)
        for steps in [list(profile.stacks.walk(row))]
    }


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_format_under_its_own_name(name: str):
    made = make(name)
    assert made.name == name
    assert list(inspect.signature(made.recognizes).parameters) == ["head"]
    assert list(inspect.signature(made.read).parameters) == ["file"]
    assert list(inspect.signature(made.write).parameters) == ["profile", "sink"]


@pytest.mark.parametrize(("name", "capture"), RECORDED)
def test_a_recorded_capture_makes_a_sound_profile(name: str, capture: str):
    (profile,) = read(name, (CAPTURES / capture).read_bytes())
    check(profile)
    assert profile.samples or profile.lines
    assert not profile.truncated
    assert any(program in each.file for program in PROGRAMS for each in (*profile.frames, *profile.lines))


@pytest.mark.parametrize(("name", "capture"), RECORDED)
def test_a_recorded_capture_is_recognized_by_its_format_alone(name: str, capture: str):
    head = read_head(io.BytesIO((CAPTURES / capture).read_bytes()))
    others = {other for other in NAMES if make(other).recognizes(head)}
    # What whet makes for itself is never given by a user, and what py-spy writes for it are collapsed stacks too.
    assert others == {"memray": set(), "whet-lines": set(), "pyspy-raw": {"collapsed"}}.get(name, {name})


@pytest.mark.parametrize(("name", "capture"), RECORDED)
def test_reading_twice_gives_the_same(name: str, capture: str):
    data = (CAPTURES / capture).read_bytes()
    assert read(name, data) == read(name, data)


@pytest.mark.parametrize(("name", "capture"), RECORDED)
def test_what_is_written_reads_back(name: str, capture: str):
    (profile,) = read(name, (CAPTURES / capture).read_bytes())
    sink = io.BytesIO()
    try:
        make(name).write(profile, sink)
    except FormatError as error:
        assert error.hint
        assert sink.getvalue() == b""
        return
    (again,) = read(name, sink.getvalue())
    check(again)
    keeps = getattr(make(name), "keeps", None)
    if keeps is not None and not (keeps.stacks and keeps.lines):
        return
    # Line breaks in names are the one thing that a format of lines may replace.
    # Quantities that it does not keep are told to the user by name: see ``Keeps``.
    kept = [each for each in profile.samples if keeps is None or each.metric in keeps.metrics]
    profile = replace(profile, samples=kept)
    if not any("\n" in frame.file for frame in profile.frames) and not any("\n" in t.process for t in profile.threads):
        assert list_values(again) == list_values(profile)
    assert sorted(list_values(again).values()) == sorted(list_values(profile).values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: ascii(data[:20]))
def test_hostile_input_is_refused_or_harmless(name: str, data: bytes):
    try:
        profiles = read(name, data)
    except FormatError as error:
        assert str(error).isprintable()
    else:
        for profile in profiles:
            check(profile)
            assert profile.truncated or not profile.samples


def cut(data: bytes) -> Iterator[bytes]:
    for tenth in range(1, 10):
        yield data[: len(data) * tenth // 10]


@pytest.mark.parametrize(("name", "capture"), FIRST)
def test_a_capture_that_breaks_off_is_kept_or_refused(name: str, capture: str):
    kept = 0
    for part in cut((CAPTURES / capture).read_bytes()):
        try:
            (profile,) = read(name, part)
        except FormatError as error:
            assert error.where
        else:
            check(profile)
            # Cut at the very end of a line, a format of lines cannot tell.
            assert profile.truncated or part.endswith(b"\n")
            kept += 1
    assert bool(kept) is (name in LINES)


@pytest.mark.parametrize(("name", "capture"), FIRST)
def test_a_damaged_capture_is_read_or_refused(name: str, capture: str):
    data = (CAPTURES / capture).read_bytes()
    for start in range(0, len(data), max(1, len(data) // 25)):
        broken = data[:start] + b'\xff\x00{[(;"' + data[start + 7 :]
        try:
            for profile in read(name, broken):
                check(profile)
        except FormatError as error:
            assert error.where
