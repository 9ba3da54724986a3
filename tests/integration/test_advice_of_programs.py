"""What is suggested for programs that run: it is about hot lines, and no value that was seen speaks against it."""

from __future__ import annotations

import importlib.util

import pytest
from tests.integration.pieces import TARGETS

from whet.advise.answers import answer
from whet.merge.hotspots import merge_run
from whet.model.finding import Ask
from whet.pipeline.advise.advise import advise_run
from whet.store import find_run, load_run

QUICK = ("orders.py",)
SLOW = (
    "async_callers.py", "cext.py", "closures.py", "comprehensions.py", "counted.py", "decorators.py", "generated.py",
    "generators.py", "memory_growth.py", "mp_pool.py", "naïve café.py", "pandas_frames.py", "recursion.py", "short.py",
    "threads.py",
)  # fmt: skip
VALUES = (Ask.TYPES, Ask.ELEMENTS, Ask.LENGTH)


@pytest.fixture(scope="module", params=[*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def measured(request, runner):
    """A run of a program, loaded again as ``whet report`` does."""
    if request.param.startswith("pandas") and importlib.util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed")
    fewer = ["--orders", "3000"] if request.param == "orders.py" else []
    ran = runner.whet(TARGETS / request.param, *fewer, options=["--rate", "400"])
    assert ran.status == 0, ran.words
    return load_run(find_run(None, ran.folder))


def list_speaking_against(finding, evidence):
    """Return the looks that speak against a finding: told here once more, in other words than the advice's own."""
    for question in (each for each in finding.questions if each.ask in VALUES):
        seen = answer(question, evidence)
        if seen is None:
            if question.needed:
                yield f"nobody saw {question.name}"
            continue
        kinds = dict(seen.elements if question.ask is Ask.ELEMENTS else seen.types)
        expected = sum(count for kind, count in kinds.items() if kind in question.expects)
        if question.expects and kinds and expected < sum(kinds.values()) - expected:
            yield f"{question.name} was {kinds}"
        if any(kind in question.excludes for kind in kinds):
            yield f"{question.name} was {kinds}"
        if seen.samples > 2 and seen.max_length is not None and seen.max_length < question.at_least:
            yield f"{question.name} was never longer than {seen.max_length}"


def test_suggestions_are_about_hot_lines_and_no_value_speaks_against_them(measured):
    hotspots = merge_run(measured)
    costs = {(spot.file, spot.line): spot.cost.attributed_ns + spot.cost.waiting_ns for spot in hotspots.lines}
    advice = advise_run(measured).advice
    for item in advice:
        assert item.share >= 0.01, item.finding
        lines = set(item.finding.lines)
        if lines:
            spent = sum(costs.get((item.finding.file, line), 0) for line in lines)
            assert spent >= 0.01 * hotspots.busy_ns, item.finding
        assert 1 <= item.estimate.low <= item.estimate.high, item.finding
        assert list(list_speaking_against(item.finding, measured.evidence)) == [], item.finding
    lines = [(item.finding.file, line) for item in advice for line in item.finding.lines]
    assert len(lines) == len(set(lines)), "a line has one suggestion"
