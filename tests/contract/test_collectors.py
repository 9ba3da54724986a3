"""What every collector holds to, those of other distributions included."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from whet.collect.api import Collector, Launch, Missing
from whet.model.metric import Metric
from whet.model.run import Interpreter
from whet.plugins import Group, find_plugins
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

NAMES = sorted(find_plugins(Group.COLLECTORS))
LINUX = TargetHost(
    Interpreter("/venv/bin/python", "3.13.0"),
    (3, 13, 0),
    "cpython-313-x86_64-linux-gnu",
    prefix="/venv",
    stdlib=("/usr/lib/python3.13",),
    site_packages=("/venv/lib/python3.13/site-packages",),
    packages=dict.fromkeys(("line_profiler", "memray", "pyinstrument"), "/venv/lib/python3.13/site-packages"),
)
HOSTS = {
    "Linux": LINUX,
    "without profilers": replace(LINUX, packages={}),
    "with borrowed profilers": replace(LINUX, borrowed=frozenset(LINUX.packages)),
    "PyPy": replace(LINUX, interpreter=replace(LINUX.interpreter, implementation="PyPy"), abi="pypy311-pp73"),
    "free-threaded": replace(LINUX, interpreter=replace(LINUX.interpreter, free_threaded=True)),
    "3.15": replace(LINUX, interpreter=Interpreter("/venv/bin/python", "3.15.0"), version=(3, 15, 0), packages={}),
    "Windows": replace(LINUX, abi="cp313-win_amd64", packages={}),
    "nothing known": TargetHost(Interpreter("python", ""), (3, 11, 0), ""),
}
SPECS = {
    "script": TargetSpec(TargetKind.SCRIPT, "app.py", ("--rate", "{pid}", "a b"), "/home/me"),
    "module": TargetSpec(TargetKind.MODULE, "pkg.mod", options=("-X", "dev")),
    "code": TargetSpec(TargetKind.CODE, "print('{pid}')"),
    "console script": TargetSpec(TargetKind.CONSOLE_SCRIPT, "/venv/bin/black", ("src",)),
}
each_host = pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
each_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


@pytest.fixture(params=NAMES)
def collector(request: pytest.FixtureRequest) -> Collector:
    """One of the registered collectors, as it is made without settings."""
    made = find_plugins(Group.COLLECTORS)[request.param].load()
    assert callable(made)
    return made()  # type: ignore[no-any-return]


@pytest.fixture
def _idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be started."""

    def refuse(*_words: object, **_more: object) -> None:
        raise AssertionError("a collector starts nothing itself")

    for name in ("Popen", "run", "check_output", "call"):
        monkeypatch.setattr(subprocess, name, refuse)
    monkeypatch.setattr(os, "system", refuse)


def test_the_built_in_collectors_are_known() -> None:
    assert {"line_profiler", "memray", "pyinstrument", "pyspy", "tachyon"} <= set(NAMES)


def test_it_says_what_it_is_and_what_it_measures(collector: Collector) -> None:
    assert collector.name.strip() == collector.name != ""
    assert collector.name.isprintable()
    assert isinstance(collector.metrics, frozenset)
    assert collector.metrics
    assert all(isinstance(metric, Metric) for metric in collector.metrics)


def test_it_has_the_methods_of_the_seam(collector: Collector) -> None:
    assert list(inspect.signature(collector.missing).parameters) == ["host"]
    assert list(inspect.signature(collector.launch).parameters) == ["spec", "out"]


def test_no_two_collectors_have_one_name() -> None:
    made = [find_plugins(Group.COLLECTORS)[name].load() for name in NAMES]
    names = [each().name for each in made]  # type: ignore[operator]
    assert len(set(names)) == len(names)


@each_host
@pytest.mark.usefixtures("_idle")
def test_on_any_host_it_can_run_or_says_why_not(collector: Collector, host: TargetHost) -> None:
    missing = collector.missing(host)
    assert collector.missing(host) == missing
    if missing is not None:
        assert isinstance(missing, Missing)
        assert missing.why
        # The words go on with what follows from it: "…; memory is missing".
        assert not missing.why.endswith((".", "\n"))
        assert (missing.why + missing.remedy).isprintable()


def test_where_its_package_is_not_there_it_does_not_claim_to_run(collector: Collector) -> None:
    host = HOSTS["without profilers"]
    if collector.name in LINUX.packages:
        missing = collector.missing(host)
        assert missing is not None
        assert missing.remedy


@each_spec
@pytest.mark.usefixtures("_idle")
def test_what_is_to_be_started_is_said_and_not_done(collector: Collector, spec: TargetSpec, tmp_path: Path) -> None:
    out = tmp_path / "not made"
    launch = collector.launch(spec, out)
    assert isinstance(launch, Launch)
    assert collector.launch(spec, out) == launch
    assert list(tmp_path.iterdir()) == []
    assert launch.agent or launch.attach


def test_settings_for_the_target_can_be_handed_over(collector: Collector, tmp_path: Path) -> None:
    agent = collector.launch(SPECS["script"], tmp_path).agent
    assert json.loads(json.dumps(agent)) == agent


def test_commands_name_the_process_and_are_words(collector: Collector, tmp_path: Path) -> None:
    for command in collector.launch(SPECS["script"], tmp_path).attach:
        assert isinstance(command, tuple)
        assert all(isinstance(word, str) for word in command)
        assert any("{pid}" in word for word in command)


def test_captures_lie_in_the_folder_and_have_a_known_format(collector: Collector, tmp_path: Path) -> None:
    captures = collector.launch(SPECS["script"], tmp_path).captures
    assert captures
    formats = find_plugins(Group.FORMATS)
    for format_, path in captures:
        assert format_ in formats
        assert path.parent == tmp_path
    paths = [path for _, path in captures]
    assert len(set(paths)) == len(paths)


def test_captures_of_different_collectors_do_not_get_into_one_anothers_way(tmp_path: Path) -> None:
    paths = []
    for name in NAMES:
        made = find_plugins(Group.COLLECTORS)[name].load()
        paths += [path for _, path in made().launch(SPECS["script"], tmp_path).captures]  # type: ignore[operator]
    assert len(set(paths)) == len(paths)
