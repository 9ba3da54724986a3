from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.prove.made_up import Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)
