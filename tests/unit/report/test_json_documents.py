"""docs/json.md names the keys that `prove`, `bench` and `diff` write, and no others."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from whet.model.bench import Bench, BenchComparison, BenchTest, BenchVariant, SlowdownCall
from whet.model.difference import Change, Difference, PlaceChange, Timed, Whole
from whet.model.finding import Safety
from whet.model.run import Host, Interpreter
from whet.model.trial import Clock, RewriteRef, Total, Trial, Verdict
from whet.pipeline.bench.figures import CONFIDENCE, find_figures
from whet.report.bench import render_bench_json
from whet.report.difference import render_json
from whet.report.fakes import make_proof
from whet.report.proof_json import render_proof_json

DOCUMENT = Path(__file__).parents[3] / "docs" / "json.md"
HOSTILE = "\x1b[31m\u202e\udcff</script>\"'\\"


def documented(heading: str) -> dict[str, str]:
    """Return keys and their types below a heading."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.split(r"^## ", text.split(f"## {heading}\n", 1)[1], flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, flags=re.MULTILINE))


def make_prove_object(hostile: str = "") -> dict[str, Any]:
    proof = make_proof(hostile)
    offer = Trial(
        RewriteRef("0ffe12", "asdict", safety=Safety.OFFER), Verdict.FASTER, proof.total, "", ("0ffe12", "3f2a9c1b7d")
    )
    proof = replace(proof, trials=(*proof.trials, offer), applied=(*proof.applied, "0ffe12"))
    proof = replace(proof, without_offers=Total(proof.total, Verdict.FASTER, ("3f2a9c1b7d",)))
    text = render_proof_json(proof, {"3f2a9c1b7d": f"--- a\n+++ b{hostile}\n"}, "1.0")
    text.encode("ascii")
    found: dict[str, Any] = json.loads(text)
    return found


def make_bench_object() -> dict[str, Any]:
    costs = (10**9, 1_100_000_000, 1_050_000_000)
    variants = tuple(
        BenchVariant(name, Interpreter("/usr/bin/python3", "3.13.0"), wall_ns=costs, cpu_ns=costs, peak_bytes=(1, 2, 3))
        for name in ("HEAD (abc)", "working tree")
    )
    compared = BenchComparison(
        "HEAD (abc)", "working tree", 1.01, 0.98, 1.05, 3, 0.99, Clock.CPU, limit=0.1, call=SlowdownCall.WITHIN
    )
    host = Host("Linux", "x86_64", 2)
    test = BenchTest("tests/test_a.py::test_a", True, costs, costs, replace(compared, clock=Clock.WALL))
    measured = Bench(
        "1.0", ("a.py",), "2025-01-01T10:00:00+00:00", host, "f00", Clock.CPU, variants, (compared,), (test,),
        routes=(replace(test, nodeid="p95 GET /a", is_benchmark=False),),
    )  # fmt: skip
    found: dict[str, Any] = json.loads(render_bench_json(measured, find_figures, CONFIDENCE))
    return found


def make_diff_object() -> dict[str, Any]:
    whole = Whole(("app.py",), "2025-01-01T10:00:00+00:00", "", "CPython 3.13.0", 2 * 10**9, 10**9, 10**9, 100, 1)
    place = PlaceChange("app.py", "f", 1, 2, Timed(10**9, 100), Timed(3 * 10**9, 300), 10**9, 3 * 10**9, Change.SLOWER)
    difference = Difference(whole, whole, (place,), (replace(place, name="", source="x = 1"),), 12, 0.99, 0.05, ("?",))
    found: dict[str, Any] = json.loads(render_json(difference))
    return found


PROVE, BENCH, DIFF = make_prove_object(), make_bench_object(), make_diff_object()


@pytest.mark.parametrize(
    ("heading", "found"),
    [
        ("`whet prove --format json`", PROVE),
        ("Prove: a total", PROVE["total"]),
        ("Prove: a total", PROVE["without_offers"]),
        ("Prove: a gain", PROVE["total"]["gain"]),
        ("Prove: an entry of `rewrites`", PROVE["rewrites"][0]),
        ("Prove: `checked`", PROVE["checked"]),
        ("`whet bench --format json`", BENCH),
        ("Bench: an entry of `variants`", BENCH["variants"][0]),
        ("Bench: an entry of `comparisons`", BENCH["comparisons"][0]),
        ("Bench: an entry of `tests`", BENCH["tests"][0]),
        ("Bench: an entry of `routes`", BENCH["routes"][0]),
        ("`whet diff --format json`", DIFF),
        ("Diff: a run as a whole", DIFF["before"]),
        ("Diff: an entry of `functions`", DIFF["functions"][0]),
    ],
)
def test_the_document_names_the_keys_and_types_of_the_output(heading: str, found: dict[str, Any]) -> None:
    types = documented(heading)
    assert set(types) == set(found)
    for key, value in found.items():
        assert _fits(value, types[key]), f"{key} is {value!r}, not {types[key]}"


def test_a_line_of_a_difference_has_its_source_instead_of_a_name() -> None:
    keys = set(documented("Diff: an entry of `functions`")) - {"name"} | set(documented("Diff: an entry of `lines`"))
    assert keys == set(DIFF["lines"][0])


def test_the_members_of_small_objects_are_named_in_their_rows() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for found, key in ((BENCH, "machine"), (BENCH["variants"][0], "python"), (BENCH["variants"][0], "wall")):
        row = re.search(rf"^\| `{key}` \| object \| (.*)$", text.split("## `whet bench")[1], flags=re.MULTILINE)
        assert row is not None
        assert set(found[key]) <= set(re.findall(r"`(\w+)`", row[1]))


def test_a_proof_of_hostile_text_stays_readable() -> None:
    found = make_prove_object(HOSTILE)
    assert found["rewrites"][0]["diff"].encode("utf-8")
    assert found["command"][-1].startswith("day\x1b[31m")


def _fits(value: object, words: str) -> bool:
    """Whether a value is of the type that the document names."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "boolean": bool,
        "object": dict,
        "array": list,
        "number": (int, float),
    }
    if value is None:
        return "null" in words
    return isinstance(value, kinds[words.split(maxsplit=1)[0]])
