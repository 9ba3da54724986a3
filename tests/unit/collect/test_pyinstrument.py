from __future__ import annotations

from pathlib import Path

import pytest

from whet.collect.pyinstrument import CAPTURE, PyinstrumentCollector
from whet.model.run import Interpreter
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

SPEC = TargetSpec(TargetKind.SCRIPT, "x.py")


def make_host(**changes: object) -> TargetHost:
    settings = {"packages": {"pyinstrument": "/site"}, "abi": "cpython-313-x86_64-linux-gnu", **changes}
    return TargetHost(Interpreter("/py", "3.13.0"), (3, 13, 0), **settings)  # type: ignore[arg-type]


def test_it_runs_where_it_can_be_imported() -> None:
    assert PyinstrumentCollector().missing(make_host()) is None
    missing = PyinstrumentCollector().missing(make_host(packages={}))
    assert missing is not None
    assert "not installed" in missing.why
    assert missing.remedy == "whet doctor --install --python /py"


def test_where_it_does_not_exist_another_sampler_is_named() -> None:
    newer = TargetHost(Interpreter("/py", "3.15.0"), (3, 15, 0), "")
    missing = PyinstrumentCollector().missing(newer)
    assert missing is not None
    assert missing.why == "pyinstrument does not exist for Python 3.15 yet"
    assert missing.remedy == "--sampler tachyon"


@pytest.mark.parametrize(("borrowed", "folder"), [(frozenset(), None), (frozenset(("pyinstrument",)), "/site")])
def test_a_folder_is_named_only_when_it_is_borrowed(
    borrowed: frozenset[str], folder: str | None, tmp_path: Path
) -> None:
    launch = PyinstrumentCollector(make_host(borrowed=borrowed), rate=200).launch(SPEC, tmp_path)
    assert launch.agent == {"pyinstrument": {"capture": str(tmp_path / CAPTURE), "interval": 0.005, "folder": folder}}
    assert launch.captures == (("pyinstrument", tmp_path / CAPTURE),)
    assert launch.attach == ()
