"""When a proof's sampler attaches: as soon as the interpreter says so, and again where that failed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from whet.pipeline.prove import sampler
from whet.pipeline.prove.sampler import ProofSampler, choose_rate
from whet.prove.overlay import STARTED


@dataclass
class FakeProfilers:
    """Makes profilers, of which the first ``failing`` end before they sample."""

    started: Path
    failing: int = 0
    saw: list[bool] = field(default_factory=list)
    """Of each, whether the interpreter had begun by then."""

    def __call__(self, _command: object, pid: int, *, says_ready: str) -> SimpleNamespace:
        assert says_ready and pid == 7
        self.saw.append(self.started.exists())
        works = len(self.saw) > self.failing
        return SimpleNamespace(
            process=SimpleNamespace(pid=100 + len(self.saw)),
            wait_until_sampling=lambda _seconds: works,
            is_running=works,
            finish=lambda: 0,
        )


@pytest.fixture
def started(tmp_path: Path) -> Path:
    (tmp_path / "overlay").mkdir()
    return tmp_path / "overlay" / STARTED


def attach(tmp_path: Path, made: FakeProfilers, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(sampler, "AttachedProfiler", made)
    spared: list[int] = []
    proof_sampler = ProofSampler("py-spy", tmp_path)
    made.started.touch()
    proof_sampler.prepare()
    assert not made.started.exists()
    threading.Timer(0.05, made.started.touch).start()
    proof_sampler.attach(7, spared.append)
    assert proof_sampler.finish() == ()
    return spared


def test_it_waits_for_the_interpreter(tmp_path: Path, started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "START_SECONDS", 60.0)
    made = FakeProfilers(started)
    assert attach(tmp_path, made, monkeypatch) == [101]
    assert made.saw == [True]


def test_one_that_never_says_so_is_read_all_the_same(
    tmp_path: Path, started: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "START_SECONDS", 0.0)
    assert attach(tmp_path, FakeProfilers(started), monkeypatch) == [101]


@pytest.mark.parametrize("failing", [1, 5])
def test_it_attaches_again_once(tmp_path: Path, started: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    monkeypatch.setattr(sampler, "START_SECONDS", 60.0)
    assert attach(tmp_path, FakeProfilers(started, failing), monkeypatch) == [101, 102]


@pytest.mark.parametrize(("seconds", "rate"), [(0.0, 500), (0.5, 500), (1.0, 400), (2.0, 200), (3600.0, 200)])
def test_short_runs_are_sampled_more_often(seconds: float, rate: int) -> None:
    assert choose_rate(seconds) == rate
