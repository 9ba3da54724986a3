"""What a program is given, and whether it can be given that again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whet.pipeline.run.again import Inputs
from whet.program.spec import TargetKind, TargetSpec


@pytest.mark.skipif(os.name == "nt", reason="needs a FIFO")
def test_a_program_that_came_through_a_pipe_does_not_run_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "plain.py").touch()
    for name, why in (("pipe", "came through pipe, a pipe"), ("plain.py", "")):
        inputs = Inputs(TargetSpec(TargetKind.SCRIPT, name, directory=str(tmp_path)))
        inputs.judge()
        assert why in inputs.why_gone
        assert (inputs.stdin.kind == "stream") is bool(why)
