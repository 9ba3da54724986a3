from __future__ import annotations

import sys

from whet.program.quietly import last_line, run_quietly


def test_status_and_words_of_both_streams_are_told():
    status, said = run_quietly(
        [
            sys.executable,
            "-c",
            "import sys; print(sys.stdin.read() + 'out'); print('err', file=sys.stderr); sys.exit(3)",
        ],
        60,
    )
    assert (status, said.split()) == (3, ["out", "err"])


def test_what_cannot_be_started_and_what_does_not_end_have_failed(tmp_path):
    status, said = run_quietly([str(tmp_path / "gone")], 60)
    assert status == 1
    assert "gone" in said
    status, said = run_quietly([sys.executable, "-c", "import time; time.sleep(60)"], 0.1)
    assert status == 1
    assert "timed out" in said


def test_the_last_words_are_the_last_that_say_something():
    assert last_line("warning: x\nno such file \n\n") == "no such file"
    assert last_line(" \n") == "it failed without output"
