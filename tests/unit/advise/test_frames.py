"""Loops over rows: other libraries are named where the frame was seen to be large, and only there."""

from __future__ import annotations

from whet.advise.frames import weigh_rows
from whet.model.evidence import Evidence, Seen
from whet.model.finding import Finding, Safety, Speed

FOUND = Finding(
    "iterrows",
    "/a.py",
    3,
    4,
    4,
    "f",
    1,
    "t",
    "Slow.",
    Safety.OFFER,
    Speed.FACTOR,
    snippet="for i, row in sales.iterrows()",
)
FRAME = "pandas.DataFrame"


def evidence(rows, name="sales", kind=FRAME, line=1):
    return Evidence(9, (Seen("/a.py", "f", line, name, 9, {kind: 9}, {}, rows, rows, rows),))


def test_many_rows_are_worth_a_query_engine():
    assert "With 2,000,000 rows as seen here, Polars or DuckDB" in weigh_rows(FOUND, evidence(2_000_000)).message
    assert "Polars" in weigh_rows(FOUND, evidence(2_000_000, kind="pandas.core.frame.DataFrame")).message


def test_few_rows_another_frame_and_what_is_no_frame_are_not():
    for seen in (
        evidence(900_000),
        evidence(2_000_000, name="other"),
        evidence(2_000_000, kind="builtins.list"),
        evidence(2_000_000, line=7),
        Evidence(),
    ):
        assert weigh_rows(FOUND, seen) is FOUND
