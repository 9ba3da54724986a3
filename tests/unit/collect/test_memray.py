from __future__ import annotations

from pathlib import Path

import pytest

from whet.collect.memray import MemrayCollector, list_captures
from whet.model.run import Interpreter
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

SPEC = TargetSpec(TargetKind.SCRIPT, "x.py")


def make_host(implementation: str = "CPython", **changes: object) -> TargetHost:
    settings = {"packages": {"memray": "/site"}, "abi": "cpython-313-x86_64-linux-gnu", **changes}
    return TargetHost(Interpreter("/py", "3.13.0", implementation), (3, 13, 0), **settings)


def test_it_runs_where_memray_can_be_imported():
    assert MemrayCollector().missing(make_host()) is None


@pytest.mark.parametrize(
    ("host", "why", "remedy"),
    [
        (make_host(packages={}), "not installed", "whet doctor --install --python /py"),
        (make_host(abi="cp313-win_amd64", packages={}), "Windows", "WSL"),
        (make_host("PyPy"), "PyPy", ""),
    ],
)
def test_it_says_why_it_cannot_run_and_what_helps(host: TargetHost, why: str, remedy: str):
    missing = MemrayCollector().missing(host)
    assert missing is not None
    assert why in missing.why
    assert remedy in missing.remedy


@pytest.mark.parametrize(("borrowed", "path"), [(frozenset(), None), (frozenset(("memray",)), "/site")])
def test_a_folder_is_named_only_when_memray_is_borrowed(borrowed: frozenset[str], path: str | None, tmp_path: Path):
    launch = MemrayCollector(make_host(borrowed=borrowed), native=True, children=True).launch(SPEC, tmp_path)
    assert launch.agent["memray"] == {
        "capture": str(tmp_path / "memray.bin"),
        "trace_python_allocators": False,
        "native": True,
        "follow_fork": True,
        "path": path,
    }
    assert launch.attach == ()
    assert list(tmp_path.iterdir()) == []


def test_captures_are_listed_the_programs_first(tmp_path: Path):
    for name, size in (("memray.bin", 5), ("memray.bin.9", 5), ("memray.bin.10", 0), ("other", 5)):
        (tmp_path / name).write_bytes(b"x" * size)
    assert [path.name for path in list_captures(tmp_path)] == ["memray.bin", "memray.bin.9"]
    assert list_captures(tmp_path / "gone") == []
