"""Findings as JSON, for programs: a list of objects, described key by key in ``docs/check.md``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from whet.model.checked import CheckedFinding, CheckResult
from whet.model.finding import Edit
from whet.report.findings_text import count_rules
from whet.report.sanitize import encodable


def render_json(result: CheckResult) -> str:
    """Return all findings as one list. Lines and columns count from 1, ends are exclusive in columns."""
    return _dump([_to_object(item) for item in result.findings])


def render_statistics_json(result: CheckResult) -> str:
    """Return the number of findings per rule."""
    rows = [
        {
            "rule": slug,
            "title": result.rules[slug].title if slug in result.rules else "",
            "count": count,
            "fixable": fixable,
        }
        for slug, count, fixable in count_rules(result)
    ]
    return _dump(rows)


def _to_object(item: CheckedFinding) -> dict[str, Any]:
    finding = item.finding
    return {
        "id": item.id,
        "file": encodable(item.shown),
        "line": finding.line,
        "end_line": finding.end_line,
        "column": finding.column + 1,
        "rule": encodable(finding.rule),
        "title": encodable(finding.title),
        "message": encodable(finding.message),
        "safety": finding.safety.value,
        "speed": finding.speed.value,
        "function": encodable(finding.function),
        "share": item.share,
        "fixable": item.fixable,
        "edits": list_edits(finding.edits),
    }


def list_edits(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    """Return edits as objects; lines and columns count from 1, the end is exclusive."""
    return [
        {
            "line": edit.line,
            "column": edit.column + 1,
            "end_line": edit.end_line,
            "end_column": edit.end_column + 1,
            "text": encodable(edit.text),
        }
        for edit in edits
    ]


def _dump(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, indent=2, allow_nan=False) + "\n"
