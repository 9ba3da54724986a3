"""Requests by route: what the code inside a server (``whet.inprocess.requests``) needs, and where it leaves them."""

from __future__ import annotations

import marshal
import os
from collections.abc import Mapping
from pathlib import Path

from whet.collect.execute import HOOK, SETTINGS, SETTINGS_VARIABLE
from whet.program.servers import Servers

CAPTURE = "requests"


def time_requests(out: Path, servers: Servers) -> dict[str, object]:
    """Return the settings, as :attr:`whet.collect.api.Launch.agent` has them."""
    return {
        "requests": {
            "capture": str(out / CAPTURE),
            "holders": list(servers.holders),
            "starters": list(servers.starters),
        }
    }


def count_requests(
    out: Path, servers: Servers, folder: str, environ: Mapping[str, str], *, first: str = ""
) -> dict[str, str]:
    """Return the variables with which a server, started by itself, counts its requests in the folder ``out``.

    ``folder`` is what it imports from before anything else; ``first`` will stand before its ``PYTHONPATH``.
    """
    own = environ.get("PYTHONPATH", "")
    file = out / SETTINGS
    path, seen, hooked = (
        os.pathsep.join(filter(None, each)) for each in ((str(HOOK), own), (first, own), (first, str(HOOK), own))
    )
    # The processes that it starts to serve read the same.
    children = {"PYTHONPATH": hooked, SETTINGS_VARIABLE: str(file)}
    settings = {**time_requests(out, servers), "pythonpath": seen or None, "folder": folder, "children": children}
    file.write_bytes(marshal.dumps(settings, 2))
    return {"PYTHONPATH": path, SETTINGS_VARIABLE: str(file)}


def list_captures(out: Path) -> list[tuple[Path, Path]]:
    """Return the captures of each process that served: the names of its routes, and its counts."""
    found = [(path, path.with_suffix(".counts")) for path in sorted(out.glob(f"{CAPTURE}.*.names"))]
    return [(names, counts) for names, counts in found if counts.is_file()]
