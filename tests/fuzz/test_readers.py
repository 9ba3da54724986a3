"""Files of other tools and of whet's own, damaged: read, or refused with one error that names them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.contract.test_formats import SAMPLES, check
from tests.fuzz.mutations import change_bytes, change_tree, changes

from whet.cli.main import run_command_line
from whet.errors import FormatError
from whet.formats.unpack import open_unpacked
from whet.pipeline.foreign.formats import list_formats

pytestmark = pytest.mark.slow

CAPTURES = Path(__file__).parents[2] / "fixtures/captures"
RUN = CAPTURES / "whet-schema-1/run.json.gz"
LONGEST = 150_000
SHOWN = ("terminal", "json", "markdown", "html", "csv", "speedscope", "pprof", "collapsed", "pstats", "hot")


def read_unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        return open_unpacked(file).read()


def list_captures() -> list[tuple[str, bytes]]:
    found = [(name, read_unpacked(CAPTURES / path)) for name, paths in SAMPLES.items() for path in paths]
    # Of a file that is large, a part is as good as all, where its lines stand for themselves.
    return [(name, data[:LONGEST] if name in ("collapsed", "memray", "pyspy-raw") else data) for name, data in found]


CAPTURED = list_captures()
TREES = [
    (name, json.loads(data)) for name, data in CAPTURED if name in ("chrome", "pyinstrument", "scalene", "speedscope")
]


def dump(tree: Any) -> bytes:
    """Return JSON as hostile as it comes: with NaN, with half characters."""
    try:
        return json.dumps(tree).encode("utf-8", "surrogatepass")
    except (RecursionError, ValueError):
        return b"[" * 5_000


def read_all(name: str, data: bytes) -> None:
    form = list_formats()[name]
    form.recognizes(data[:65_536])
    try:
        for profile in form.read(open_unpacked(io.BytesIO(data))):
            check(profile)
    except FormatError as error:
        assert error.message


def test_readers_of_damaged_bytes(fuzz: Callable[..., None]) -> None:
    others = [data for _, data in CAPTURED]

    def read(given: tuple[int, list[Any], bool]) -> None:
        number, made, is_packed = given
        name, data = CAPTURED[number % len(CAPTURED)]
        damaged = change_bytes(data, others, made)
        read_all(name, gzip.compress(damaged, 1) if is_packed else damaged)

    fuzz(st.tuples(st.integers(0, 1_000), changes(), st.booleans()), read)


def test_readers_of_odd_values(fuzz: Callable[..., None]) -> None:
    def read(given: tuple[int, list[Any]]) -> None:
        name, tree = TREES[given[0] % len(TREES)]
        read_all(name, dump(change_tree(tree, given[1])))

    fuzz(st.tuples(st.integers(0, 1_000), changes()), read)


def command(words: list[str], capsys: pytest.CaptureFixture[str]) -> int:
    """Run a command in this process; whatever it is given, it ends without a traceback."""
    status = run_command_line(words)
    said = capsys.readouterr().err
    assert "this is a bug" not in said, said
    assert "Traceback" not in said, said
    assert status in (0, 1, 2), (status, said)
    return status


def test_reports_of_damaged_files(
    fuzz: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    others = [data for _, data in CAPTURED]
    file = tmp_path / "profile"

    def report(given: tuple[int, list[Any], str]) -> None:
        number, made, shown = given
        _, data = CAPTURED[number % len(CAPTURED)]
        file.write_bytes(change_bytes(data, others, made))
        command(["report", str(file), "--format", shown, "-o", str(tmp_path / "out")], capsys)

    fuzz(st.tuples(st.integers(0, 1_000), changes(3), st.sampled_from(SHOWN)), report)


def test_saved_runs(
    fuzz: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    sound = json.loads(gzip.decompress(RUN.read_bytes()))
    file = tmp_path / "run.json.gz"

    def report(given: tuple[list[Any], str, bool]) -> None:
        made, shown, is_tree = given
        data = dump(change_tree(sound, made)) if is_tree else change_bytes(dump(sound), [dump(sound)], made)
        file.write_bytes(gzip.compress(data, 1))
        words = ["report", str(file), "--format", shown, "-o", str(tmp_path / "out")]
        command(["diff", str(file), str(RUN)] if shown == "csv" else words, capsys)

    fuzz(st.tuples(changes(4), st.sampled_from(SHOWN), st.booleans()), report)
