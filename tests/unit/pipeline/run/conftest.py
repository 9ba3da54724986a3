from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.pipeline.run.pieces import SOURCE, Ask, Executions

from whet.model.run import Interpreter
from whet.pipeline.run import measure as measuring
from whet.pipeline.run.measure import Measured, measure
from whet.pipeline.run.options import MeasureOptions
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "app.py").write_text(SOURCE)
    return tmp_path


@pytest.fixture
def executions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Executions:
    made = Executions(str(folder / "app.py"))
    monkeypatch.setattr(measuring, "execute", made)
    return made


@pytest.fixture
def host() -> TargetHost:
    packages = dict.fromkeys(("line_profiler", "memray", "pyinstrument"), "/site")
    interpreter = Interpreter("/no/such/python", "3.13.0")
    return TargetHost(interpreter, (3, 13, 0), "cpython-313-x86_64-linux-gnu", packages=packages)


@pytest.fixture
def ask(folder: Path, host: TargetHost, executions: Executions) -> Ask:
    def ask(*, host: TargetHost = host, **options: object) -> Measured:
        spec = TargetSpec(TargetKind.SCRIPT, "app.py", ("--token", "hunter2hunter2"), str(folder))
        measured = measure(spec, host, MeasureOptions(**options))  # type: ignore[arg-type]
        assert isinstance(measured, Measured)
        return measured

    return ask
