from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.pipeline.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    return Workbench(tmp_path, monkeypatch)
