from __future__ import annotations

from pathlib import Path

import pytest

from whet import plugins
from whet.collect import pyspy
from whet.collect.api import Launch
from whet.collect.plan import Outcome
from whet.errors import PluginError, UsageError
from whet.model.run import Interpreter
from whet.pipeline.run import samplers
from whet.pipeline.run.options import AttachOptions, MeasureOptions, Sampler
from whet.pipeline.run.samplers import Samplers, choose_samplers, find_sampler, load_formats, make_sampler
from whet.plugins import BUILT_IN, Group, Plugin
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec


class Gil:
    """Made without settings, as collectors of others are."""


class Fussy:
    """Cannot be made that way."""

    def __init__(self, settings: object) -> None:
        self.settings = settings


@pytest.fixture
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


@pytest.mark.usefixtures("_plugins")
def test_a_collector_of_others_is_found_by_its_name() -> None:
    assert type(find_sampler("gil")) is Gil


def test_a_collector_that_was_built_in_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**BUILT_IN, Group.COLLECTORS: {**BUILT_IN[Group.COLLECTORS], "gil": f"{__name__}:Gil"}}
    monkeypatch.setattr(plugins, "BUILT_IN", known)
    monkeypatch.setattr(Plugin, "load", lambda _self: Gil)
    assert type(find_sampler("gil")) is Gil


@pytest.mark.usefixtures("_plugins")
@pytest.mark.parametrize("name", ["perf", "", "memray", "line_profiler", "pyspy"])
def test_what_is_no_sampler_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_sampler(name)
    assert caught.value.message == f"unknown sampler {name!r}"
    assert (
        caught.value.hint
        == "use --sampler py-spy, --sampler tachyon, --sampler pyinstrument, --sampler gil or --sampler fussy"
    )


@pytest.mark.usefixtures("_plugins")
def test_one_that_cannot_be_made_names_its_distribution() -> None:
    with pytest.raises(PluginError) as caught:
        find_sampler("fussy")
    assert "'fussy' of theirs 1.0" in caught.value.message
    assert "theirs:Fussy" in caught.value.hint


def test_formats_are_loaded_in_the_order_of_the_captures() -> None:
    captures = (("pyinstrument", Path("a")), ("pyspy-raw", Path("b")))
    assert [each.name for each in load_formats(Launch(captures=captures))] == ["pyinstrument", "pyspy-raw"]  # type: ignore[attr-defined]


# -- choosing ---------------------------------------------------------------------------------------------------------

SPEC = TargetSpec(TargetKind.SCRIPT, "x.py")
HOST = TargetHost(Interpreter("/py", "3.13.0"), (3, 13, 0), "", packages={"pyinstrument": "/site"})
NEW = TargetHost(Interpreter("/py", "3.15.0"), (3, 15, 0), "", packages={"pyinstrument": "/site"})
BARE = TargetHost(Interpreter("/py", "3.13.0"), (3, 13, 0), "")


def choose(host: TargetHost, sampler: Sampler, out: Path, *, outside: str = "") -> Samplers:
    return choose_samplers(MeasureOptions(sampler=sampler), SPEC, host, out, why_outside=outside, unstopped=False)


@pytest.mark.parametrize(
    ("host", "sampler", "outside", "tools"),
    [
        (HOST, Sampler.PY_SPY, "", ("py-spy", "", "pyinstrument")),
        (NEW, Sampler.PY_SPY, "", ("py-spy", "tachyon", "pyinstrument")),
        (NEW, Sampler.PY_SPY, "--outside", ("py-spy", "tachyon", "")),
        (NEW, Sampler.TACHYON, "", ("tachyon", "", "")),
        (NEW, Sampler.PYINSTRUMENT, "", ("pyinstrument", "", "")),
        (BARE, Sampler.PY_SPY, "", ("py-spy", "", "")),
        (BARE, Sampler.TACHYON, "", ("", "", "")),
    ],
)
def test_the_default_gives_way_and_one_that_is_named_does_not(
    host: TargetHost, sampler: Sampler, outside: str, tools: tuple[str, ...], tmp_path: Path
) -> None:
    chosen = choose(host, sampler, tmp_path, outside=outside)
    launches = (chosen.first, chosen.substitute, chosen.fallback)
    assert tuple(each.tool if each is not None else "" for each in launches) == tools
    assert (not chosen.notices) is bool(tools[0])


@pytest.mark.parametrize(
    ("host", "first", "words"),
    [
        (NEW, "tachyon", ["py-spy: tachyon samples instead"]),
        (HOST, "pyinstrument", ["py-spy: pyinstrument samples instead"]),
        (BARE, "", ["py-spy: times are missing", "pyinstrument: times are missing"]),
    ],
)
def test_who_takes_the_place_of_one_that_is_missing_is_said(
    host: TargetHost, first: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyspy, "find_tool", lambda _name: None)
    chosen = choose(host, Sampler.PY_SPY, tmp_path)
    assert (chosen.first.tool if chosen.first is not None else "") == first
    assert [f"{each.about}: {each.message.rpartition('; ')[2]}" for each in chosen.notices] == words


@pytest.mark.parametrize(
    ("outcome", "tool"),
    [
        (Outcome(), "py-spy"),
        (Outcome(substituted="tachyon"), "tachyon"),
        (Outcome(fell_back=True), "pyinstrument"),
    ],
)
def test_what_is_read_is_what_the_one_that_sampled_left(outcome: Outcome, tool: str, tmp_path: Path) -> None:
    used = choose(NEW, Sampler.PY_SPY, tmp_path).find_used(outcome)
    assert used is not None
    assert used.tool == tool


def test_a_program_that_must_not_be_stopped_is_not(tmp_path: Path) -> None:
    options = MeasureOptions(native=True)
    made = choose_samplers(options, SPEC, NEW, tmp_path, why_outside="", unstopped=True)
    assert made.first is not None and made.substitute is not None
    assert "--nonblocking" in made.first.attach[0] and "--native" not in made.first.attach[0]
    assert "--native" in made.substitute.attach[0]


@pytest.mark.parametrize("nonblocking", [False, True])
def test_what_is_attached_is_made_of_the_same_settings(nonblocking: bool, tmp_path: Path) -> None:
    options = AttachOptions(native=True, nonblocking=nonblocking, children=False)
    launch = make_sampler(Sampler.PY_SPY, options, HOST).launch(SPEC, tmp_path)
    assert "--native" in launch.attach[0] and "--subprocesses" not in launch.attach[0]
    assert ("--nonblocking" in launch.attach[0]) is nonblocking
