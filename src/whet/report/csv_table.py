"""The functions, lines and suggestions as comma-separated values (RFC 4180), for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import re
from typing import BinaryIO

from whet.report.parts import CostFigures
from whet.report.sanitize import show
from whet.report.view import ReportView

_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the start of a formula."""
_COLUMNS = (
    "kind", "name", "file", "line", "owner", "share", "share_error", "self_seconds", "total_seconds",
    "attributed_seconds", "waiting_seconds", "samples", "hits", "allocated_bytes", "peak_bytes", "message",
)  # fmt: skip


class CsvRenderer:
    """One row a function, a line and a suggestion. Shares are between 0 and 1; what was not measured is empty."""

    extension = "csv"
    mark = re.compile(re.escape(",".join(_COLUMNS)).encode() + rb"\r?\n")

    def render(self, view: ReportView, sink: BinaryIO) -> None:
        """Write the table as UTF-8."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(_COLUMNS)
        for row in view.functions:
            place = [_write_cell(row.name), _write_cell(row.file), row.line, row.owner]
            table.writerow(["function", *place, *_write_cost(row.cost), ""])
        for line in view.lines:
            place = [_write_cell(line.function), _write_cell(line.file), line.line, line.owner]
            table.writerow(["line", *place, *_write_cost(line.cost), ""])
        for item in view.suggestions:
            place = [_write_cell(item.rule), _write_cell(item.file), item.line, ""]
            figures = [item.share.value, item.share_error, *[""] * 8]
            table.writerow(["suggestion", *place, *figures, _write_cell(f"{item.title}. {item.message}")])
        sink.write(text.getvalue().encode("utf-8", "backslashreplace"))


def _write_cost(cost: CostFigures) -> list[float | int | None]:
    return [
        cost.spent_share.value,
        cost.share_error,
        cost.self_seconds.value,
        cost.total_seconds.value,
        cost.attributed_seconds.value,
        cost.waiting_seconds.value,
        cost.samples,
        cost.hits.value,
        cost.allocated_bytes.value,
        cost.peak_bytes.value,
    ]


def _write_cell(text: str) -> str:
    """Return text of the program's without control characters, and with a quote before what would be a formula."""
    shown = show(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
