"""Findings joined to the growth of their lines: what the rule promises is held to what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whet.advise.growth import find_causes
from whet.model.finding import Ask, Question, Speed
from whet.model.growth import Agreement, Growth
from whet.report.fake_growth import make_fit, make_growth
from whet.report.fakes import LEDGER, make_advice


def judge(speed: Speed, exponent: float, error: float) -> Agreement:
    growth = make_growth()
    line = replace(growth.lines[0], fit=make_fit(exponent, error, 1e9))
    advice = make_advice()[0]
    advice = replace(advice, finding=replace(advice.finding, speed=speed))
    (cause,) = find_causes(replace(growth, lines=(line,)), [advice])
    return cause.agreement


@pytest.mark.parametrize(
    ("speed", "exponent", "error", "agreement"),
    [
        (Speed.ASYMPTOTIC, 2.0, 0.1, Agreement.CONFIRMED),
        (Speed.ASYMPTOTIC, 1.0, 0.1, Agreement.NOT_SEEN),
        (Speed.ASYMPTOTIC, 1.2, 0.4, Agreement.OPEN),
        (Speed.FACTOR, 2.0, 0.1, Agreement.FACTOR_ONLY),
        (Speed.CONSTANT, 2.0, 0.1, Agreement.FACTOR_ONLY),
        (Speed.CONSTANT, 1.0, 0.1, Agreement.OPEN),
    ],
)
def test_the_speed_class_is_held_to_the_measured_growth(
    speed: Speed, exponent: float, error: float, agreement: Agreement
) -> None:
    assert judge(speed, exponent, error) is agreement


def test_variables_that_the_finding_is_about_come_with_it() -> None:
    growth, (membership, joining) = make_growth(), make_advice()
    (cause,) = find_causes(growth, [membership, joining])
    assert cause.advice == membership.id
    assert cause.line.line == 23
    assert [each.name for each in cause.lengths] == ["self.numbers"]
    asked = replace(membership.finding, questions=(Question("self.numbers", Ask.LENGTH, 21, LEDGER),))
    (cause,) = find_causes(growth, [replace(membership, finding=asked, seen=())])
    assert [each.name for each in cause.lengths] == ["self.numbers"]


def test_advice_about_the_whole_run_and_lines_of_unknown_growth_have_no_cause() -> None:
    advice = make_advice()[0]
    general = replace(advice, finding=replace(advice.finding, rule="newer-python"))
    assert find_causes(make_growth(), [general]) == ()
    assert find_causes(replace(make_growth(), lines=()), [advice]) == ()
    assert isinstance(make_growth(), Growth)
