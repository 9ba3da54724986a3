"""``whet diff``: two saved runs, merged and compared."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from whet.errors import UsageError
from whet.merge.difference import CONFIDENCE, THRESHOLD, Measured, compare_runs
from whet.merge.hotspots import merge_run
from whet.model.difference import Difference
from whet.model.run import Run
from whet.scale.compare import compare_growth

__all__ = [
    "CONFIDENCE",
    "THRESHOLD",
    "DifferenceFormat",
    "diff_runs",
    "find_difference_format",
    "render_difference",
    "state_difference",
    "write_difference",
    "write_difference_report",
]


class DifferenceFormat(StrEnum):
    """Formats of a comparison of two runs."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def find_difference_format(name: str) -> DifferenceFormat:
    """Return the format called ``name``. Raises ``UsageError``."""
    try:
        return DifferenceFormat(name)
    except ValueError:
        known = ", ".join(DifferenceFormat)
        raise UsageError(f"unknown format {name[:40]!r} for a comparison", f"known are: {known}") from None


def diff_runs(before: Run, after: Run, *, confidence: float = CONFIDENCE, threshold: float = THRESHOLD) -> Difference:
    """Return what changed from one saved run to another."""
    old, new = (Measured(run, merge_run(run)) for run in (before, after))
    difference = compare_runs(old, new, confidence=confidence, threshold=threshold)
    if not before.scaling.runs or not after.scaling.runs:
        return difference
    names = (partial(_show, before), partial(_show, after))
    return replace(
        difference, exponents=compare_growth(before.scaling, after.scaling, names=names, confidence=confidence)
    )


def _show(run: Run, file: str) -> str:
    source = run.sources.get(file)
    return source.shown if source is not None else file


def render_difference(difference: Difference, form: DifferenceFormat) -> str:
    """Return the text of any format but HTML, which is a report (:func:`write_difference_report`)."""
    from whet.report.difference import render_json, render_markdown, render_text

    match form:
        case DifferenceFormat.JSON:
            return render_json(difference)
        case DifferenceFormat.MARKDOWN:
            return render_markdown(difference)
        case _:
            return render_text(difference)


def write_difference(difference: Difference, form: DifferenceFormat, path: Path) -> None:
    """Write the text of any format but HTML to a new file, or over an earlier comparison in the same format.

    Raises ``StoreError``.
    """
    from whet.report.difference import JSON_MARK, MARKDOWN_MARK, TEXT_MARK
    from whet.report.write import bears_mark, write_page

    marks = {DifferenceFormat.JSON: JSON_MARK, DifferenceFormat.MARKDOWN: MARKDOWN_MARK}
    page = render_difference(difference, form).encode("utf-8", "backslashreplace")
    write_page(page, path, partial(bears_mark, mark=marks.get(form, TEXT_MARK)))


def state_difference(difference: Difference) -> str:
    """Return what changed, in one sentence."""
    from whet.report.difference import state_result

    return state_result(difference)


def write_difference_report(
    before: Run, after: Run, difference: Difference, path: Path, *, title: str = "", include_source: bool = True
) -> int:
    """Write the report of ``after`` with a flamegraph that compares it with ``before``; return its size in bytes.

    ``difference`` comes first. Raises ``StoreError``.
    """
    from whet.pipeline.advise.show import show, write_html
    from whet.report.difference import state_head

    changes = state_head(difference)
    return write_html(show(after, before=before, changes=changes, title=title, include_source=include_source), path)
