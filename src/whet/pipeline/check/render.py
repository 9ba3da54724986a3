"""Renders findings in the requested format."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from whet.errors import UsageError
from whet.model.checked import CheckResult


class FindingsFormat(StrEnum):
    """Formats of findings."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"


def find_format(name: str) -> FindingsFormat:
    """Return the format called ``name``. Raises :class:`UsageError`."""
    try:
        return FindingsFormat(name)
    except ValueError:
        known = ", ".join(FindingsFormat)
        raise UsageError(f"unknown format {name!r} for findings", f"known are: {known}") from None


def render_findings(
    result: CheckResult, form: FindingsFormat, *, color: bool = False, fixing: bool = False, summary: bool = True
) -> str:
    """Return all findings. ``fixing``: fixable findings have already been fixed.

    ``color`` and ``summary`` (numbers of findings and fixes) are for text only.
    """
    match form:
        case FindingsFormat.TEXT:
            from whet.report.findings_text import render_text

            return render_text(result, color=color, fixing=fixing, summary=summary)
        case FindingsFormat.JSON:
            from whet.report.findings_json import render_json

            return render_json(result)
        case FindingsFormat.SARIF:
            from whet import __version__
            from whet.report.findings_sarif import render_sarif

            return render_sarif(result, __version__)
        case FindingsFormat.GITHUB:
            from whet.pipeline.check.changed_lines import find_changes
            from whet.pipeline.project import find_repository
            from whet.report.findings_github import render_github

            return render_github(result, find_changes(find_repository(Path.cwd())))
        case FindingsFormat.GITLAB:
            from whet.report.findings_gitlab import render_gitlab

            return render_gitlab(result)


def render_counts(
    result: CheckResult, form: FindingsFormat, *, color: bool = False, fixing: bool = False, summary: bool = True
) -> str:
    """Return the number of findings per rule. Raises :class:`UsageError` for a format that does not support it."""
    match form:
        case FindingsFormat.TEXT:
            from whet.report.findings_text import render_statistics

            return render_statistics(result, color=color, fixing=fixing, summary=summary)
        case FindingsFormat.JSON:
            from whet.report.findings_json import render_statistics_json

            return render_statistics_json(result)
        case _:
            raise UsageError(f"there are no statistics as {form}", "use --format text or --format json")
