"""What was refuted is not offered again while the code is the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.pipeline.workbench import SOURCE, Workbench

from whet.model.trial import Verdict
from whet.pipeline.advise.refuted import load_refutations, remember_refuted


@pytest.mark.parametrize("verdict", [Verdict.SLOWER, Verdict.DIFFERENT_OUTPUT, Verdict.FAILED])
def test_what_was_refuted_is_remembered_while_the_code_is_the_same(bench: Workbench, verdict: Verdict) -> None:
    proof = bench.prove(verdict).proof
    remember_refuted(bench.folder, bench.run, bench.advice, proof.trials, "now")
    known = load_refutations(bench.folder)
    assert known.holds(bench.advice[0], bench.run)
    assert not known.holds(bench.advice[1], bench.run)
    (source,) = bench.run.sources.values()
    elsewhere = replace(bench.run, sources={source.file: replace(source, text=SOURCE + "# more\n")})
    assert known.holds(bench.advice[0], elsewhere)
    edited = replace(bench.run, sources={source.file: replace(source, text=SOURCE.replace("[1, 2]", "[1, 2, 3]"))})
    assert not known.holds(bench.advice[0], edited)


@pytest.mark.parametrize("verdict", [Verdict.FASTER, Verdict.NO_DIFFERENCE, Verdict.NOT_RUN])
def test_what_was_not_refuted_is_forgotten(bench: Workbench, verdict: Verdict) -> None:
    remember_refuted(bench.folder, bench.run, bench.advice, bench.prove(Verdict.FAILED).proof.trials, "then")
    remember_refuted(bench.folder, bench.run, bench.advice, bench.prove(verdict).proof.trials, "now")
    assert not load_refutations(bench.folder).holds(bench.advice[0], bench.run)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 1}', '{"schema": 1, "refuted": [3]}', '{"schema": 2}'])
def test_a_memory_that_cannot_be_read_is_none(bench: Workbench, text: str) -> None:
    (bench.folder / ".whet").mkdir()
    (bench.folder / ".whet" / "refuted.json").write_text(text, encoding="utf-8")
    assert load_refutations(bench.folder).records == {}
