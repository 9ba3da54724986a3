from __future__ import annotations

from pathlib import Path

import pytest

from whet.collect.line_profiler import EXACT, WINDOWS, LineProfilerCollector, list_captures
from whet.model.run import Interpreter
from whet.target.host import TargetHost
from whet.target.spec import TargetKind, TargetSpec

SPEC = TargetSpec(TargetKind.SCRIPT, "x.py")


def make_host(implementation: str = "CPython", free_threaded: bool = False, **changes: object) -> TargetHost:
    settings = {
        "packages": {"line_profiler": "/cache/lp", "memray": "/cache/memray"},
        "abi": "cpython-313-x86_64-linux-gnu",
        "stdlib": ("/lib",),
        "site_packages": ("/site", "/user-site"),
        **changes,
    }
    interpreter = Interpreter("/py", "3.13.0", implementation, free_threaded=free_threaded)
    return TargetHost(interpreter, (3, 13, 0), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "why", "remedy"),
    [
        (make_host(packages={}), "not installed", "whet doctor --install --python /py"),
        (make_host("PyPy"), "PyPy", ""),
        (make_host(free_threaded=True), "free-threaded", "--python"),
    ],
)
def test_it_says_why_it_cannot_run_and_what_helps(host: TargetHost, why: str, remedy: str) -> None:
    assert LineProfilerCollector().missing(make_host()) is None
    missing = LineProfilerCollector().missing(host)
    assert missing is not None
    assert why in missing.why
    assert remedy in missing.remedy


def test_windows_are_told_whose_code_is_whose(tmp_path: Path) -> None:
    collector = LineProfilerCollector(
        make_host(borrowed=frozenset(("memray",))), program=("/site/black",), include=("a/*",), exclude=("b/*",)
    )
    launch = collector.launch(SPEC, tmp_path)
    assert launch.agent == {
        "agent": {
            "lines": str(tmp_path / WINDOWS),
            # What whet brings into the target is no more the user's than the standard library.
            "foreign": ["/lib", "/site", "/user-site", "/cache/memray"],
            "program": ["/site/black"],
            "include": ["a/*"],
            "exclude": ["b/*"],
            "line_profiler_folder": None,
        }
    }
    assert launch.captures == (("whet-lines", tmp_path / WINDOWS),)


def test_exact_counts_are_of_the_functions_that_were_chosen(tmp_path: Path) -> None:
    collector = LineProfilerCollector(make_host(), exact=True, functions=(("/a.py", 3), ("/b.py", 5)))
    launch = collector.launch(SPEC, tmp_path)
    assert list(launch.agent) == ["all_lines"]
    settings = launch.agent["all_lines"]
    assert isinstance(settings, dict)
    assert settings["functions"] == [["/a.py", 3], ["/b.py", 5]]
    assert settings["capture"] == str(tmp_path / EXACT)
    assert launch.captures == (("whet-lines", tmp_path / EXACT),)


@pytest.mark.parametrize("exact", [False, True])
def test_a_folder_is_named_only_when_it_is_borrowed(exact: bool, tmp_path: Path) -> None:
    for borrowed, folder in ((frozenset[str](), None), (frozenset(("line_profiler",)), "/cache/lp")):
        (settings,) = (
            LineProfilerCollector(make_host(borrowed=borrowed), exact=exact).launch(SPEC, tmp_path).agent.values()
        )
        assert isinstance(settings, dict)
        assert settings["folder" if exact else "line_profiler_folder"] == folder


def test_captures_are_listed_the_programs_first(tmp_path: Path) -> None:
    for name in (
        "lines.json.9",
        "lines.json",
        "lines.json.tmp",
        "lines.json.8.tmp",
        "lines.json.10",
        "exact-lines.json",
    ):
        (tmp_path / name).touch()
    assert [path.name for path in list_captures(tmp_path)] == ["lines.json", "lines.json.10", "lines.json.9"]
    assert list_captures(tmp_path / "gone") == []
