"""`whet lsp` without its libraries."""

from __future__ import annotations

import sys

import pytest

from whet.cli.main import run_command_line


@pytest.mark.parametrize("missing", ["pygls", "anyio", "whet.editors.server"])
def test_the_error_names_the_extra(missing, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, missing, None)
    assert run_command_line(["lsp"]) == 2
    said = capsys.readouterr()
    assert "pip install 'whet-perf[lsp]'" in said.err
    assert said.out == ""
