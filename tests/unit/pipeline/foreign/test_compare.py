"""Profiles of other tools in `whet diff` and `whet check --profile`, and what is exported and read again."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.unit.pipeline.foreign.test_read import CAPTURES, SERVICE, project, shop, write_stacks

from whet.merge.combine import combine_profiles
from whet.merge.hotspots import merge_run
from whet.model.difference import Change
from whet.pipeline.advise.diff import diff_runs
from whet.pipeline.check.check import CheckRequest, check
from whet.pipeline.foreign.formats import describe_losses, find_writer, write_profile
from whet.pipeline.foreign.load import load_any
from whet.pipeline.rules.selection import Asked

__all__ = ["project", "shop"]
USUAL = ("find (/app/shop/service.py:8) 500", "Shop.total (/app/shop/service.py:14) 500")
SLOWER = ("find (/app/shop/service.py:8) 1500", "Shop.total (/app/shop/service.py:14) 500")


def test_two_profiles_are_compared_with_intervals(shop: Path) -> None:
    files = [write_stacks(shop, *lines, name=name) for lines, name in ((USUAL, "a.raw"), (SLOWER, "b.raw"))]
    old, new = (load_any([str(file)], [], shop).run for file in files)
    found = diff_runs(old, new)
    (changed,) = found.functions
    assert (changed.file, changed.name, changed.change) == ("shop/service.py", "find", Change.SLOWER)
    assert 0 < changed.low_ns < 10_000_000_000 < changed.high_ns
    assert any("different amounts of time" in caution for caution in found.cautions)
    assert (found.before.command, found.before.started) == ((str(files[0]),), "")


def test_without_a_number_of_samples_there_is_no_interval(project: Path) -> None:
    old = load_any([str(CAPTURES / "cprofile-3.14.10/run.prof")], [], project).run
    new = load_any([str(CAPTURES / "yappi-1.7.6/cpu.pstat")], [], project).run
    found = diff_runs(old, new)
    assert found.functions
    assert all(each.low_ns == each.high_ns for each in found.functions)
    assert any("without allowing for chance" in caution for caution in found.cautions)
    assert any("different tools" in caution for caution in found.cautions)


@pytest.mark.parametrize(
    "name", ["py-spy-0.4.3/threads.raw", "cprofile-3.14.10/run.prof", "pyroscope-io-1.4.0/cpu.pprof"]
)
def test_a_check_takes_any_profile(project: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    result = check(CheckRequest(profile=str(CAPTURES / name), asked=Asked(select=("containers",))), project)
    (finding,) = (each for each in result.findings if each.finding.rule == "list-membership")
    assert finding.finding.function == "naïve"
    assert finding.share is not None
    assert 0 < finding.share < 0.5
    assert not result.failures


def test_a_check_says_that_no_source_fits(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    (shop / "shop" / "service.py").write_text(SERVICE.replace("def find", "def search"))
    stacks = write_stacks(shop, *USUAL)
    result = check(CheckRequest(profile=str(stacks)), shop)
    assert any("no longer in the sources" in notice.message for notice in result.notices)
    assert not any(each.finding.function == "search" for each in result.findings)


@pytest.mark.parametrize("form", ["speedscope", "pprof", "chrome", "collapsed"])
def test_what_is_exported_gives_the_same_functions_lines_and_totals_again(
    project: Path, tmp_path: Path, form: str
) -> None:
    run = load_any([str(CAPTURES / "tachyon-3.15.2/run.collapsed")], [], project).run
    writer = find_writer(form)
    assert writer is not None
    path = tmp_path / "out"
    with path.open("wb") as sink:
        assert write_profile(run, writer, sink) in {"", "waiting time, idle time"} or form == "collapsed"
    wanted, again = merge_run(run), merge_run(load_any([str(path)], [], project).run)
    assert again.cpu_ns == wanted.cpu_ns
    for one, other in ((wanted.functions, again.functions), (wanted.lines, again.lines)):
        spent = [
            {
                (spot.file, spot.line): (spot.cost.self_ns, spot.cost.total_ns)
                for spot in spots
                if spot.file in run.sources
            }
            for spots in (one, other)
        ]
        assert spent[0] == spent[1]


def test_losses_are_in_words(project: Path) -> None:
    run = load_any([str(CAPTURES / "line_profiler-5.1.0/absolute.lprof")], [], project).run
    writer = find_writer("pstats")
    assert writer is not None
    assert describe_losses(writer, combine_profiles(run)) == "whole stacks, lines, exact hits"
    assert write_profile(run, writer, io.BytesIO()) == "whole stacks, lines, exact hits"
