"""Findings as a GitLab Code Quality report."""

from __future__ import annotations

import json
from collections import Counter

from whet.model.checked import CheckResult
from whet.model.finding import Speed
from whet.report.sanitize import encodable, show

_SEVERITIES = {Speed.ASYMPTOTIC: "major", Speed.FACTOR: "minor", Speed.CONSTANT: "info"}


def render_gitlab(result: CheckResult) -> str:
    """Return the report: a list with one issue per finding, paths relative to the repository."""
    met: Counter[str] = Counter()
    issues = []
    for item in result.findings:
        finding = item.finding
        met[item.id] += 1
        share = f" At least {item.share * 100:.0f} % of the run." if item.share else ""
        issues.append(
            {
                "description": encodable(f"{show(finding.message)}{share} ({finding.safety.value})"),
                "check_name": encodable(finding.rule),
                # GitLab drops an issue with a duplicate fingerprint.
                "fingerprint": item.id if met[item.id] == 1 else f"{item.id}-{met[item.id]}",
                "severity": _SEVERITIES[finding.speed],
                "categories": ["Performance"],
                "location": {
                    "path": encodable(item.path),
                    "lines": {"begin": finding.line, "end": finding.end_line},
                },
            }
        )
    return json.dumps(issues, indent=2) + "\n"
