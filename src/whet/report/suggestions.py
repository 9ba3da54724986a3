"""Advice, as cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from whet.model.advice import GENERAL, Advice, Estimate
from whet.model.evidence import Ratio, Seen
from whet.model.finding import Ask, Finding, Question, Safety
from whet.model.growth import Cause
from whet.model.hotspot import LineSpot
from whet.model.trial import Proof
from whet.report.growth import describe_cause
from whet.report.parts import Kind, Suggestion, SuggestionGroup, describe_callees
from whet.report.places import Places
from whet.report.proof import describe_trial, order_advice
from whet.report.units import NOTHING, Figure, format_count, format_factor, share_figure

_MEANING = {
    Safety.SAFE: "equivalent under conditions that the source shows",
    Safety.OBSERVED: "equivalent given the values seen at run time",
    Safety.OFFER: "a minor behaviour change, which the text names",
    Safety.ADVICE: "no edit, only advice",
}


_MANY = 10
"""Ratio of runs from which two decimals are too many."""
_MOST_SHOWN = 10.0
"""The highest end of an estimate that is shown: beyond, it depends on what little is outside the lines."""
MOST_CARDS = 60
"""Number of suggestions shown in full."""


def list_suggestions(
    advice: Sequence[Advice],
    places: Places,
    proof: Proof | None = None,
    *,
    include_source: bool = True,
    lines: Mapping[tuple[str, int], LineSpot] | None = None,
    causes: Sequence[Cause] = (),
) -> tuple[Suggestion, ...]:
    """Return one card for each advice, in the order of :func:`order_advice`. A diff is source.

    ``lines`` are the run's, by file and line: what those of an advice call is part of its evidence, and so is how they
    grow (``causes``).
    """
    proof, lines = proof or Proof(), lines or {}
    grown = {cause.advice: describe_cause(cause) for cause in causes}
    return tuple(
        replace(card, evidence=(*card.evidence, grown[card.id])) if card.id in grown else card
        for card in (_make_card(item, places, proof, include_source, lines) for item in order_advice(advice, proof))
    )


def group_suggestions(suggestions: Sequence[Suggestion]) -> tuple[SuggestionGroup, ...]:
    """Return the suggestions by verdict; empty groups are left out."""
    proven = tuple(item for item in suggestions if item.is_proven)
    refuted = tuple(item for item in suggestions if item.is_refuted)
    open_ones = [item for item in suggestions if not item.is_proven and not item.is_refuted]
    untested, advice, general = (tuple(item for item in open_ones if item.kind is kind) for kind in Kind)
    groups = (
        SuggestionGroup(
            "proven",
            "Measured faster",
            "With and without each rewrite, on this workload; largest saving first.",
            proven,
        ),
        SuggestionGroup(
            "untested", "Untested", "Not tried yet: gains are estimates; measure them with `whet prove`.", untested
        ),
        SuggestionGroup(
            "advice",
            "To change by hand",
            "No rewrite: after a change of your own, `whet prove --against HEAD` measures it.",
            advice,
        ),
        SuggestionGroup("general", "In general", "About the program as a whole, and true of many.", general),
        SuggestionGroup(
            "refuted", "Tried, no gain", "Rewrites that did not help, or were not shown to.", refuted, folded=True
        ),
    )
    return tuple(group for group in groups if group.items)


def describe_seen(seen: Seen) -> str:
    """Return a sentence: ``self.seen: seen 214 times: always list, about 2,000 long, of int``."""
    if seen.distinct is not None:
        calls = format_count(seen.samples)
        return (
            f"{format_count(seen.distinct)} different arguments among {calls} calls of {seen.function} that were seen"
        )
    times = "once" if seen.samples == 1 else f"{format_count(seen.samples)} times"
    parts = [_describe_types(seen.types), _describe_length(seen), _describe_elements(seen.elements)]
    said = ", ".join(part for part in parts if part)
    return f"{seen.name}: seen {times}: {said}" if said else f"{seen.name}: seen {times}"


def describe_ratio(ratio: Ratio) -> str:
    """Return a sentence: ``line 12: ran 67 times for each 100 runs of line 9``, ``lines 3 to 5: 12 % of the run``."""
    here = _describe_lines(ratio.lines)
    if ratio.ask is Ask.SHARE:
        return f"{here}: {ratio.value * 100:.0f} % of {_describe_lines(ratio.of) if ratio.of else 'the run'}"
    if ratio.value >= _MANY:
        return f"{here}: ran {format_count(round(ratio.value))} times for each run of {_describe_lines(ratio.of)}"
    return f"{here}: ran {round(100 * ratio.value)} times for each 100 runs of {_describe_lines(ratio.of)}"


def describe_unanswered(questions: Sequence[Question]) -> list[str]:
    """Return a sentence for each name: ``self.seen: no value was seen; is it always list, at least 20 long?``."""
    asked: dict[str, list[str]] = {}
    for question in questions:
        asked.setdefault(question.name, []).append(_put_in_words(question))
    return [f"{name}: no value was seen; is it {', '.join(parts)}?" for name, parts in asked.items()]


def _put_in_words(question: Question) -> str:
    kinds = [_plain(name) for name in (question.expects or question.excludes)]
    named = " or ".join(kinds) if len(kinds) < 4 else f"{', '.join(kinds[:3])} or similar"
    if question.ask is Ask.LENGTH:
        return f"at least {question.at_least:,} long"
    of = "of " if question.ask is Ask.ELEMENTS else ""
    return f"{'always' if question.expects else 'never'} {of}{named}"


def _describe_lines(lines: Sequence[int]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    if list(lines) == list(range(min(lines), max(lines) + 1)):
        return f"lines {min(lines)} to {max(lines)}"
    return f"lines {', '.join(map(str, lines[:-1]))} and {lines[-1]}"


def _choose_kind(advice: Advice) -> Kind:
    finding = advice.finding
    if finding.rule in GENERAL:
        return Kind.GENERAL
    has_rewrite = (finding.edits or advice.diff) and finding.safety is not Safety.ADVICE
    return Kind.REWRITE if has_rewrite else Kind.ADVICE


def _list_calls(finding: Finding, lines: Mapping[tuple[str, int], LineSpot]) -> list[str]:
    """Return a sentence for each of a finding's lines that called others' code: ``line 4: Template.render 74 %``."""
    numbers = finding.lines or (finding.line,)
    spots = [spot for number in dict.fromkeys(numbers) if (spot := lines.get((finding.file, number))) is not None]
    spots.sort(key=lambda spot: -spot.cost.spent_ns)
    return [f"line {spot.line}: {describe_callees(spot.callees)} of its time" for spot in spots[:2] if spot.callees]


def _make_card(
    advice: Advice, places: Places, proof: Proof, include_source: bool, lines: Mapping[tuple[str, int], LineSpot]
) -> Suggestion:
    finding = advice.finding
    trial = advice.trial or proof.trial_of(advice.id)
    return Suggestion(
        id=advice.id,
        kind=_choose_kind(advice),
        rule=finding.rule,
        file=places.show(finding.file),
        line=finding.line,
        end_line=finding.end_line,
        function=finding.function,
        title=finding.title,
        message=finding.message,
        safety=finding.safety.value,
        safety_means=_MEANING[finding.safety],
        verdict=(trial.verdict if trial else advice.verdict).value,
        share=share_figure(advice.share, advice.share_error),
        share_error=advice.share_error,
        estimate=describe_estimate(advice.estimate),
        low=advice.estimate.low,
        is_measured=advice.estimate.is_measured,
        high=advice.estimate.high,
        evidence=(
            *map(describe_seen, advice.seen),
            *(() if finding.rule in GENERAL else _list_calls(finding, lines)),
            *map(describe_ratio, advice.ratios),
            *describe_unanswered(advice.unanswered),
        ),
        seen=advice.seen,
        diff=advice.diff if include_source else "",
        anchor=places.line_anchor(finding.file, finding.line),
        function_line=finding.function_line,
        proof=describe_trial(trial, proof) if trial else None,
        edits=finding.edits if include_source else (),
        memory=advice.memory,
    )


def describe_estimate(estimate: Estimate) -> Figure:
    """Return what a rewrite may gain for the whole run: ``1.2–1.6×``."""
    low, high = format_factor(estimate.low), format_factor(estimate.high)
    if estimate.high > _MOST_SHOWN:
        high = f"{format_factor(max(estimate.low, _MOST_SHOWN))} or more"
    if not estimate.is_measured:
        return Figure("not measured", None, "the rule has no benchmark figures for this form")
    if high == format_factor(1.0):
        return Figure(NOTHING, None, "the gain is not estimated")
    if low == high:
        return Figure(f"about {high}", estimate.high)
    if estimate.low > _MOST_SHOWN:
        return Figure(high, estimate.high)
    if low == format_factor(1.0):
        return Figure(f"up to {high}", estimate.high)
    return Figure(f"{low.rstrip('×')}–{high}", estimate.high)


def _describe_types(types: Mapping[str, int]) -> str:
    if not types:
        return ""
    names = sorted(types, key=lambda name: (-types[name], name))
    if len(names) == 1:
        return f"always {_plain(names[0])}"
    told = [f"{_plain(name)} {format_count(types[name])}×" for name in names[:3]]
    return ", ".join(told) + (f" and {len(names) - 3} more types" if len(names) > 3 else "")


def _describe_length(seen: Seen) -> str:
    low, middle, high = seen.min_length, seen.median_length, seen.max_length
    if middle is None:
        return ""
    if low == high:
        return f"{format_count(middle)} long"
    spread = f" ({format_count(low)} to {format_count(high)})" if low is not None and high is not None else ""
    narrow = low is not None and high is not None and high <= 1.2 * low
    return f"about {format_count(middle)} long{'' if narrow else spread}"


def _describe_elements(elements: Mapping[str, int]) -> str:
    names = sorted(elements, key=lambda name: (-elements[name], name))
    if not names:
        return ""
    if len(names) > 3:
        return f"of {', '.join(map(_plain, names[:3]))} and {len(names) - 3} more types"
    return "of " + " and ".join(map(_plain, names))


def _plain(name: str) -> str:
    return name.removeprefix("builtins.")
