"""What holds for all tests: how they are spread over worker processes, and that none may fail by chance or slowness."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
# These start programs, profilers and browsers that share the machine; side by side they would disturb one another.
ONE_AT_A_TIME = [TESTS / name for name in ("integration", "browser", "packages", "packaging")]

# The same examples each time: what fails, the change at hand has broken. `--hypothesis-profile search` tries others.
settings.register_profile("search", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("any machine", settings.get_profile("search"), derandomize=True, database=None)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that start other programs on one worker under ``pytest -n``."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in ONE_AT_A_TIME):
            item.add_marker(pytest.mark.xdist_group("one at a time"))
