"""pyinstrument inside the target: one session is left, whichever way the program ends."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from whet.formats.pyinstrument_session import PyinstrumentSession
from whet.inprocess.profilers import pyinstrument_sampler as sampling
from whet.model.profile import Profile

pytest.importorskip("pyinstrument")

Begin = Callable[..., Callable[[], None]]


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Exits at once only note their status."""
    statuses: list[int] = []
    monkeypatch.setattr(os, "_exit", statuses.append)
    monkeypatch.setattr(sampling, "_leave_loops_out", lambda _variable: None)
    return statuses


@pytest.fixture
def begin(tmp_path: Path, exits: list[int]) -> Iterator[Begin]:
    begun: list[Callable[[], None]] = []

    def begin(**more: Any) -> Callable[[], None]:
        stop = sampling.start({"capture": str(tmp_path / "session.json"), "interval": 0.0005, **more})
        begun.append(stop)
        return stop

    yield begin
    for stop in begun:
        stop()


def compute_a_while() -> None:
    end = time.process_time() + 0.03
    while time.process_time() < end:
        sum(range(100))


def read(folder: Path) -> Profile:
    with (folder / "session.json").open("rb") as file:
        (profile,) = PyinstrumentSession().read(file)
    return profile


def test_what_was_sampled_is_left_as_a_session(begin: Begin, tmp_path: Path) -> None:
    stop = begin()
    compute_a_while()
    assert not (tmp_path / "session.json").exists()
    stop()
    assert "compute_a_while" in {frame.name.rpartition(".")[2] for frame in read(tmp_path).frames}
    assert [path.name for path in tmp_path.iterdir()] == ["session.json"]


def test_stopping_twice_leaves_the_first_session(begin: Begin, tmp_path: Path) -> None:
    stop = begin()
    stop()
    (tmp_path / "session.json").write_text("kept")
    stop()
    assert (tmp_path / "session.json").read_text() == "kept"


def test_an_exit_at_once_saves_before_it_goes(begin: Begin, exits: list[int], tmp_path: Path) -> None:
    begin()
    compute_a_while()
    os._exit(4)
    assert exits == [4]
    assert json.loads((tmp_path / "session.json").read_text())


def test_a_forked_child_saves_nothing(
    begin: Begin, exits: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = begin()
    pid = os.getpid()
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: pid + 1)
        stop()
        os._exit(4)
    assert exits == [4]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_whets_is_on_the_path_for_the_import_only(begin: Begin, tmp_path: Path) -> None:
    before = list(sys.path)
    begin(folder=str(tmp_path / "borrowed"))
    assert sys.path == before


def test_without_pyinstrument_the_path_is_as_before(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(sys.path)
    monkeypatch.setitem(sys.modules, "pyinstrument", None)
    with pytest.raises(ImportError):
        begin(folder=str(tmp_path / "borrowed"))
    assert sys.path == before
