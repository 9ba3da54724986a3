"""``whet mcp``: whet's tools for coding agents, on stdin and stdout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from whet.cli.declare import Option
from whet.errors import UsageError


def mcp_command(
    project: Annotated[
        Path | None,
        Option("--project", metavar="DIR", help="The folder that agents may measure; default: the current."),
    ] = None,
    python: Annotated[
        str, Option("--python", metavar="PYTHON", help="The interpreter of the project's programs; default: its .venv.")
    ] = "",
) -> None:
    """Serve whet's tools to a coding agent.

    It speaks the Model Context Protocol on stdin and stdout. An agent's configuration starts it: it measures the
    project's programs, reads hot lines and suggestions, and has a change judged by the program before anyone reads it.
    It needs `pip install 'whet-perf[mcp]'`.

    Examples:
        whet mcp
        whet mcp --project ~/work/shop --python .venv/bin/python
    """
    root = Path.cwd() if project is None else project.expanduser()
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder", "name the project's folder with --project")
    try:
        import mcp  # noqa: F401
    except ImportError:
        raise UsageError("whet mcp needs the MCP SDK", "install it with pip install 'whet-perf[mcp]'") from None
    try:
        from whet.agents.server import serve
    except ImportError as error:
        raise UsageError(
            f"whet mcp needs version 2 of the MCP SDK: {error}", "install it with pip install 'whet-perf[mcp]'"
        ) from None
    serve(root, python)
