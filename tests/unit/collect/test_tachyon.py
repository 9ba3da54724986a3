from __future__ import annotations

from pathlib import Path

import pytest

from whet.collect.tachyon import CAPTURE, TachyonCollector, list_captures
from whet.model.run import Interpreter
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

SPEC = TargetSpec(TargetKind.SCRIPT, "x.py")
HOST = TargetHost(Interpreter("/py", "3.15.2"), (3, 15, 2), "")


def test_the_targets_own_interpreter_samples_isolated_from_its_environment(tmp_path: Path) -> None:
    launch = TachyonCollector(HOST, rate=50).launch(SPEC, tmp_path)
    (command,) = launch.attach
    assert command[:3] == ("/py", "-I", "-S")
    assert Path(command[3]).is_file()
    assert command[4:] == ("--pid", "{pid}", "--rate", "50", "--output", str(tmp_path / CAPTURE), "--children")
    assert launch.captures == (("tachyon", tmp_path / CAPTURE),)
    assert not launch.agent


def test_what_was_asked_for_is_handed_on(tmp_path: Path) -> None:
    (command,) = TachyonCollector(HOST, native=True, children=False).launch(SPEC, tmp_path).attach
    assert "--native" in command
    assert "--children" not in command


@pytest.mark.parametrize(
    ("version", "implementation", "why"),
    [
        ((3, 15, 0), "CPython", ""),
        ((3, 16, 0), "CPython", ""),
        ((3, 14, 9), "CPython", "comes with Python 3.15, and this is 3.14.9"),
        ((3, 15, 0), "PyPy", "this is PyPy"),
    ],
)
def test_it_comes_with_3_15(version: tuple[int, int, int], implementation: str, why: str) -> None:
    host = TargetHost(Interpreter("/py", ".".join(map(str, version)), implementation=implementation), version, "")
    missing = TachyonCollector(host).missing(host)
    assert (missing is None) is (not why)
    assert missing is None or why in missing.why


def test_captures_are_listed_with_process_and_command_the_program_first(tmp_path: Path) -> None:
    for name in ("tachyon.bin", "tachyon-20.bin", "tachyon-3.bin", "tachyon-x.bin", "other-4.bin"):
        (tmp_path / name).touch()
    (tmp_path / "tachyon-3.command").write_bytes(b"python\0-c\0a b\0")
    assert list_captures(tmp_path, 7) == [
        (tmp_path / "tachyon.bin", 7, ""),
        (tmp_path / "tachyon-3.bin", 3, "python -c a b"),
        (tmp_path / "tachyon-20.bin", 20, ""),
    ]
