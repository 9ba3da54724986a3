from __future__ import annotations

from pathlib import Path

from whet.collect.values import CAPTURE, describe_user_code, list_captures, sample_values
from whet.model.run import Interpreter
from whet.program.host import TargetHost

HOST = TargetHost(
    Interpreter("/py", "3.13.0"),
    (3, 13, 0),
    "",
    stdlib=("/lib",),
    site_packages=("/site",),
    packages={"memray": "/cache/memray", "line_profiler": "/site"},
    borrowed=frozenset({"memray"}),
)


def test_the_agent_is_told_whose_code_is_whose(tmp_path: Path) -> None:
    user_code = describe_user_code(HOST, ("/app",), ("a*",), ("b*",))
    assert user_code == {
        "foreign": ["/lib", "/site", "/cache/memray"],
        "program": ["/app"],
        "include": ["a*"],
        "exclude": ["b*"],
    }
    assert sample_values(tmp_path, user_code) == {"values": {"capture": str(tmp_path / CAPTURE), **user_code}}


def test_the_programs_capture_comes_first_and_what_is_half_written_does_not_count(tmp_path: Path) -> None:
    for name in (f"{CAPTURE}.12", f"{CAPTURE}.12.tmp", CAPTURE, f"{CAPTURE}.tmp"):
        (tmp_path / name).touch()
    assert [path.name for path in list_captures(tmp_path)] == [CAPTURE, f"{CAPTURE}.12"]
