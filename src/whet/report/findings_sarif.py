"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from whet.model.checked import CheckedFinding, CheckResult, RuleInfo
from whet.model.finding import Edit, Safety, Speed
from whet.model.source import Notice
from whet.report.sanitize import encodable, show

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "whetFinding/v1"
"""Built from rule, path, qualified name and code, so it is stable when lines move; the same as in the HTML report."""

_LEVELS = {Speed.ASYMPTOTIC: "warning", Speed.FACTOR: "warning", Speed.CONSTANT: "note"}


def render_sarif(result: CheckResult, version: str) -> str:
    """Return one run with all findings; paths are relative to the repository, nothing identifies the machine."""
    slugs = sorted({item.finding.rule for item in result.findings})
    numbers = {slug: index for index, slug in enumerate(slugs)}
    run = {
        "tool": {
            "driver": {
                "name": "whet",
                "semanticVersion": version,
                "rules": [_describe_rule(slug, result.rules.get(slug)) for slug in slugs],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The repository's folder."}}},
        "invocations": [
            {
                "executionSuccessful": not result.failures,
                "toolExecutionNotifications": [
                    *(_notify(notice, "error") for notice in result.failures),
                    *(_notify(notice, "note") for notice in result.notices),
                ],
            }
        ],
        "results": [_describe(item, numbers[item.finding.rule]) for item in result.findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _describe_rule(slug: str, info: RuleInfo | None) -> dict[str, Any]:
    if info is None:
        return {"id": encodable(slug)}
    page = encodable(info.page)
    described: dict[str, Any] = {
        "id": encodable(slug),
        "shortDescription": {"text": encodable(info.title)},
        "fullDescription": {"text": page.partition("\n")[0] or encodable(info.title)},
        "properties": {"tags": ["performance", encodable(info.family)]},
    }
    if page:
        described["help"] = {"text": page, "markdown": page}
    return described


def _describe(item: CheckedFinding, rule_index: int) -> dict[str, Any]:
    finding = item.finding
    share = f" At least {item.share * 100:.0f} % of the run." if item.share else ""
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _locate(item.path),
            "region": {"startLine": finding.line, "startColumn": finding.column + 1, "endLine": finding.end_line},
        }
    }
    if finding.function:
        location["logicalLocations"] = [{"fullyQualifiedName": encodable(finding.function), "kind": "function"}]
    described: dict[str, Any] = {
        "ruleId": encodable(finding.rule),
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.speed],
        "message": {"text": _write_message(finding.message) + share},
        "locations": [location],
        "partialFingerprints": {FINGERPRINT: item.id},
        "properties": {"safety": finding.safety.value, "share": item.share},
    }
    if item.share is not None:
        described["rank"] = round(item.share * 100, 1)
    if finding.edits and finding.safety is not Safety.ADVICE:
        described["fixes"] = [
            {
                "description": {"text": _write_message(finding.title)},
                "artifactChanges": [
                    {
                        "artifactLocation": _locate(item.path),
                        "replacements": [_replace(edit) for edit in finding.edits],
                    }
                ],
            }
        ]
    return described


def _locate(path: str) -> dict[str, Any]:
    """Return a location: relative to the repository, or as an absolute URI for files outside it."""
    clean = encodable(path)
    if path.startswith("/"):
        return {"uri": f"file://{quote(clean)}"}
    if path[1:3] == ":/":
        return {"uri": f"file:///{quote(clean, safe='/:')}"}
    return {"uri": quote(clean), "uriBaseId": "SRCROOT"}


def _replace(edit: Edit) -> dict[str, Any]:
    return {
        "deletedRegion": {
            "startLine": edit.line,
            "startColumn": edit.column + 1,
            "endLine": edit.end_line,
            "endColumn": edit.end_column + 1,
        },
        "insertedContent": {"text": encodable(edit.text)},
    }


def _notify(notice: Notice, level: str) -> dict[str, Any]:
    hint = f"; {notice.hint}" if notice.hint else ""
    return {"level": level, "message": {"text": _write_message(f"{notice.about}: {notice.message}{hint}")}}


def _write_message(text: str) -> str:
    """Return text for people. A bracket before a parenthesis would become a link (SARIF 2.1.0, 3.11.6)."""
    return encodable(show(text)).replace("](", "] (")
