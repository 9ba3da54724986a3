from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from whet.model.run import Interpreter
from whet.program.host import TargetHost


@pytest.fixture
def host() -> TargetHost:
    """The interpreter that runs the tests."""
    version = sys.version_info[:3]
    return TargetHost(Interpreter(sys.executable, ".".join(map(str, version))), version, "")


@pytest.fixture
def make_tool(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """Make a command of a few lines of Python that stands in for a profiler."""

    def make(text: str, name: str = "tool.py") -> tuple[str, ...]:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return (sys.executable, "-u", str(path))

    return make
