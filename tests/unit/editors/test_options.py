"""What editors set: before anything else, or later, under the server's name or without."""

from __future__ import annotations

import pytest
from lsprotocol import types

from whet.editors.server import BUDGET_SECONDS, EditorServer


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({"proveSeconds": 60}, 60),
        ({"whet": {"proveSeconds": 60}}, 60),
        ({"whet": None}, BUDGET_SECONDS),
        ({"proveSeconds": "60"}, BUDGET_SECONDS),
        ({"proveSeconds": True}, BUDGET_SECONDS),
        (None, BUDGET_SECONDS),
    ],
)
def test_settings_that_are_sent_later_count(settings: object, seconds: float) -> None:
    editor = EditorServer()
    assert types.WORKSPACE_DID_CHANGE_CONFIGURATION in editor.server.protocol.fm.features
    editor.on_configuration(types.DidChangeConfigurationParams(settings=settings))
    assert editor.budget == seconds
