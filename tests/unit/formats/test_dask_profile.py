from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from whet.errors import FormatError
from whet.formats.dask_profile import DaskProfile
from whet.model.profile import Profile

CAPTURE = Path(__file__).parents[3] / "fixtures" / "captures" / "foreign" / "dask-2026.8.0" / "tasks.json"


def node(name: str, count: int, *children: dict) -> dict:
    return {
        "description": {"filename": "/job.py", "name": name, "line_number": 7, "line": ""},
        "count": count,
        "identifier": f"{name};/job.py;5",
        "children": {f"{child['identifier']}": child for child in children},
    }


def read(document: object) -> Profile:
    (profile,) = DaskProfile().read(io.BytesIO(json.dumps(document).encode()))
    return profile


def counts(profile: Profile) -> dict[tuple[str, ...], int]:
    found = {}
    for entry in profile.samples:
        for row, value in zip(entry.stack, entry.value, strict=True):
            stack = [profile.frames[profile.stacks.frame[at]].name for at in profile.stacks.walk(row)]
            found[tuple(reversed(stack))] = value // 10_000_000
    return found


def test_what_a_real_cluster_recorded() -> None:
    profile = read(json.loads(CAPTURE.read_text()))
    found = counts(profile)
    assert found["__call__", "solve"] == 551
    assert sum(found.values()) == 553
    assert profile.wall
    solve = next(frame for frame in profile.frames if frame.name == "solve")
    assert (solve.file, solve.line, solve.first_line) == ("<dynamic-code>", 6, 3)


def test_leaves_share_what_their_caller_has_left() -> None:
    document = node(
        "root", 10, node("a", 6, node("leaf", 0), node("b", 1, node("deep", 0))), node("c", 0), node("d", 0)
    )
    assert counts(read(document)) == {
        ("a", "leaf"): 5, ("a", "b", "deep"): 1, ("c",): 2, ("d",): 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    "document", [[], {}, {"count": 1, "children": []}, node("r", -1), node("r", 1, {**node("x", 0), "description": 3})]
)
def test_what_is_none_is_refused(document: object) -> None:
    with pytest.raises(FormatError):
        read(document)
