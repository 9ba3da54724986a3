"""The wheel in an environment of its own, with no sources in reach."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

import whet


def test_packages_come_from_the_environment(installed: Any) -> None:
    told = installed.ask(
        "import whet, whet_rules, whet_templates as t; print(whet.__file__, whet_rules.__file__, t.__file__)"
    )
    for place in told.split():
        assert Path(place).is_relative_to(installed.site_packages)


def test_version_is_that_of_the_distribution(installed: Any) -> None:
    code = "import whet; from importlib.metadata import version; print(whet.__version__, version('whet-perf'))"
    assert installed.ask(code).split() == [whet.__version__, whet.__version__]


FOR_EXTRAS = ("whet.agents.", "whet.editors.", "whet.pipeline.dask.", "whet.pytest_")
"""Modules that nothing imports but what the libraries of an extra, or pytest, have asked for."""


def test_every_module_imports(installed: Any) -> None:
    code = (
        "import importlib, pkgutil, whet, whet_rules\n"
        "names = [m.name for p in (whet, whet_rules) for m in pkgutil.walk_packages(p.__path__, p.__name__ + '.')]\n"
        "names = [n for n in names if '.inprocess' not in n and not n.endswith(('__main__', 'tachyon_loop'))]\n"
        "missing = {}\n"
        "for name in names:\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error: missing[name] = error.name\n"
        "print(len(names), *(f'{module}={name}' for module, name in missing.items()))"
    )
    count, *missing = installed.ask(code).split()
    assert int(count) > 20
    assert not [each for each in missing if not each.startswith(FOR_EXTRAS)]
    assert {each.partition("=")[2] for each in missing} <= {
        "anyio",
        "distributed",
        "lsprotocol",
        "mcp",
        "pygls",
        "pytest",
    }


def test_entry_points_load(installed: Any) -> None:
    code = (
        "from importlib.metadata import distribution\n"
        "for e in distribution('whet-perf').entry_points: e.load(); print(e.group, e.name)"
    )
    told = installed.ask(code).splitlines()
    assert "console_scripts whet" in told
    assert len(told) == len(distribution("whet-perf").entry_points)


@pytest.mark.parametrize("words", [["--help"], ["doctor"], ["rules"]], ids=lambda words: words[0])
def test_commands_answer(installed: Any, tmp_path: Path, words: list[str]) -> None:
    done = installed.whet(*words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_run_measures_a_program_of_another_environment(
    installed: Any, make_environment: Callable[..., Any], tmp_path: Path
) -> None:
    """The target's environment holds neither whet nor anything that whet needs."""
    other = make_environment()
    script = tmp_path / "spin.py"
    script.write_text(
        "import sys, time\n"
        "def spin():\n"
        "    end = time.perf_counter() + 1.0\n"
        "    while time.perf_counter() < end:\n"
        "        sum(range(1000))\n"
        "spin()\n"
        "print(sys.prefix)\n"
        "sys.exit(3)\n",
        encoding="utf-8",
    )
    done = installed.whet("run", "--python", str(other.python), str(script), folder=tmp_path)
    assert done.returncode == 3, done.stderr
    assert Path(done.stdout.strip()).samefile(other.python.parents[1])
    assert "spin" in done.stderr
    page = (tmp_path / "whet-report.html").read_text(encoding="utf-8")
    assert "spin" in page


@pytest.mark.slow
def test_editable_install_is_live(make_environment: Callable[..., Any], tree: Path, tmp_path: Path) -> None:
    environment = make_environment(borrow=True)
    environment.install(tree, "--editable")
    rule = tree / "rules" / "whet_rules" / "made_by_a_test.py"
    rule.write_text("ANSWER = 1\n", encoding="utf-8")
    try:
        assert environment.ask("from whet_rules.made_by_a_test import ANSWER; print(ANSWER)").strip() == "1"
        rule.write_text("ANSWER = 'two'\n", encoding="utf-8")
        assert environment.ask("from whet_rules.made_by_a_test import ANSWER; print(ANSWER)").strip() == "two"
    finally:
        rule.unlink()
    for package, root in (("whet", "src"), ("whet_rules", "rules"), ("whet_templates", "templates")):
        assert Path(environment.ask(f"import {package}; print({package}.__file__)").strip()).is_relative_to(tree / root)
