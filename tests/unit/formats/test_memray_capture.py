"""Captures of memray itself, which memray reads in a process of its own: what it says of them is what comes out."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from whet.errors import FormatError
from whet.formats import memray_capture
from whet.formats.memray_capture import MemrayCapture
from whet.model.metric import Metric
from whet.model.profile import Profile

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/foreign/memray-1.20.0"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="memray is not on Windows")


def read(data: bytes) -> Profile:
    (profile,) = MemrayCapture().read(io.BytesIO(data))
    return profile


def total(profile: Profile, metric: Metric) -> int:
    return sum(sum(each.value) for each in profile.samples if each.metric is metric)


def test_allocations_and_the_peak_are_those_that_memray_counts() -> None:
    profile = read((CAPTURES / "run.bin").read_bytes())
    # What `memray stats` says of the same file.
    assert total(profile, Metric.ALLOCATED) == 31_072_008
    assert total(profile, Metric.ALLOCATIONS) == 2_565
    assert total(profile, Metric.PEAK) == profile.peak_bytes == 18_871_529
    assert ("/tmp/app/my lib/shapes.py", "fill", 22) in {(f.file, f.name, f.line) for f in profile.frames}
    assert profile.missing == ("time",)


def test_an_aggregated_capture_has_the_peak_and_says_that_it_has_no_more() -> None:
    profile = read((CAPTURES / "aggregate.bin").read_bytes())
    assert {each.metric for each in profile.samples} == {Metric.PEAK}
    assert total(profile, Metric.PEAK) == 18_871_529
    assert any(each.startswith("allocated bytes") for each in profile.missing)


def test_what_memray_refuses_is_refused_with_its_reason() -> None:
    with pytest.raises(FormatError, match="memray cannot read it: OSError") as caught:
        read((CAPTURES / "run.bin").read_bytes()[:9_000])
    assert "memray transform speedscope" in (caught.value.hint or "")


def test_a_reader_that_dies_or_takes_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memray_capture, "_LIMITED", "import os; os._exit(139)")
    with pytest.raises(FormatError, match="no reason given"):
        read(b"memray\0")
    monkeypatch.setattr(memray_capture, "_LIMITED", "import time; time.sleep(600)")
    monkeypatch.setattr(memray_capture, "READER_SECONDS", 0.2)
    with pytest.raises(FormatError, match=r"more than 0\.2 seconds"):
        read(b"memray\0")


def test_other_files_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memray_capture, "run_reader", None)
    for data in (b"", b"memray", b"PK\x03\x04", b"\x04\x22"):
        assert not MemrayCapture().recognizes(data)
        with pytest.raises(FormatError, match="not a capture of memray"):
            read(data)
