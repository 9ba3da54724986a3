"""What the tools of ``whet mcp`` answer: text of bounded length, made from the JSON that whet's commands print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from whet.report.sanitize import shorten, show, show_source
from whet.report.units import format_bytes, format_count, format_seconds, format_share

MOST_CHARACTERS = 12_000
"""Of an answer: about 3,000 tokens."""
MOST_DIFF = 4_000
_LONGEST_LINE = 300
_WITHOUT_COMPARISON = frozenset({"different output", "failed", "not run"})
"""Verdicts of changes whose output was not equal, or not compared."""
Report = Mapping[str, Any]


def bound(lines: Iterable[str], more: str, most: int = MOST_CHARACTERS) -> str:
    """Return ``lines`` as text of at most ``most`` characters; ``more`` says how to get those that are left out."""
    kept: list[str] = []
    size = 0
    left = 0
    for line in lines:
        shown = shorten(line, _LONGEST_LINE)
        if left or size + len(shown) + 1 > most - 200:
            left += 1
            continue
        kept.append(shown)
        size += len(shown) + 1
    if left:
        kept.append(f"[{left:,} lines left out; {more}]")
    return "\n".join(kept)


def describe_run(report: Report, name: str) -> Iterator[str]:
    """Yield what a run is: its program, times, samples and warnings."""
    words = " ".join(map(str, report["command"]))
    yield f"run {name}: {show(words)} on {report['python']['implementation']} {report['python']['version']}"
    times = [(report["duration_seconds"], "wall"), (report["cpu_seconds"], "CPU")]
    told = [f"{format_seconds(seconds * 1e9)} {what}" for seconds, what in times if seconds is not None]
    yield ", ".join([*told, f"{report['samples']:,} samples", f"exit status {report['exit_status']}"])
    for warning in report["warnings"][:3]:
        yield f"warning: {show(warning['message'])}"


def describe_hotspots(report: Report, limit: int, offset: int, file: str = "") -> Iterator[str]:
    """Yield the hottest lines and functions; ``file`` keeps those of one file."""
    yield "share: of the run, time of the place and of what it calls outside the user's code"
    for kind in ("functions", "lines"):
        rows = [row for row in report[kind] if row["spent_seconds"] and (not file or row["file"] == file)]
        chosen = rows[offset : offset + limit]
        last = offset + len(chosen)
        yield f"{kind} {offset + 1} to {last} of {len(rows)}" if chosen else f"no {kind}"
        for row in chosen:
            yield f"{_state_cost(row)}  {show(row['file'])}:{row['line']}  {show(row['name'])}{_state_callees(row)}"
        if last < len(rows):
            yield f"[more: hotspots(offset={last})]"


def _state_cost(row: Mapping[str, Any]) -> str:
    facts = [format_share(row["spent_share"], row["share_error"]), format_seconds(row["spent_seconds"] * 1e9)]
    if row["waiting_seconds"]:
        facts.append(f"{format_seconds(row['waiting_seconds'] * 1e9)} waiting")
    if row["hits"] is not None:
        facts.append(f"{format_count(row['hits'])} hits")
    if row["allocated_bytes"]:
        facts.append(f"{format_bytes(row['allocated_bytes'])} allocated")
    return ", ".join(facts)


def _state_callees(row: Mapping[str, Any]) -> str:
    calls = ", ".join(f"{show(each['name'])} {each['share'] * 100:.0f} %" for each in row.get("callees", ()))
    return f"  calls {calls}" if calls else ""


def describe_advice(report: Report, limit: int, offset: int) -> Iterator[str]:
    """Yield suggestions, those that save most first, each with its diff where it has one."""
    advice: Sequence[Mapping[str, Any]] = report["advice"]
    if not advice:
        yield "no rule has a suggestion for the hot lines; read them with source(), and try a change with prove_patch()"
    for number, item in enumerate(advice[offset : offset + limit], offset + 1):
        share = format_share(item["share"], item["share_error"])
        yield f"{number}. {show(item['title'])}  {show(item['file'])}:{item['line']}  {item['rule']}"
        estimate = item["estimate"]
        gain = (
            f"estimated {estimate['low']:.2g}× to {estimate['high']:.2g}×"
            if estimate["is_measured"]
            else "gain unknown"
        )
        yield f"   {share} of the run, {gain}, {item['safety']}, {item['verdict']}"
        yield f"   {show(item['message'])}"
        yield from (f"   {line}" for line in _cut(item["diff"], MOST_DIFF))
    last = offset + limit
    if last < len(advice):
        yield f"[{len(advice) - last} more: advice(offset={last})]"


def annotate(text: str, report: Report, file: str, first: int, last: int) -> Iterator[str]:
    """Yield lines ``first`` to ``last`` of a source with what each costs."""
    costs = {row["line"]: row for row in report["lines"] if row["file"] == file}
    lines = text.splitlines()
    yield f"{show(file)}, lines {first} to {min(last, len(lines))} of {len(lines)}"
    yield "    share       time      hits  line"
    for number in range(first, min(last, len(lines)) + 1):
        row = costs.get(number)
        share = format_share(row["spent_share"]) if row and row["spent_seconds"] else ""
        time = format_seconds(row["spent_seconds"] * 1e9) if share and row else ""
        hits = format_count(row["hits"]) if row and row["hits"] is not None else ""
        yield f"{share:>9} {time:>10} {hits:>9}  {number:>4} | {show_source(lines[number - 1])}"


def describe_proof(proof: Report) -> Iterator[str]:
    """Yield the verdict on a change, with its interval, and what was compared."""
    change = proof["rewrites"][0] if proof["rewrites"] else None
    total = proof["total"]
    gain = total["gain"] or (change["gain"] if change else None)
    verdict = total["verdict"] if total["gain"] else change["verdict"] if change else "not run"
    yield f"verdict: {verdict}"
    if change is not None and change["why"]:
        yield f"why: {show_source(change['why'])}"
    if gain is not None:
        before, after = (format_seconds(gain[f"{side}_seconds"] * 1e9) for side in ("before", "after"))
        yield (
            f"speed: {gain['speed']:.3g}× [{gain['low']:.3g}, {gain['high']:.3g}] of the program's before,"
            f" {gain['confidence'] * 100:.5g} % confidence, {gain['pairs']} pairs of runs, {gain['clock']} seconds:"
            f" {before} before, {after} after"
        )
        if gain["memory"] is not None:
            memory = gain["memory"]
            yield f"peak memory: {memory['ratio']:.3g} [{memory['low']:.3g}, {memory['high']:.3g}] of that before"
    yield from map(_describe_hunk, proof["hunks"])
    if verdict not in _WITHOUT_COMPARISON:
        yield from _state_checked(proof["checked"])
    yield from (f"note: {show(note)}" for note in proof["notes"][:10])
    yield f"{proof['executions']} executions in {proof['seconds']:.0f} s; no file of the project was changed"


def _describe_hunk(hunk: Report) -> str:
    gain = hunk["gain"]
    factor = f" {gain['speed']:.3g}× [{gain['low']:.3g}, {gain['high']:.3g}]" if gain else ""
    why = f": {show_source(hunk['why'])}" if hunk["why"] else ""
    return f"{show(hunk['title'])} ({show(hunk['place'])}), the others in place: {hunk['verdict']}{factor}{why}"


def _state_checked(checked: Mapping[str, Any]) -> Iterator[str]:
    if checked["is_checked"]:
        files = f" and {len(checked['files'])} files" if checked["files"] else ""
        tests = f"; tests passed: {show(checked['tests'])}" if checked["tests"] else ""
        yield f"output: equal before and after ({checked['stdout_bytes']:,} bytes of stdout{files} compared{tests})"
    else:
        why = show(checked["why_not"]) or "the program printed nothing"
        yield f"output: not compared ({why}); pass tests= or compare="
    written = checked["written_not_compared"]
    if written:
        yield f"written and not compared: {', '.join(map(show, written[:5]))}; pass compare= to have them compared"


def describe_findings(findings: Sequence[Mapping[str, Any]], limit: int, offset: int) -> Iterator[str]:
    """Yield what the rules found in sources."""
    yield f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
    for item in findings[offset : offset + limit]:
        share = f"{format_share(item['share'])} of the profile, " if item["share"] is not None else ""
        facts = f"{share}{item['safety']}, {'fixable' if item['fixable'] else 'no rewrite'}"
        yield f"{show(item['file'])}:{item['line']}  {item['rule']}  {show(item['title'])} ({facts})"
        yield f"   {show(item['message'])}"
    last = offset + limit
    if last < len(findings):
        yield f"[{len(findings) - last} more: check(offset={last})]"


def describe_output(name: str, data: bytes, size: int, most: int = 2_000) -> Iterator[str]:
    """Yield the end of what a program printed; ``size`` is all of it in bytes."""
    if size:
        text = data[-most:].decode("utf-8", "replace")
        yield f"{name}, {size:,} bytes{', the end' if size > most else ''}:"
        yield from (f"  {show_source(line)}" for line in text.splitlines())


def _cut(text: str, most: int) -> Iterator[str]:
    yield from show_source(text[:most]).splitlines()
    if len(text) > most:
        yield f"[{len(text) - most:,} more characters]"
