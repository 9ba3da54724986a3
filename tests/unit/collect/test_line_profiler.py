from __future__ import annotations

from pathlib import Path

import pytest

from whet.collect.line_profiler import CAPTURE, LineProfilerCollector
from whet.model.run import Interpreter
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

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


@pytest.mark.parametrize(("borrowed", "folder"), [(frozenset(), None), (frozenset({"line_profiler"}), "/cache/lp")])
def test_the_program_is_told_which_functions_to_count(
    borrowed: frozenset[str], folder: str | None, tmp_path: Path
) -> None:
    launch = LineProfilerCollector(make_host(borrowed=borrowed), (("/app/x.py", 3),)).launch(SPEC, tmp_path)
    capture = tmp_path / CAPTURE
    settings = {"capture": str(capture), "functions": [["/app/x.py", 3]], "folder": folder}
    assert launch.agent == {"exact_lines": settings}
    assert launch.captures == (("whet-lines", capture),)
