"""What every renderer holds to, those of other distributions included."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest

from whet.model.hotspot import Hotspots
from whet.plugins import Group, find_plugins, load_plugin
from whet.report.fakes import make_advice, make_flames, make_hotspots, make_run
from whet.report.view import build_view

HOSTILE = "\"'><script>alert(1)</script>[bold]]]>\u202e\udcff\x1b]0;title\x07\x9b31m"
NAMES = sorted(find_plugins(Group.RENDERERS))


def render(renderer, view):
    sink = BytesIO()
    renderer.render(view, sink)
    assert not sink.closed
    return sink.getvalue()


@pytest.fixture(params=NAMES)
def renderer(request):
    return load_plugin(Group.RENDERERS, request.param)()


@pytest.fixture
def view():
    return build_view(make_run(), make_hotspots(), make_advice(), make_flames())


def test_the_built_in_renderers_are_known():
    assert {"html", "json", "markdown", "terminal"} <= set(NAMES)


def test_an_extension_is_a_bare_name(renderer):
    assert renderer.extension.isalnum()


def test_the_same_view_gives_the_same_bytes(renderer, view):
    assert render(renderer, view) == render(renderer, view) != b""


def test_a_mark_tells_its_own_files_from_others(renderer, view):
    mark = getattr(renderer, "mark", None)
    if mark is None:
        pytest.skip("it replaces no file")
    for shown in (view, build_view(make_run(HOSTILE), make_hotspots(HOSTILE)), build_view(make_run(), Hotspots())):
        assert mark.match(render(renderer, shown)[:4096])
    for mine in (b"", b"{}", b"<!doctype html><title>whet</title>", b"# Notes on whet", b"[tool.whet]", b"import whet"):
        assert not mark.match(mine)


def test_the_hottest_function_and_the_best_suggestion_are_in(renderer, view):
    text = render(renderer, view).decode("utf-8")
    for words in ("Ledger.seen", "shop/ledger.py", "Ask a set, not a list, for membership"):
        assert words in text


def test_hostile_names_neither_steer_a_terminal_nor_break_the_encoding(renderer):
    view = build_view(make_run(HOSTILE), make_hotspots(HOSTILE), make_advice(HOSTILE), make_flames(HOSTILE))
    text = render(renderer, view).decode("utf-8")
    assert not set("\u202e\x1b\x07\x9b") & set(text)


def test_secrets_of_the_command_line_do_not_show(renderer, view):
    assert b"hunter2" not in render(renderer, view)


def test_an_empty_run_is_rendered(renderer):
    run = replace(make_run(), executions=(), profiles=(), notices=(), not_measured=(), command=())
    assert render(renderer, build_view(run, Hotspots()))
