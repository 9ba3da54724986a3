from __future__ import annotations

import os
import sys
from io import BytesIO
from pathlib import Path

import pytest

from whet.errors import StoreError
from whet.report import api
from whet.report.fakes import make_advice, make_flames, make_hotspots, make_run
from whet.report.json_ import JsonRenderer
from whet.report.markdown import MarkdownRenderer
from whet.report.terminal import TerminalRenderer
from whet.report.view import build_view
from whet.report.write import is_report, write_rendering, write_report


class PlainRenderer:
    """A renderer that has no mark."""

    extension = "plain"

    def render(self, view, sink):
        sink.write(b"whet\n")


def write_text(renderer, view):
    sink = BytesIO()
    renderer.render(view, sink)
    return sink.getvalue().decode("utf-8")


@pytest.fixture
def view():
    return build_view(make_run(), make_hotspots(), make_advice(), make_flames())


def test_a_report_is_written_and_replaced(view, tmp_path):
    path = tmp_path / "whet-report.html"
    write_report(view, path)
    assert is_report(path)
    path.write_bytes(path.read_bytes() + b"<!-- old -->")
    write_report(view, path)
    assert b"<!-- old -->" not in path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["whet-report.html"]


@pytest.mark.parametrize(
    "text",
    ["", "my notes", "<!doctype html><title>mine</title>", "x" * 2_000 + '<meta name="generator" content="whet 1">'],
)
def test_a_file_of_somebody_else_is_left_alone(view, tmp_path, text):
    path = tmp_path / "whet-report.html"
    path.write_text(text)
    with pytest.raises(StoreError) as caught:
        write_report(view, path)
    assert "not written by whet" in caught.value.message and "-o" in caught.value.hint
    assert path.read_text() == text


def test_a_folder_is_left_alone(view, tmp_path):
    with pytest.raises(StoreError, match="is a folder"):
        write_report(view, tmp_path)


def test_a_missing_folder_is_an_error_with_a_remedy(view, tmp_path):
    with pytest.raises(StoreError) as caught:
        write_report(view, tmp_path / "no" / "report.html")
    assert "-o" in caught.value.hint


def test_what_was_there_survives_a_full_disk(view, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    write_report(view, path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match="No space left"):
        write_report(view, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_stays_a_link(view, tmp_path):
    target, link = tmp_path / "target.html", tmp_path / "link.html"
    write_report(view, target)
    target.write_bytes(target.read_bytes() + b"<!-- old -->")
    link.symlink_to(target)
    write_report(view, link)
    assert link.is_symlink() and b"<!-- old -->" not in target.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
def test_the_file_can_be_read_by_whom_the_user_lets(view, tmp_path):
    old = os.umask(0o027)
    try:
        write_report(view, tmp_path / "report.html")
    finally:
        os.umask(old)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o640


def test_the_default_name_is_the_documented_one():
    assert api.DEFAULT_NAME == "whet-report.html"


RENDERERS = {
    "json": JsonRenderer(),
    "terminal": TerminalRenderer(),
    "narrow terminal": TerminalRenderer(20),
    "markdown": MarkdownRenderer(),
}


@pytest.mark.parametrize("renderer", RENDERERS.values(), ids=RENDERERS)
def test_other_forms_replace_only_their_like(view, tmp_path, renderer):
    path = tmp_path / "out"
    write_rendering(renderer, view, path)
    written = path.read_bytes()
    write_rendering(renderer, view, path)
    assert path.read_bytes() == written
    others = [each for each in RENDERERS.values() if type(each) is not type(renderer)]
    for mine in (
        '{"a": 1}',
        '{"whet": 1}',
        "[tool.whet]\nignore = []\n",
        "# Notes on whet\n\nwall, CPU and samples\n",
        "<!-- whet:report -->\n# Notes\n",
        "import sys\n",
        "",
        *(write_text(each, view) for each in others),
    ):
        path.write_text(mine)
        with pytest.raises(StoreError) as caught:
            write_rendering(renderer, view, path)
        assert path.read_text() == mine
        assert "not written by whet" in caught.value.message
        assert "delete" in caught.value.hint
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_other_forms_are_no_reports_to_replace(view, tmp_path):
    path = tmp_path / "r.html"
    write_report(view, path)
    with pytest.raises(StoreError):
        write_rendering(JsonRenderer(), view, path)
    path = tmp_path / "r.json"
    write_rendering(JsonRenderer(), view, path)
    with pytest.raises(StoreError):
        write_report(view, path)


def test_a_form_that_cannot_tell_its_files_replaces_none(view, tmp_path):
    path = tmp_path / "out"
    write_rendering(PlainRenderer(), view, path)
    with pytest.raises(StoreError, match="not written by whet"):
        write_rendering(PlainRenderer(), view, path)
    assert path.read_bytes() == b"whet\n"
