"""Who samples time in an execution, and what is said where somebody cannot. Nothing is really started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.pipeline.run.pieces import KEPT_OUT, SAMPLES, SECOND, Ask, Executions, succeed, tell

from whet.collect import pyspy
from whet.collect.api import Launch, Missing
from whet.collect.resident import TreePoller
from whet.errors import UsageError
from whet.model.metric import Metric
from whet.model.run import Notice
from whet.pipeline.run import measure as measuring
from whet.pipeline.run.options import Sampler
from whet.program.host import TargetHost
from whet.program.spec import TargetSpec


def test_the_other_sampler_takes_part_inside(ask: Ask, executions: Executions) -> None:
    run = ask(sampler=Sampler.PYINSTRUMENT).run
    (plan,) = executions.plans
    assert executions.kinds == ["pyinstrument+values"]
    assert all(not launch.attach for launch in plan.launches)
    assert plan.fallback is None
    assert run.executions[0].collectors[0] == "pyinstrument"


def test_where_the_sampler_outside_is_refused_the_other_stands_ready(ask: Ask, executions: Executions) -> None:
    executions.outcomes = [succeed(fell_back=True, notices=[Notice("py-spy", "refused")])]
    run = ask().run
    fallback = executions.plans[0].fallback
    assert fallback is not None
    assert list(fallback.agent) == ["pyinstrument"]
    assert run.executions[0].collectors[0] == "pyinstrument"
    assert Notice("py-spy", "refused") in run.notices


def on_3_15(host: TargetHost) -> TargetHost:
    return replace(host, version=(3, 15, 0), interpreter=replace(host.interpreter, version="3.15.0"), packages={})


def test_on_3_15_its_own_sampler_stands_ready(ask: Ask, executions: Executions, host: TargetHost) -> None:
    executions.outcomes = [succeed(substituted="tachyon", notices=[Notice("py-spy", "too new")])]
    run = ask(host=on_3_15(host)).run
    (plan,) = executions.plans
    assert plan.substitute is not None
    assert plan.substitute.tool == "tachyon"
    assert plan.fallback is None
    assert run.executions[0].collectors[0] == "tachyon"


def test_on_3_15_its_own_sampler_takes_the_place_of_one_that_is_missing(
    ask: Ask, executions: Executions, host: TargetHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyspy, "find_tool", lambda _name: None)
    run = ask(host=on_3_15(host)).run
    assert [launch.tool for launch in executions.plans[0].launches if launch.attach] == ["tachyon"]
    assert run.executions[0].collectors[0] == "tachyon"
    assert "tachyon samples instead" in " ".join(tell(run, "py-spy"))


def test_before_3_15_it_is_said_that_there_is_no_such_sampler(ask: Ask, executions: Executions) -> None:
    run = ask(sampler=Sampler.TACHYON).run
    assert not any(launch.attach for launch in executions.plans[0].launches)
    assert "comes with Python 3.15" in " ".join(tell(run, "tachyon"))


def test_nothing_samples_time_where_neither_sampler_is_there(
    ask: Ask, host: TargetHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyspy, "find_tool", lambda _name: None)
    run = ask(host=replace(host, packages={})).run
    assert run.profiles == ()
    assert "py-spy is not installed" in tell(run, "py-spy")[0]


def test_a_sampler_inside_is_not_started_where_nothing_can_be_inside(
    ask: Ask, executions: Executions, host: TargetHost
) -> None:
    run = ask(host=replace(host, no_site=True), sampler=Sampler.PYINSTRUMENT).run
    assert executions.kinds == [""]
    assert run.profiles == ()
    assert tell(run, "pyinstrument") == [f"{KEPT_OUT}; times are missing | "]


def test_long_pauses_are_told_with_what_shortens_them(ask: Ask, executions: Executions) -> None:
    class Paused(TreePoller):
        paused_share = 0.5

    executions.outcomes = [succeed(poller=Paused(1))]
    (said,) = tell(ask(rate=50).run, "py-spy")
    assert "50 %" in said
    assert "--rate 5" in said
    # The rate of another one is not whet's to set.
    executions.outcomes = [succeed(), succeed(poller=Paused(1))]
    said = " ".join(tell(ask(sampler=Gil()).run, "gil sampler"))
    assert "50 %" in said
    assert "--rate" not in said


def test_compiled_modules_of_the_program_are_named_with_what_shows_them(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count, native, words in (
        (0, False, ""),
        (3, True, ""),
        (1, False, "1 module of the"),
        (3, False, "3 modules of"),
    ):
        monkeypatch.setattr(measuring, "count_compiled", lambda _roots, count=count: count)
        said = " ".join(tell(ask(native=native).run, "py-spy"))
        assert words in said
        assert ("--native" in said) is bool(words)


class Gil:
    """A collector that another distribution brings."""

    name = "gil sampler"
    metrics = frozenset({Metric.CPU})

    def __init__(self, why: str = "") -> None:
        self.why = why

    def missing(self, host: TargetHost) -> Missing | None:
        return Missing(self.why, "get it") if self.why else None

    def launch(self, spec: TargetSpec, out: Path) -> Launch:
        return Launch(attach=(("gil", "{pid}"),), captures=(("pyspy-raw", out / "gil.txt"),))


def test_a_collector_of_others_samples_in_place_of_ours(ask: Ask, executions: Executions) -> None:
    executions.leave = lambda plan: (plan.out / "gil.txt").write_text(SAMPLES.format(file=executions.file)) and None
    run = ask(sampler=Gil()).run
    (plan,) = executions.plans
    assert [launch.tool for launch in plan.launches if launch.attach] == ["gil sampler"]
    assert plan.fallback is None
    assert run.executions[0].collectors[0] == "gil sampler"
    (profile,) = run.profiles
    assert sum(profile.samples[0].value) == SECOND
    assert tell(run, "gil sampler") == []


def test_a_collector_of_others_that_cannot_run_or_leaves_nothing_is_named(ask: Ask, executions: Executions) -> None:
    run = ask(sampler=Gil("no such thing here")).run
    assert tell(run, "gil sampler") == ["no such thing here; times are missing | get it"]
    assert run.profiles == ()
    (said,) = tell(ask(sampler=Gil()).run, "gil sampler")
    assert said.startswith("gil sampler left no capture")


def test_a_format_that_nobody_brings_is_known_before_the_program_runs(ask: Ask, executions: Executions) -> None:
    class Strange(Gil):
        def launch(self, spec: TargetSpec, out: Path) -> Launch:
            return Launch(attach=(("x", "{pid}"),), captures=(("no-such-format", out / "x"),))

    with pytest.raises(UsageError, match="no-such-format"):
        ask(sampler=Strange())
    assert executions.plans == []
