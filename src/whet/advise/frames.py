"""What the size of a pandas frame says about a loop over its rows: where it is worth another library."""

from __future__ import annotations

import re
from dataclasses import replace

from whet.model.evidence import Evidence
from whet.model.finding import Finding

ROW_LOOPS = frozenset({"iterrows", "apply-axis1", "groupby-apply-lambda", "scalar-loc"})
"""Rules about work that is done row by row."""
MANY_ROWS = 1_000_000
"""From here on a query engine of several threads pays for moving the data to it."""
_FRAME = re.compile(r"pandas\.(core\.frame\.)?DataFrame")


def weigh_rows(finding: Finding, evidence: Evidence) -> Finding:
    """Return a finding about rows with what many are worth, where a frame that it names was seen to have them."""
    if finding.rule not in ROW_LOOPS:
        return finding
    names = set(re.findall(r"\w+", finding.snippet))
    rows = [
        seen.median_length or 0
        for seen in evidence.seen
        if seen.file == finding.file
        and seen.function_line == finding.function_line
        and seen.name in names
        and any(_FRAME.fullmatch(kind) for kind in seen.types)
    ]
    if max(rows, default=0) < MANY_ROWS:
        return finding
    more = (
        f" With {max(rows):,} rows as seen here, Polars or DuckDB can do the same on all cores where it can be written"
        " as expressions or SQL; both read pandas frames."
    )
    return replace(finding, message=finding.message + more)
