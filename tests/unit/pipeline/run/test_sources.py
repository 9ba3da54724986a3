from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from whet.merge.ownership import Ownership
from whet.model.frame import Frame
from whet.model.profile import LineCount, Profile
from whet.pipeline.run import sources
from whet.pipeline.run.sources import gather_sources


def make_profile(*files: str, lines: tuple[str, ...] = ()) -> Profile:
    return Profile(
        collector="x",
        frames=tuple(Frame(file, "f", 1) for file in files),
        lines=tuple(LineCount(file, 1, 1, 1) for file in lines),
    )


@pytest.fixture
def ownership(tmp_path: Path) -> Ownership:
    return Ownership(project=str(tmp_path), stdlib=(str(tmp_path / "lib"),))


def write(path: Path, data: bytes = b"x = 1\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def test_the_users_sources_are_read_with_their_hash(tmp_path: Path, ownership: Ownership) -> None:
    of_frame, of_line = write(tmp_path / "src" / "a.py", b"a = 1\n"), write(tmp_path / "b.pyw", b"b = 1\n")
    others = [
        write(tmp_path / "lib" / "os.py"),
        write(tmp_path / "data.txt", b"no source"),
        "<string>",
        str(tmp_path / "gone.py"),
    ]
    profiles = [make_profile(of_frame, *others), make_profile(lines=(of_line,))]
    found, notices = gather_sources(profiles, ownership, tmp_path)
    assert set(found) == {of_frame, of_line}
    assert notices == []
    source = found[of_frame]
    assert (source.file, source.shown, source.text) == (of_frame, "src/a.py", "a = 1\n")
    assert source.sha256 == hashlib.sha256(b"a = 1\n").hexdigest()


def test_a_console_script_is_read_without_the_ending(tmp_path: Path, ownership: Ownership) -> None:
    script = write(tmp_path / "bin" / "tool", b"import sys\n")
    assert set(gather_sources([make_profile(script)], ownership, tmp_path)[0]) == {script}


def test_what_was_changed_meanwhile_is_named(tmp_path: Path, ownership: Ownership) -> None:
    file = write(tmp_path / "a.py")
    changed = Path(file).stat().st_mtime
    assert gather_sources([make_profile(file)], ownership, tmp_path, since=changed)[1] == []
    (notice,) = gather_sources([make_profile(file)], ownership, tmp_path, since=changed - 1)[1]
    assert f"{file} changed while the program ran" in notice.message


def test_a_file_outside_the_project_keeps_its_path(tmp_path: Path, ownership: Ownership) -> None:
    file = write(tmp_path / "other" / "a.py")
    found, _ = gather_sources([make_profile(file)], ownership, tmp_path / "project")
    assert found[file].shown == file


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"# coding: latin-1\r\nx = '\xe9'\r\n", "# coding: latin-1\nx = 'é'\n"),
        (b"\xef\xbb\xbfx = '\xc3\xa9'\n", "x = 'é'\n"),
        (b"x = '\xe9'\n", "x = 'é'\n"),  # no Python source, but something to show
        (b"# coding: no-such\nx = 1\n", "# coding: no-such\nx = 1\n"),
        (b"", ""),
    ],
)
def test_any_encoding_is_read(data: bytes, text: str, tmp_path: Path, ownership: Ownership) -> None:
    file = write(tmp_path / "a.py", data)
    assert gather_sources([make_profile(file)], ownership, tmp_path)[0][file].text == text


def test_what_is_no_file_or_too_large_is_left_out(
    tmp_path: Path, ownership: Ownership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    (tmp_path / "folder.py").mkdir()
    large, strange = write(tmp_path / "large.py", b"x = 1\n" * 10), f"{tmp_path}/nul\0.py"
    profile = make_profile(large, str(tmp_path / "folder.py"), strange)
    assert gather_sources([profile], ownership, tmp_path) == ({}, [])


@pytest.mark.skipif(os.name == "nt", reason="containers have POSIX paths")
def test_in_a_container_files_are_read_below_its_root(tmp_path: Path) -> None:
    write(tmp_path / "root" / "app" / "a.py", b"inside = 1\n")
    found, _ = gather_sources(
        [make_profile("/app/a.py")], Ownership(project="/app"), Path("/app"), root=tmp_path / "root"
    )
    assert (found["/app/a.py"].text, found["/app/a.py"].shown) == ("inside = 1\n", "a.py")
