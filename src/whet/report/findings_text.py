"""Findings for people, one per line: ``file:line:col slug message``, as linters print them."""

from __future__ import annotations

from collections import Counter

from whet.model.checked import CheckedFinding, CheckResult
from whet.report.sanitize import encodable, show

_BOLD, _CYAN, _RED, _DIM = "1", "36", "1;31", "2"


def render_text(result: CheckResult, *, color: bool = False, fixing: bool = False, summary: bool = True) -> str:
    """Return the findings and, if wanted, a summary. ``fixing``: fixable findings have already been fixed."""
    lines = [describe_finding(item, color=color) for item in result.findings]
    return _join(lines, result, color=color, fixing=fixing, summary=summary)


def render_statistics(result: CheckResult, *, color: bool = False, fixing: bool = False, summary: bool = True) -> str:
    """Return the number of findings per rule, most first, and a summary."""
    rows = count_rules(result)
    width = max((len(str(count)) for _, count, _ in rows), default=0)
    slugs = max((len(show(slug)) for slug, _, _ in rows), default=0)
    lines = [
        f"{_paint(str(count).rjust(width), _BOLD, color)}  {_paint(show(slug).ljust(slugs), _RED, color)}  "
        f"[{'*' if fixable else ' '}]  {show(result.rules[slug].title) if slug in result.rules else ''}".rstrip()
        for slug, count, fixable in rows
    ]
    return _join(lines, result, color=False, fixing=fixing, summary=summary)


def _join(lines: list[str], result: CheckResult, *, color: bool, fixing: bool, summary: bool) -> str:
    if summary:
        gap = [""] if lines and color else []
        lines = [*lines, *gap, *_summarise(result, fixing=fixing)]
    return encodable("".join(f"{line}\n" for line in lines))


def count_rules(result: CheckResult) -> list[tuple[str, int, bool]]:
    """Return slug, number of findings and whether ``--fix`` would fix any, most findings first."""
    counts = Counter(item.finding.rule for item in result.findings)
    fixable = {item.finding.rule for item in result.findings if item.fixable}
    return [(slug, count, slug in fixable) for slug, count in sorted(counts.items(), key=lambda row: (-row[1], row[0]))]


def describe_finding(item: CheckedFinding, *, color: bool = False) -> str:
    """Return one finding on one line."""
    finding = item.finding
    facts = [finding.safety.value]
    if item.share is not None and item.share > 0:
        facts.append(f"at least {item.share * 100:.0f} % of the run")
    separator = _paint(":", _CYAN, color)
    place = separator.join((_paint(show(item.shown), _BOLD, color), str(finding.line), str(finding.column + 1)))
    mark = f" {_paint('[*]', _CYAN, color)}" if item.fixable else ""
    tail = _paint(f"({', '.join(facts)})", _DIM, color)
    return f"{place} {_paint(show(finding.rule), _RED, color)}{mark} {show(finding.message)} {tail}"


def _summarise(result: CheckResult, *, fixing: bool) -> list[str]:
    count, files = len(result.findings), _count(result.files, "file")
    fixed = sum(result.fixed.values())
    fixable = sum(item.fixable for item in result.findings)
    done = f", {fixed} fixed" if fixed else ""
    if result.failures:
        done += f"; {len(result.failures)} could not be checked"
    if not count:
        return [f"No findings{' left' if fixed else ''} in {files}{done}."]
    lines = [f"Found {_count(count, 'finding')} in {files}{done}."]
    if fixable and not fixing:
        lines.append(f"[*] {fixable} can be fixed with `--fix`.")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _paint(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color else text
