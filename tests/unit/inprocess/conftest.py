from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Let no garbage collection be near: a look ends before one, wherever this process may stand."""
    was_on = gc.isenabled()
    gc.disable()
    yield
    if was_on:
        gc.enable()
