"""whet in pytest: ``--whet`` measures a session, the mark ``whet_limit`` holds a test to a time or to a use of memory.

pytest loads this module wherever whet is installed, so it imports nothing but pytest; what measures and reports runs in
processes of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from whet.pytest_limits import LimitJudge
    from whet.pytest_session import MeasuredSession

MARK = "whet_limit"
_SESSION = "whet-session"
_JUDGE = "whet-limits"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("whet", "performance (whet)")
    group.addoption("--whet", action="store_true", help="Measure where the tests spend their time, in one report.")
    group.addoption(
        "--whet-slowest", type=int, default=0, metavar="N", help="With the hottest lines of the N slowest tests."
    )
    group.addoption(
        "--whet-report", default="", metavar="FILE", help="Write the report there (.html, .json, .md, .csv)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark, and set up what was asked for."""
    config.addinivalue_line(
        "markers",
        f'{MARK}(seconds=None, memory=None): fail if the test takes longer, or more memory ("24 MB"). A test beyond its'
        " limit is repeated, and fails if its median is shown to be beyond it.",
    )
    options = config.option
    if options.whet_slowest < 0:
        raise pytest.UsageError(f"--whet-slowest {options.whet_slowest} is not a number of tests")
    if (options.whet or options.whet_slowest or options.whet_report) and not options.collectonly:
        from whet.pytest_session import MeasuredSession

        config.pluginmanager.register(MeasuredSession(config), _SESSION)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run tests that have a limit, repeated where they are beyond it. Others are left to pytest."""
    if item.get_closest_marker(MARK) is None:
        return None
    return find_judge(item.config).run(item, nextitem)


def find_judge(config: pytest.Config) -> LimitJudge:
    """Return what judges the limits of this session."""
    from whet.pytest_limits import LimitJudge

    judge: LimitJudge | None = config.pluginmanager.get_plugin(_JUDGE)
    if judge is None:
        session: MeasuredSession | None = config.pluginmanager.get_plugin(_SESSION)
        judge = LimitJudge(is_sampled=session is not None)
        config.pluginmanager.register(judge, _JUDGE)
    return judge


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Let a mark that cannot be read fail its test, with what is wrong."""
    mark = item.get_closest_marker(MARK)
    if mark is not None:
        from whet.pytest_limits import read_limits

        try:
            read_limits(mark)
        except ValueError as error:
            pytest.fail(f"{MARK}: {error}", pytrace=False)
    return (yield)
