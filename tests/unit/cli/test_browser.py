"""Opening a written report, and warning of a large one."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from whet.cli import browser
from whet.errors import StoreError
from whet.report import write
from whet.report.fakes import make_hotspots, make_run
from whet.report.view import build_view
from whet.report.write import write_report


@pytest.fixture
def opened(monkeypatch):
    addresses = []
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or True)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(browser.sys, "platform", "linux")
    return addresses


def test_a_report_is_opened_by_its_address(opened, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DISPLAY", ":0")
    browser.open_report(tmp_path / "a b.html")
    assert opened == [(tmp_path / "a b.html").as_uri()]
    assert capsys.readouterr().err == ""


def test_without_a_screen_nothing_takes_the_terminal(opened, tmp_path, capsys):
    browser.open_report(tmp_path / "r.html")
    assert opened == []
    assert "r.html yourself" in capsys.readouterr().err


@pytest.mark.parametrize("trouble", [webbrowser.Error("none"), OSError("none"), None])
def test_a_browser_that_does_not_start_is_no_error(opened, monkeypatch, trouble, capsys):
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")

    def fail(_):
        if trouble:
            raise trouble
        return False

    monkeypatch.setattr(webbrowser, "open", fail)
    browser.open_report(Path("r.html"))
    assert "no browser could be opened" in capsys.readouterr().err


def test_large_reports_are_warned_of_and_larger_ones_refused(monkeypatch, tmp_path, capsys):
    browser.warn_of_size(4_900_000, Path("r.html"))
    assert capsys.readouterr().err == ""
    browser.warn_of_size(6_100_000, Path("r.html"))
    assert capsys.readouterr().err == "whet: r.html takes 6 MB; `whet report --no-source` leaves out the largest part\n"
    view = build_view(make_run(), make_hotspots())
    size = write_report(view, tmp_path / "r.html")
    assert size == (tmp_path / "r.html").stat().st_size
    monkeypatch.setattr(write, "LARGEST", size - 1)
    with pytest.raises(StoreError, match="too large for browsers") as caught:
        write_report(view, tmp_path / "other.html")
    assert "--no-source" in caught.value.hint
    assert not (tmp_path / "other.html").exists()


def test_a_report_is_called_what_its_reader_says(tmp_path):
    write_report(build_view(make_run(), make_hotspots(), title="Nightly <b>run</b>"), tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<title>Nightly &lt;b&gt;run&lt;/b&gt; · whet</title>" in text
    assert '<p class="title">Nightly &lt;b&gt;run&lt;/b&gt;</p>' in text
    assert "orders.py spends" in text
