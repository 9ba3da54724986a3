from __future__ import annotations

from pathlib import Path

import pytest

from whet.collect.api import Launch
from whet.errors import PluginError, UsageError
from whet.pipeline.run import samplers
from whet.pipeline.run.options import Sampler
from whet.pipeline.run.samplers import find_sampler, load_formats
from whet.plugins import BUILT_IN, Group, Plugin


class Gil:
    """Made without settings, as collectors of others are."""


class Fussy:
    """Cannot be made that way."""

    def __init__(self, settings: object) -> None:
        self.settings = settings


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more collectors, brought by a distribution of somebody's."""
    own = {name: Plugin(Group.COLLECTORS, name, target, "whet") for name, target in BUILT_IN[Group.COLLECTORS].items()}
    theirs = {
        "gil": Plugin(Group.COLLECTORS, "gil", "theirs:Gil", "theirs 1.0"),
        "fussy": Plugin(Group.COLLECTORS, "fussy", "theirs:Fussy", "theirs 1.0"),
    }
    monkeypatch.setattr(samplers, "find_plugins", lambda _group: {**own, **theirs})
    monkeypatch.setattr(Plugin, "load", lambda self: {"gil": Gil, "fussy": Fussy}[self.name])


@pytest.mark.parametrize("name", ["py-spy", "pyinstrument"])
def test_whets_own_samplers_need_no_plugin(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "find_plugins", lambda _group: pytest.fail("nothing is to be looked up"))
    assert find_sampler(name) is Sampler(name)


def test_a_collector_of_others_is_found_by_its_name() -> None:
    assert type(find_sampler("gil")) is Gil


@pytest.mark.parametrize("name", ["perf", "", "memray", "line_profiler", "pyspy"])
def test_what_is_no_sampler_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_sampler(name)
    assert caught.value.message == f"unknown sampler {name!r}"
    assert (
        caught.value.hint
        == "use --sampler py-spy, --sampler tachyon, --sampler pyinstrument, --sampler gil or --sampler fussy"
    )


def test_one_that_cannot_be_made_names_its_distribution() -> None:
    with pytest.raises(PluginError) as caught:
        find_sampler("fussy")
    assert "'fussy' of theirs 1.0" in caught.value.message
    assert "theirs:Fussy" in caught.value.hint


def test_formats_are_loaded_in_the_order_of_the_captures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    captures = (("pyinstrument", Path("a")), ("pyspy-raw", Path("b")))
    assert [each.name for each in load_formats(Launch(captures=captures))] == ["pyinstrument", "pyspy-raw"]  # type: ignore[attr-defined]
