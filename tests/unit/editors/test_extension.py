"""The extension for VS Code names what the server has, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import whet

pytest.importorskip("pygls")
from whet.editors.answers import PROVE
from whet.editors.proving import BUDGET_SECONDS
from whet.editors.server import CANCEL, EditorServer

EXTENSION = Path(__file__).parents[3] / "editors" / "vscode"
PACKAGE = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))


def test_its_version_is_whets():
    assert PACKAGE["version"] == whet.__version__


@pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning")
def test_its_commands_are_the_servers_or_its_own():
    server = EditorServer().server
    script = (EXTENSION / "extension.js").read_text(encoding="utf-8")
    assert set(server.protocol.fm.commands) == {PROVE, CANCEL}
    for command in PACKAGE["contributes"]["commands"]:
        name = command["command"]
        assert name == CANCEL or f'registerCommand("{name}"' in script


def test_its_settings_are_used_and_have_the_servers_defaults():
    script = (EXTENSION / "extension.js").read_text(encoding="utf-8")
    settings = PACKAGE["contributes"]["configuration"]["properties"]
    for name in settings:
        assert f'get("{name.removeprefix("whet.")}")' in script
    assert settings["whet.proveSeconds"]["default"] == BUDGET_SECONDS
    # A folder that somebody opens must not choose what is started.
    assert settings["whet.path"]["scope"] == "machine"
    assert PACKAGE["capabilities"]["untrustedWorkspaces"]["supported"] is False
