"""What editors show: labels, tooltips and hovers, as plain text, and diagnostics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whet.editors.issues import Issue
from whet.editors.measured import Measured, Placed, Row
from whet.report.sanitize import shorten, show
from whet.report.units import format_bytes, format_count, format_seconds, format_share

_LONGEST = 400
_MOST_CALLEES = 4
_MEANS = {
    "safe": "safe: equivalent under conditions that the source shows",
    "observed": "observed: equivalent given the values seen at run time",
    "offer": "offer: a minor behaviour change, which the text above names",
    "advice": "no rewrite: to change by hand",
}


def label_line(row: Row) -> str:
    """Return the hint behind a line: ``12.6 % · 8,200×``, the share of the run and how often the line ran."""
    hits = row.get("hits")
    return format_share(row["spent_share"]) + (f" · {format_count(hits)}×" if hits is not None else "")


def name_program(command: str) -> str:
    """Return a program's command, short enough for a menu."""
    return shorten(show(command), 60)


def describe_class(share: float, name: str) -> str:
    """Return what the hot profile ``name`` says of a statement."""
    return f"at least {share * 100:.0f} % of the run that {show(name)} was made from"


def describe_function(row: Row) -> str:
    """Return what a function cost."""
    return f"{show(row['name'])}: {describe_cost(row)}"


def describe_cost(row: Row) -> str:
    """Return the figures of a line or function in one line."""
    facts = [
        f"{format_share(row['spent_share'], row['share_error'])} of the run",
        format_seconds(row["spent_seconds"] * 1e9),
    ]
    if row["waiting_seconds"]:
        facts.append(f"of it {format_seconds(row['waiting_seconds'] * 1e9)} waiting")
    if row["hits"] is not None:
        facts.append(f"{format_count(row['hits'])} hits")
    if row["allocated_bytes"]:
        facts.append(f"{format_bytes(row['allocated_bytes'])} allocated")
    if row.get("grows"):
        facts.append(show(row["grows"]))
    return ", ".join(facts)


def describe_line(row: Row) -> Iterator[str]:
    """Yield what a line cost and where its time went."""
    yield describe_cost(row)
    if row["callees"]:
        calls = [f"{shorten(show(each['name']), 80)} {each['share'] * 100:.0f} %" for each in row["callees"]]
        yield f"calls {', '.join(calls[:_MOST_CALLEES])}{', …' if len(calls) > _MOST_CALLEES else ''}"


def describe_run(measured: Measured, placed: Placed) -> Iterator[str]:
    """Yield which run the figures are of, and whether the text is another one since."""
    yield f"whet run {shorten(show(measured.command), 160)}, {show(measured.started[:16].replace('T', ' '))}"
    if not placed.is_same:
        yield f"The file changed since: {describe_change(placed)}."


def describe_change(placed: Placed) -> str:
    """Return what became of the measured lines, for a file that changed since."""
    if not placed.gone:
        return "its measured lines are still the same"
    count = placed.gone + len(placed.lines)
    return f"{placed.gone:,} of its {count:,} measured lines {'is' if placed.gone == 1 else 'are'} gone or moved"


def describe_issue(issue: Issue, proof: str = "") -> Iterator[str]:
    """Yield all that is known of an issue; ``proof`` is the result of proving it here."""
    yield f"{show(issue.rule)}: {issue.title}"
    yield shorten(issue.message, _LONGEST * 2)
    if issue.share is not None:
        yield f"{format_share(issue.share, issue.share_error)} of the run is on its lines"
    yield from (shorten(sentence, _LONGEST) for sentence in issue.evidence[:6])
    means = _MEANS.get(issue.safety, show(issue.safety))
    yield f"{means}; {issue.estimate}" if issue.estimate else means
    if proof or issue.proof:
        yield proof or issue.proof


def describe_proof(proof: Mapping[str, Any]) -> str:
    """Return the verdict of ``whet prove --format json`` on one change, as a paragraph."""
    nothing: Row = {"verdict": "not run", "why": "", "gain": None}
    change: Row = proof["rewrites"][0] if proof["rewrites"] else nothing
    total = proof["total"]
    gain = total["gain"] or change["gain"]
    verdict = str(total["verdict"] if total["gain"] else change["verdict"])
    parts = [verdict[:1].upper() + verdict[1:]]
    if gain is not None:
        parts[0] += f": {gain['speed']:.3g}× as fast [{gain['low']:.3g}, {gain['high']:.3g}]"
        parts.append(f"{gain['confidence'] * 100:.5g} % confidence, {gain['pairs']} pairs of runs")
    if change["why"]:
        # The option is whet prove's; an editor has a setting.
        parts.append(show(change["why"]).replace("use --budget", "raise proveSeconds"))
    if verdict in {"faster", "slower", "less memory", "no difference"}:
        checked = proof["checked"]
        compared = "Output equal" if checked["is_checked"] else "Output not compared"
        why = "" if checked["is_checked"] else f" ({show(checked['why_not']) or 'the program printed nothing'})"
        parts.append(compared + why)
    parts += [show(note) for note in proof["notes"][:2]]
    return shorten(". ".join(part.rstrip(".") for part in parts), _LONGEST * 2) + "."


def join_blocks(blocks: Sequence[Sequence[str]]) -> str:
    """Return paragraphs of lines as one text."""
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)
