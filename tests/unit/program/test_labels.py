from __future__ import annotations

from pathlib import Path

import pytest

from whet.errors import UsageError
from whet.program.labels import choose_labels, find_rank, label_path, read_labels


@pytest.mark.parametrize("name", ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"])
def test_launchers_set_the_rank(name: str) -> None:
    assert choose_labels((), {name: "3", "RANK": "9"}) == (("rank", "3"),)


def test_a_label_given_counts_more() -> None:
    given = read_labels(["node=a", "rank=7"])
    assert choose_labels(given, {"PMI_RANK": "3"}) == (("node", "a"), ("rank", "7"))


@pytest.mark.parametrize("value", ["", "-1", "3; rm", "3" * 20, "³"])
def test_what_is_no_rank_is_none(value: str) -> None:
    assert find_rank({"PMI_RANK": value, "RANK": "4"}) == ""
    assert choose_labels((), {}) == ()


@pytest.mark.parametrize(
    "texts", [["rank"], ["=3"], ["rank="], ["a=1", "a=2"], ["x y=1"], ["a=\x1b"], [f"a={'b' * 99}"]]
)
def test_wrong_labels_are_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError, match="--label"):
        read_labels(texts)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("out/report.html", "out/report-rank-3.html"),
        ("report-3.html", "report-3.html"),
        ("report-13.html", "report-13-rank-3.html"),
        ("r3.html", "r3-rank-3.html"),
    ],
)
def test_each_rank_has_a_report_of_its_own(path: str, expected: str) -> None:
    assert label_path(Path(path), (("rank", "3"),)) == Path(expected)
    assert label_path(Path(path), ()) == Path(path)


def test_a_label_is_never_a_path() -> None:
    assert label_path(Path("a/report.html"), (("node", "../../x"),)) == Path("a/report-node-..-..-x.html")
