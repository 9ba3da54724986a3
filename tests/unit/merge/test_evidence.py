from __future__ import annotations

from whet.merge.evidence import pool_evidence
from whet.model.evidence import Evidence, Seen


def make(name: str = "rows", samples: int = 1, **more: object) -> Seen:
    return Seen("/app/a.py", "f", 3, name, samples, **more)  # type: ignore[arg-type]


def test_nothing_pooled_is_nothing() -> None:
    assert pool_evidence([]) == Evidence()


def test_looks_at_one_name_add_up() -> None:
    one = make(
        samples=3, types={"list": 2, "tuple": 1}, elements={"int": 5}, min_length=4, median_length=10, max_length=90
    )
    other = make(samples=5, types={"list": 5}, elements={"str": 1}, min_length=6, median_length=20, max_length=70)
    pooled = pool_evidence([Evidence(3, (one,)), Evidence(5, (other,))])
    assert pooled.samples == 8
    (seen,) = pooled.seen
    assert seen == make(
        samples=8,
        types={"list": 7, "tuple": 1},
        elements={"int": 5, "str": 1},
        min_length=4,
        median_length=20,  # that of the part that looked more often
        max_length=90,
    )


def test_a_part_that_saw_no_length_changes_none() -> None:
    known, unknown = make(samples=1, min_length=4, median_length=5, max_length=6), make(samples=1)
    (seen,) = pool_evidence([Evidence(1, (known,)), Evidence(1, (unknown,))]).seen
    assert (seen.min_length, seen.median_length, seen.max_length) == (4, 5, 6)


def test_other_names_and_places_stay_apart() -> None:
    others = (make(), make("row"), Seen("/app/b.py", "f", 3, "rows", 1), Seen("/app/a.py", "g", 9, "rows", 1))
    assert pool_evidence([Evidence(1, others), Evidence(1, ())]).seen == others


def test_why_it_is_missing_counts_only_where_nobody_looked() -> None:
    blind = Evidence(0, (), "the program uses SIGPROF")
    assert pool_evidence([Evidence(), blind]).why_missing == "the program uses SIGPROF"
    assert pool_evidence([blind, Evidence(1, (make(),))]).why_missing == ""
