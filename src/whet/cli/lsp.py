"""``whet lsp``: cost, findings and rewrites for editors, on stdin and stdout."""

from __future__ import annotations

import os
import sys
from typing import Annotated

from whet.cli.declare import Option
from whet.errors import UsageError


def lsp_command(
    stdio: Annotated[
        bool, Option("--stdio", help="Speak on stdin and stdout, as it always does: some editors pass this.")
    ] = False,
) -> None:
    """Serve an editor: cost behind lines, findings, rewrites.

    It speaks the Language Server Protocol on stdin and stdout. The editor starts it and shows what the lines of the
    latest run cost, what whet's rules find, and the rewrites, which can be applied or proved on the program.
    It needs `pip install 'whet-perf[lsp]'`.

    Examples:
        whet lsp
    """
    try:
        import anyio  # noqa: F401
        import pygls  # noqa: F401
    except ImportError:
        raise UsageError("whet lsp needs pygls", "install it with pip install 'whet-perf[lsp]'") from None
    try:
        from whet.editors.server import serve
    except ImportError as error:
        raise UsageError(
            f"whet lsp needs version 2 of pygls: {error}", "install it with pip install 'whet-perf[lsp]'"
        ) from None
    sys.stdout.flush()
    # What anything prints, here or in a child, must not get between the messages.
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    serve(source, sink)
