"""What holds for all tests: how they are spread over worker processes, and that none may fail by chance or slowness."""

from __future__ import annotations

import compileall
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import whet
import whet_rules

# The same examples each time: what fails, the change at hand has broken. `--hypothesis-profile search` tries others.
settings.register_profile("search", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("any machine", settings.get_profile("search"), derandomize=True, database=None)
settings.load_profile("any machine")

# A shell's background jobs ignore these, and what a test starts would do so too.
for name in ("SIGINT", "SIGQUIT", "SIGHUP"):
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)

CACHE = "XDG_CACHE_HOME"
"""Where whet has its cache, on any system where it is set."""
OTHERS_CACHES = {"PIP_CACHE_DIR": "pip", "UV_CACHE_DIR": "uv", "PLAYWRIGHT_BROWSERS_PATH": "ms-playwright"}
"""Who else looks there, but on Windows and macOS, and the variables that name their folders."""
KEPT_CACHE = "WHET_TESTS_CACHE"
"""What tests fetch is kept there from one session to the next."""

RERUNS = 2
"""How often a failed test of a real profiler, browser or installation is run again.

What a sampler says is statistics, and a busy machine adds to its error. What fails three times in a row is a fault."""
RERUN = ("integration", "browser", "packaging", "packages")
"""The folders of such tests. Each rerun is listed in pytest's summary."""


def pytest_configure(config: pytest.Config) -> None:
    """Give whet a cache folder of the session's own: what tests render and fetch is nothing for the user's.

    All of whet is compiled ahead: the runs that tests start write no bytecode, and each would compile it for itself.
    """
    if hasattr(config, "workerinput"):  # has the environment of the process that did it
        return
    kept = Path(os.environ.get(CACHE) or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache")
    os.environ.setdefault(KEPT_CACHE, str(kept / "whet-tests"))
    if sys.platform not in ("win32", "darwin"):
        for variable, name in OTHERS_CACHES.items():
            os.environ.setdefault(variable, str(kept / name))
    os.environ[CACHE] = folder = tempfile.mkdtemp(prefix="whet-tests-cache-")
    for package in (whet, whet_rules):
        compileall.compile_dir(Path(package.__file__).parent, quiet=1)
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests of the folders ``RERUN`` be run again."""
    depth = len(Path(__file__).parent.parts)
    for item in items:
        if item.path.parts[depth] in RERUN:
            item.add_marker(pytest.mark.flaky(reruns=RERUNS))
