"""The exponent with and without rewrites, on a program whose loop they take away."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from whet.errors import TargetError, UsageError
from whet.model.finding import Edit
from whet.model.run import Execution, Interpreter, Purpose, Run
from whet.model.scaling import Scaling, SizedRun
from whet.model.trial import FileEdits, Proof, RewriteRef
from whet.pipeline.prove.growth import SizedProgram, find_setting, measure_growth
from whet.prove.rewrites import Rewrite

PROGRAM = """\
import os
import sys
size = int(sys.argv[1])
assert os.environ["ROWS"] == open("data").read().strip() == sys.argv[1]
for _ in range(size):
    for _ in range(size):
        pass
"""
SIZES = (600, 1200, 2400)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "app.py").write_text(PROGRAM)
    runs = tuple(SizedRun(size, 1, 1, 1, 0, 1) for size in SIZES)
    return Run(
        whet_version="0",
        command=("app.py", "2400"),
        started="",
        directory=str(tmp_path),
        project=str(tmp_path),
        interpreter=Interpreter(sys.executable, "3.13.0"),
        executions=(Execution(Purpose.TIME, ("py-spy",), 1, 1, 0),),
        scaling=Scaling(("app.py", "{n}"), "echo {n} > data", ("ROWS={n}",), runs=runs),
    )


def measure(run: Run, folder: Path, *, applied: tuple[str, ...] = ("a",), budget: float = 300.0) -> Proof:
    file = str(Path(run.directory, "app.py"))
    original = Path(file).read_bytes()
    # The inner loop runs once.
    edit = Edit(6, 19, 6, 23, "1")
    rewrite = Rewrite(RewriteRef("a", "rule"), (FileEdits(file, "", (edit,)),), 0.9, False)
    own = folder / "own"
    own.mkdir()
    proof = Proof(applied=applied)
    return measure_growth(SizedProgram(run), proof, [rewrite], {file: original}, SIZES, own, budget=budget, seed=1)


@pytest.mark.slow
def test_the_exponent_falls_with_the_loop(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    proof = measure(run, tmp_path_factory.mktemp("prove"))
    assert proof.growth is not None
    assert proof.growth_sizes == SIZES
    # The exponents of two rounds are rough, on a busy machine above all; that they differ is clear.
    assert proof.growth.before.value > 1.2
    assert proof.growth.after.value < proof.growth.before.value - 0.5
    assert proof.runs >= 12
    assert Path(run.directory, "app.py").read_text() == PROGRAM


def test_without_a_faster_rewrite_or_a_budget_nothing_runs(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    proof = measure(run, tmp_path_factory.mktemp("prove"), applied=())
    assert proof.growth is None
    assert "no rewrite was faster" in proof.notes[0]
    proof = measure(run, tmp_path_factory.mktemp("prove"), budget=0.0)
    assert "budget" in proof.notes[0]
    assert not Path(run.directory, "data").exists()


def test_a_program_that_fails_at_a_size_is_named(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    Path(run.directory, "app.py").write_text(PROGRAM + "raise SystemExit('no')\n")
    with pytest.raises(TargetError, match="n = 600"):
        measure(run, tmp_path_factory.mktemp("prove"))


def test_the_command_says_where_the_size_goes(run: Run) -> None:
    SizedProgram(run).check()
    plain = replace(run, scaling=Scaling())
    with pytest.raises(UsageError, match="not one of whet scale"):
        SizedProgram(plain).check()
    SizedProgram(plain, "python app.py {n}").check()
    with pytest.raises(UsageError, match="--workload"):
        SizedProgram(plain, "python app.py 5").check()
    secret = replace(run, scaling=replace(run.scaling, environ=("TOKEN=***",)))
    with pytest.raises(UsageError, match="a secret"):
        SizedProgram(secret).check()


def test_a_proof_of_a_scaled_run_makes_its_input_again(run: Run) -> None:
    assert find_setting(run) == ("echo 2400 > data", {"ROWS": "2400"})
    assert find_setting(replace(run, scaling=Scaling())) == ("", {})
