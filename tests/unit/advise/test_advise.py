"""Findings joined to measured lines, weighed by values, ranked, settled."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.advise import advise
from whet.advise.answers import answer
from whet.advise.estimate import estimate_gain, saved_share, whole_gain
from whet.engine.loading import load_rules
from whet.model.advice import Estimate
from whet.model.evidence import Evidence, Seen
from whet.model.finding import Ask, Finding, Question, Safety, Speed, Speedup
from whet.model.frame import Owner
from whet.model.hotspot import Callee, Cost, FunctionSpot, Hotspots, LineSpot
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile
from whet.model.trial import Verdict

FILE = "/p/a.py"
SPEEDUPS = tuple(
    Speedup(python, size, factor)
    for python, row in {"3.11": {10: 2.0, 1000: 50.0}, "3.13": {10: 3.0, 1000: 90.0}}.items()
    for size, factor in row.items()
)


def finding(line=5, rule="list-membership", **more):
    return Finding(
        **{
            "rule": rule,
            "file": FILE,
            "line": line,
            "end_line": line,
            "column": 4,
            "function": "f",
            "function_line": 1,
            "title": "t",
            "message": "m",
            "safety": Safety.OBSERVED,
            "speed": Speed.ASYMPTOTIC,
            "lines": (line,),
            "snippet": f"x in y{line}",
            **more,
        }
    )


def hotspots(**shares):
    """``L5=0.4`` is a line that computes for 40 % of a run of ten seconds; ``W5=0.2`` one that waits."""
    busy = 10_000_000_000
    lines = {}
    for key, share in shares.items():
        line = int(key[1:])
        ns = round(share * busy)
        cost = Cost(attributed_ns=ns if key[0] == "L" else 0, waiting_ns=ns if key[0] == "W" else 0, share_error=0.01)
        lines[(FILE, line)] = LineSpot(FILE, line, "f", 1, Owner.USER, cost)
    return Hotspots(busy_ns=busy, lines=tuple(lines.values()), line_index=lines)


def run(*seen, version="3.13.1"):
    return Run(
        "0",
        ("a.py",),
        "",
        "/p",
        "/p",
        Interpreter("python", version),
        sources={FILE: SourceFile(FILE, "a.py", "", "")},
        evidence=Evidence(100, seen),
    )


def look(types=None, lengths=None, elements=None, name="y", samples=10, line=1):
    low, middle, high = lengths or (None, None, None)
    return Seen(FILE, "f", line, name, samples, types or {}, elements or {}, low, middle, high)


def ask(what=Ask.TYPES, **more):
    return Question("y", what, 1, FILE, "f", **more)


def test_share_is_charged_and_waiting_time_of_the_lines():
    seen = replace(hotspots(L5=0.25, W6=0.15, L7=0.5), samples=2400)
    (item,) = advise(run(), seen, (finding(lines=(5, 6, 6, 9)),))
    assert item.share == pytest.approx(0.4)
    assert item.share_error == pytest.approx(math.sqrt(0.4 * 0.6 / 2400), rel=0.01)
    assert item.verdict is Verdict.UNTESTED


def call_out(spots, line, **parts):
    """Let a line spend parts of its time in functions that it calls: ``json=0.5``."""
    callees = tuple(Callee(name, f"/lib/{name}.py", 1, part) for name, part in parts.items())
    index = {
        place: replace(spot, callees=callees) if place[1] == line else spot for place, spot in spots.line_index.items()
    }
    return replace(spots, lines=tuple(index.values()), line_index=index)


def test_what_saves_the_interpreters_own_work_is_not_credited_with_what_lines_call():
    spots = replace(call_out(hotspots(L5=0.8), 5, queries=0.7, cache=0.2), samples=1000)
    loop = replace(finding(), speed=Speed.CONSTANT)
    (item,) = advise(run(), spots, (loop,))
    assert item.share == pytest.approx(0.08)
    (whole,) = advise(run(), spots, (finding(),))
    assert whole.share == pytest.approx(0.8)
    assert advise(run(), call_out(hotspots(L5=0.8), 5, queries=1.0), (loop,)) == ()


def test_cold_findings_are_silent():
    cold = hotspots(L5=0.009)
    assert advise(run(), cold, (finding(),)) == ()
    assert len(advise(run(), cold, (finding(),), least_share=0.001)) == 1
    assert advise(run(), hotspots(L6=0.9), (finding(),)) == ()
    assert advise(run(), hotspots(L6=0.9), (finding(),), least_share=0.0) == ()
    assert advise(run(), Hotspots(), (finding(),)) == ()


@pytest.mark.parametrize(
    ("question", "seen", "stands"),
    [
        (ask(expects=("builtins.list",)), look({"builtins.list": 10}), True),
        (ask(expects=("builtins.list",)), look({"builtins.set": 10}), False),
        (ask(expects=("builtins.list",)), look({"builtins.list": 9, "builtins.NoneType": 1}), True),
        (ask(expects=("builtins.list",)), look({"builtins.list": 1, "builtins.dict": 9}), False),
        (ask(expects=("builtins.str",)), look({"builtins.bytes": 10}), False),
        (ask(excludes=("builtins.list",)), look({"builtins.str": 9, "builtins.list": 1}), False),
        (
            ask(Ask.ELEMENTS, excludes=("builtins.list",)),
            look({"builtins.list": 9}, elements={"builtins.int": 9}),
            True,
        ),
        (
            ask(Ask.ELEMENTS, excludes=("builtins.list",)),
            look({"builtins.list": 9}, elements={"builtins.list": 9}),
            False,
        ),
        (ask(Ask.LENGTH, at_least=9), look(lengths=(1, 2, 3)), False),
        (ask(Ask.LENGTH, at_least=9), look(lengths=(1, 2, 300)), True),
        (ask(Ask.LENGTH, at_least=9), look(lengths=(1, 1, 1), samples=2), True),
        (ask(needed=True), look({"builtins.list": 10}), True),
        (ask(needed=True), look({"builtins.list": 10}, name="z"), False),
        (ask(), look({"builtins.list": 10}, name="z"), True),
    ],
)
def test_values_seen_decide(question, seen, stands):
    result = advise(run(seen), hotspots(L5=0.5), (finding(questions=(question,)),), answer=answer)
    assert bool(result) is stands
    if stands:
        answered = seen.name == "y"
        assert result[0].seen == ((seen,) if answered else ())
        assert result[0].unanswered == (() if answered else (question,))


def test_the_default_answer_is_the_place_that_was_asked_about():
    item = finding(questions=(ask(expects=("builtins.list",)),))
    assert advise(run(look({"builtins.set": 9})), hotspots(L5=0.5), (item,)) == ()
    assert len(advise(run(look({"builtins.set": 9}, line=2)), hotspots(L5=0.5), (item,))) == 1


def counted(**hits):
    """``L5=7`` is a line that ran seven times, ``F2=9`` a function that was called nine times."""
    spots = hotspots(L5=0.5)
    lines = {(FILE, 5): spots.line_index[FILE, 5]}
    functions = []
    for key, count in hits.items():
        line = int(key[1:])
        cost = Cost(attributed_ns=spots.busy_ns // 2 if line == 5 else 0, hits=count)
        if key[0] == "F":
            functions.append(FunctionSpot(FILE, "f", line, line + 1, Owner.USER, cost))
        else:
            lines[FILE, line] = LineSpot(FILE, line, "f", 1, Owner.USER, cost)
    return replace(spots, line_index=lines, functions=tuple(functions))


@pytest.mark.parametrize(
    ("spots", "least", "value"),
    [
        (counted(L5=100, L7=40), 0.3, 0.4),
        (counted(L5=100, L7=40), 0.5, None),
        (counted(L5=100, L7=20, L9=30), 0.5, 0.5),
        (counted(L5=100), 0.1, None),
        (counted(L5=100), 0.0, 0.0),
        (counted(L5=100, L7=None), 0.0, None),
        (counted(L5=10, F7=40, L7=1), 3.0, 4.0),
        (counted(L5=10, F7=None, L7=1), 0.0, None),
        (hotspots(L5=0.5, L7=0.2), 0.0, None),
        (counted(L7=40), 0.0, None),
        (counted(L5=0, L7=40), 0.0, None),
    ],
)
def test_counts_of_lines_decide(spots, least, value):
    question = Question("", Ask.RUNS, 1, FILE, lines=(7, 9), of=(5,), least=least, needed=True)
    result = advise(run(), spots, (finding(questions=(question,)),))
    assert [ratio.value for item in result for ratio in item.ratios] == (
        [] if value is None else [pytest.approx(value)]
    )
    assert bool(result) is (value is not None)


@pytest.mark.parametrize(
    ("of", "least", "value"), [((), 0.1, 0.2), ((), 0.3, None), ((5,), 0.3, 0.4), ((5,), 0.5, None), ((99,), 0.0, None)]
)
def test_what_lines_cost_decides(of, least, value):
    question = Question("", Ask.SHARE, 1, FILE, lines=(7, 8), of=of, least=least, needed=True)
    result = advise(run(), hotspots(L5=0.5, L7=0.15, W8=0.05), (finding(questions=(question,)),))
    assert [ratio.value for item in result for ratio in item.ratios] == (
        [] if value is None else [pytest.approx(value)]
    )


def test_what_lines_cost_more_than_they_may_refutes():
    for most, is_advice in ((None, True), (0.0, False), (0.3, True)):
        question = Question("", Ask.SHARE, 1, FILE, lines=(7, 8), most=most)
        result = advise(run(), hotspots(L5=0.5, L7=0.2), (finding(questions=(question,)),))
        assert bool(result) is is_advice
    unseen = Question("", Ask.SHARE, 1, FILE, lines=(9,), most=0.0)
    (item,) = advise(run(), hotspots(L5=0.5), (finding(questions=(unseen,)),))
    assert item.ratios == ()  # that something was not seen is no evidence to show


def test_a_question_about_lines_that_nobody_counted_leaves_the_finding_unless_it_needs_them():
    question = Question("", Ask.RUNS, 1, FILE, lines=(7,), of=(5,), least=0.5)
    (item,) = advise(run(), hotspots(L5=0.5), (finding(questions=(question,)),))
    assert item.ratios == ()


UPPER = 1 - 0.5 * (1 - 0.01 / 0.5) ** 2
"""The upper end of a share of a half with a standard error of 0.01."""


@pytest.mark.parametrize(
    ("version", "lengths", "low", "high"),
    [
        ("3.13.1", (1, 1000, 1000), whole_gain(0.48, 90), whole_gain(UPPER, 90)),
        ("3.13.1", (1, 40, 900), whole_gain(0.48, 3), whole_gain(UPPER, 90)),
        ("3.13.1", (1, 5, 9), 1.0, whole_gain(UPPER, 3)),
        ("3.13.1", (1, 5000, 9000), whole_gain(0.48, 90), whole_gain(UPPER, 810)),
        ("3.12.4", (10, 10, 10), whole_gain(0.48, 2), whole_gain(UPPER, 2)),
        ("3.15.0", (10, 10, 10), whole_gain(0.48, 3), whole_gain(UPPER, 3)),
        ("3.10.0", (10, 10, 10), whole_gain(0.48, 2), whole_gain(UPPER, 2)),
        ("3.13.1", None, 1.0, whole_gain(UPPER, math.inf)),
    ],
)
def test_estimates_take_the_rules_figures_at_the_size_seen(version, lengths, low, high):
    item = finding(speedups=SPEEDUPS, questions=(ask(Ask.LENGTH),))
    seen = (look(lengths=lengths),) if lengths else ()
    (advice,) = advise(run(*seen, version=version), hotspots(L5=0.5), (item,))
    assert advice.estimate.low == pytest.approx(low)
    assert advice.estimate.high == pytest.approx(high)


def test_figures_that_depend_on_no_length_span_all_sizes():
    estimate = estimate_gain(finding(speedups=SPEEDUPS), 0.5, 0.0, None, "3.13")
    assert (estimate.low, estimate.high) == (whole_gain(0.5, 3), whole_gain(0.5, 90))


@pytest.mark.parametrize(("speed", "high"), [(Speed.CONSTANT, 1.3), (Speed.FACTOR, 50), (Speed.ASYMPTOTIC, math.inf)])
def test_without_figures_the_class_of_the_rule_is_the_ceiling(speed, high):
    estimate = estimate_gain(finding(speed=speed), 0.5, 0.0, None, "3.13")
    assert (estimate.low, estimate.high) == (1.0, whole_gain(0.5, high))
    assert not estimate.is_measured
    assert estimate_gain(finding(speedups=SPEEDUPS), 0.5, 0.0, None, "3.13").is_measured


shares = st.floats(0, 1)
lengths = st.lists(st.integers(0, 10**7), min_size=3, max_size=3).map(sorted)


@given(shares, st.floats(0, 0.5), st.none() | lengths, st.sampled_from(["3.11", "3.13.0", "", "3.14.0rc1"]))
def test_no_estimate_is_above_amdahls_ceiling_or_below_one(share, error, seen, version):
    item = finding(speedups=SPEEDUPS, questions=(ask(Ask.LENGTH),))
    estimate = estimate_gain(item, share, error, look(lengths=seen) if seen else None, version)
    assert 1 <= estimate.low <= estimate.high
    assert estimate.high <= 1 / max(0.001, 0.25 * (1 - share), (1 - share) - 2 * error) + 1e-9
    assert 0 <= saved_share(estimate) < 1


@given(shares, shares, st.floats(1, 1e6))
def test_more_share_never_gains_less(a, b, gain):
    assert whole_gain(min(a, b), gain) <= whole_gain(max(a, b), gain) + 1e-12


def test_sorted_by_what_is_saved_then_by_safety():
    items = (finding(5), finding(6, safety=Safety.OFFER), finding(7, safety=Safety.SAFE), finding(8))
    result = advise(run(), hotspots(L5=0.1, L6=0.2, L7=0.2, L8=0.4), items)
    assert [item.finding.line for item in result] == [8, 7, 6, 5]
    saved = [saved_share(item.estimate) for item in result]
    assert saved == sorted(saved, reverse=True)


def test_one_place_one_advice():
    better = finding(5, "regex-compile", lines=(5, 6))
    worse = finding(6, "str-concat", lines=(6,))
    other = finding(7)
    spots = hotspots(L5=0.3, L6=0.2, L7=0.1)
    assert [a.finding.rule for a in advise(run(), spots, (worse, better, other))] == [
        "regex-compile",
        "list-membership",
    ]


def test_order_of_findings_does_not_matter():
    items = [finding(line, rule) for line in (5, 6, 7) for rule in ("a", "b")]
    spots = hotspots(L5=0.2, L6=0.2, L7=0.3)
    assert advise(run(), spots, tuple(items)) == advise(run(), spots, tuple(reversed(items)))


def identity(item, shown="a.py"):
    run_ = replace(run(), sources={FILE: SourceFile(FILE, shown, "", "")})
    (advice,) = advise(run_, hotspots(L5=0.5, L50=0.5), (item,))
    return advice.id


def test_identity_is_the_place_not_the_line():
    first = finding(5, snippet="x in y")
    assert identity(first) == identity(finding(50, snippet="x in y", function_line=40, column=0, message="other words"))
    others = [replace(first, snippet="x in z"), replace(first, rule="r"), replace(first, function="g")]
    assert len({identity(first), identity(first, "b.py"), *map(identity, others)}) == 5


def test_places_alike_have_identities_of_their_own():
    items = (finding(5, snippet="s"), finding(6, snippet="s"), finding(7, snippet="s"))
    ids = [advice.id for advice in advise(run(), hotspots(L5=0.3, L6=0.2, L7=0.1), items)]
    assert len(set(ids)) == 3
    alone = advise(run(), hotspots(L5=0.3), (items[0],))
    assert alone[0].id == ids[0]


def test_the_upper_end_of_a_share_is_that_of_a_count_of_what_is_outside_it():
    """Of 9 samples outside the lines 4 to 16 are within two standard errors, of 4 samples 1 to 9."""
    for outside, least in ((9, 4), (4, 1), (1, 0.25)):
        estimate = estimate_gain(finding(), 1 - outside / 1000, outside**0.5 / 1000, None, "3.13")
        assert estimate.high == pytest.approx(1000 / least if least >= 1 else 1000)


def test_no_rule_gains_more_than_the_ceiling_of_its_class_says_of_the_class():
    figures = [
        row.factor for module in load_rules() if module.rule.speed is Speed.FACTOR for row in module.rule.speedups
    ]
    assert whole_gain(1, max(figures)) <= estimate_gain(finding(speed=Speed.FACTOR), 1.0, 0.0, None, "3.13").high


def test_a_call_that_is_saved_is_saved_with_what_it_calls():
    """A cached function of 10 % calls others for 50 %: both go, and together at most all of the run."""
    spots = hotspots(L5=0.1, L6=0.2)
    lines = {
        key: replace(spot, cost=replace(spot.cost, total_ns=spot.cost.attributed_ns + 5_000_000_000))
        for key, spot in spots.line_index.items()
    }
    seen = replace(spots, lines=tuple(lines.values()), line_index=lines, samples=400)
    for wanted, share in (((5,), 0.6), ((5, 6), 1.0)):
        (item,) = advise(run(), seen, (finding(lines=wanted, saves_calls=True),))
        assert item.share == pytest.approx(share)
    (item,) = advise(run(), seen, (finding(lines=(5,)),))
    assert item.share == pytest.approx(0.1)


def test_saved_is_the_middle():
    assert saved_share(Estimate(1.0, 2.0)) == pytest.approx(0.25)
    assert saved_share(Estimate(2.0, 2.0)) == pytest.approx(0.5)


def test_nothing_is_promised_from_a_handful_of_samples():
    for samples, high in ((4, 1.0), (19, 1.0), (400, 400.0)):
        seen = replace(hotspots(L5=1.0), samples=samples)
        (item,) = advise(run(), seen, (finding(lines=(5,)),))
        assert item.estimate.low == pytest.approx(1.0)
        assert item.estimate.high == pytest.approx(high)


def test_what_a_run_shows_by_itself_no_rule_claims():
    item = replace(finding(lines=(5,)), rule="threads-cpu")
    assert advise(replace(run(), executions=()), hotspots(L5=0.5), (item,))
    measured = replace(run(), executions=(Execution(Purpose.TIME, (), 10**9, 10**9, 0),))
    assert advise(measured, hotspots(L5=0.5), (item,)) == ()
