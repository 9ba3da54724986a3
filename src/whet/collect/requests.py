"""Requests by route: what the code inside a server (``whet.inprocess.requests``) needs, and where it leaves them."""

from __future__ import annotations

from pathlib import Path

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


def list_captures(out: Path) -> list[tuple[Path, Path]]:
    """Return the captures of each process that served: the names of its routes, and its counts."""
    found = [(path, path.with_suffix(".counts")) for path in sorted(out.glob(f"{CAPTURE}.*.names"))]
    return [(names, counts) for names, counts in found if counts.is_file()]
