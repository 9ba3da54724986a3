from __future__ import annotations

import sys
from pathlib import Path

import pytest

from whet.collect import pyspy
from whet.collect.pyspy import ACTIVE, WALL, PySpyCollector
from whet.model.run import Interpreter
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

SPEC = TargetSpec(TargetKind.SCRIPT, "x.py")
HOST = TargetHost(Interpreter("/py", "3.13.0"), (3, 13, 0), "")

TOOL = Path("/whet/bin/py-spy")


@pytest.fixture(autouse=True)
def tool(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pyspy, "find_tool", lambda name: TOOL if name == "py-spy" else None)
    return TOOL


def read_options(command: tuple[str, ...]) -> dict[str, str]:
    """Return the options of a command with their values; an option without one has an empty value."""
    found: dict[str, str] = {}
    words = list(command[2:])
    while words:
        name = words.pop(0)
        assert name.startswith("--")
        found[name] = words.pop(0) if words and not words[0].startswith("--") else ""
    return found


def launch(folder: Path, **settings: object) -> list[dict[str, str]]:
    commands = PySpyCollector(**settings).launch(SPEC, folder).attach  # type: ignore[arg-type]
    assert all(command[:2] == (str(TOOL), "record") for command in commands)
    return [read_options(command) for command in commands]


def test_one_sampler_takes_what_computes_the_other_everything(tmp_path: Path) -> None:
    active, wall = launch(tmp_path)
    common = {"--pid": "{pid}", "--format": "raw", "--threads": "", "--full-filenames": "", "--subprocesses": ""}
    assert active == {**common, "--rate": "100", "--output": str(tmp_path / ACTIVE)}
    assert wall == {**common, "--rate": "25", "--output": str(tmp_path / WALL), "--idle": "", "--nonblocking": ""}


def test_only_the_first_stops_the_program_or_reads_c_stacks(tmp_path: Path) -> None:
    active, wall = launch(tmp_path, native=True)
    assert "--native" in active
    assert "--native" not in wall
    active, wall = launch(tmp_path, nonblocking=True)
    assert "--nonblocking" in active


def test_children_can_be_left_out(tmp_path: Path) -> None:
    assert all("--subprocesses" not in options for options in launch(tmp_path, children=False))


@pytest.mark.parametrize(("rate", "wall"), [(1, "1"), (3, "1"), (1000, "250")])
def test_the_second_sampler_is_slower_but_never_still(rate: int, wall: str, tmp_path: Path) -> None:
    options = launch(tmp_path, rate=rate)
    assert [each["--rate"] for each in options] == [str(rate), wall]


def test_captures_are_the_active_ones_first(tmp_path: Path) -> None:
    captures = PySpyCollector().launch(SPEC, tmp_path).captures
    assert captures == (("pyspy-raw", tmp_path / ACTIVE), ("pyspy-raw", tmp_path / WALL))


def test_it_runs_beside_cpython() -> None:
    assert PySpyCollector().missing(HOST) is None
    missing = PySpyCollector().missing(TargetHost(Interpreter("/py", "3.11.13", "PyPy"), (3, 11, 13), ""))
    assert missing is not None
    assert "PyPy" in missing.why


def test_without_the_tool_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pyspy, "find_tool", lambda _name: None)
    missing = PySpyCollector().missing(HOST)
    assert missing is not None
    assert missing.why == "py-spy is not installed next to whet"
    assert missing.remedy == f"{sys.executable} -m pip install py-spy"
    assert PySpyCollector().launch(SPEC, tmp_path).attach[0][0] == "py-spy"


@pytest.mark.parametrize(("rate", "slow"), [(1, [1, 1, 1, 1]), (100, [50, 33, 20, 10]), (1000, [500, 333, 200, 100])])
def test_those_that_may_take_over_differ_in_their_rates_alone(rate: int, slow: list[int], tmp_path: Path) -> None:
    launch = PySpyCollector(rate, native=True).launch(SPEC, tmp_path)
    active = read_options(launch.attach[0])
    assert launch.restarts is not None
    assert launch.restarts.rate == rate
    assert {times: read_options(words) for times, words in launch.restarts.slower.items()} == {
        times: {**active, "--rate": str(each), "--output": str(tmp_path / f"pyspy-slow-{times}.raw")}
        for times, each in zip((2, 3, 5, 10), slow, strict=True)
    }


def test_a_rate_that_was_asked_for_is_kept_and_samples_that_stop_nothing_cost_nothing(tmp_path: Path) -> None:
    for collector, share in (
        (PySpyCollector(), pyspy.MOST_SHARE),
        (PySpyCollector(keep_rate=True), 0),
        (PySpyCollector(nonblocking=True), 0),
    ):
        restarts = collector.launch(SPEC, tmp_path).restarts
        assert restarts is not None
        assert restarts.most_share == share
