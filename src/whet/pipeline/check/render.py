"""Findings in the form that was asked for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from whet.errors import UsageError
from whet.model.checked import CheckResult


class FindingsFormat(StrEnum):
    """How findings are shown."""

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
        raise UsageError(f"there is no format {name!r} for findings", f"known are: {known}") from None


def render_findings(
    result: CheckResult, form: FindingsFormat, *, color: bool = False, fixing: bool = False, summary: bool = True
) -> str:
    """Return all findings. ``fixing`` says that what can be mended has been.

    ``color`` and ``summary``, which is of what was found and mended, are for text only.
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
    """Return how often each rule found something. Raises :class:`UsageError` for a format that has no such thing."""
    match form:
        case FindingsFormat.TEXT:
            from whet.report.findings_text import render_statistics

            return render_statistics(result, color=color, fixing=fixing, summary=summary)
        case FindingsFormat.JSON:
            from whet.report.findings_json import render_statistics_json

            return render_statistics_json(result)
        case _:
            raise UsageError(f"there are no statistics as {form}", "--format text or --format json")
