"""What takes time around a program: how it writes its output, and what serves it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from whet.advise.remark import Remark, find_hottest, make_remark, read_line, share_of_stacks, time_called
from whet.model.frame import Frame
from whet.model.hotspot import Hotspots, LineSpot
from whet.model.run import Run

_UNBUFFERED_SHARE = 0.05
_SERVER_SHARE = 0.1
_DEVELOPMENT_SERVERS = {
    "Werkzeug's development server": "werkzeug/serving.py",
    "Django's development server": "django/core/servers/basehttp.py",
    "wsgiref": "wsgiref/simple_server.py",
}
_OF_SERVERS = frozenset({"socketserver", "http", "wsgiref", "werkzeug", "logging", "socket", "email"})


def remark_unbuffered(
    run: Run, hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[Remark]:
    """Yield that each write to stdout or stderr goes to the system at once, where that takes long."""
    share = share_of_stacks(run, _is_raw_write) * hotspots.cpu_ns / hotspots.busy_ns
    if share < _UNBUFFERED_SHARE:
        return
    writing = [spot for spot in own if (spot.file, spot.line) not in taken and time_called(spot)]
    writing = [spot for spot in writing if re.search(r"\b(print|write\w*)\s*\(", read_line(run, spot))] or writing
    if not writing:
        return
    message = (
        f"stdout or stderr is not buffered (`python -u`, PYTHONUNBUFFERED): each write is a call of the system, and"
        f" they took {share:.0%} of the run. Leave that setting off, or join what is written and write it at once."
    )
    spot = max(writing, key=lambda spot: (time_called(spot), -spot.line))
    yield make_remark("unbuffered-output", "Output is not buffered", message, spot, share, whole=True)


def _is_raw_write(frame: Frame) -> bool:
    """Tell whether a frame is what stands in for the write method of an unbuffered stream."""
    return frame.name == "FileIO.write" and frame.file == "<frozen io>"


def remark_development_server(run: Run, hotspots: Hotspots, own: list[LineSpot]) -> Iterator[Remark]:
    """Yield what a server that is made for development takes for itself, beside what it serves."""
    for name, file in _DEVELOPMENT_SERVERS.items():
        if not share_of_stacks(run, _stand_in(file)):
            continue
        spent = sum(value for package, value in hotspots.outside_packages if package in _OF_SERVERS)
        share = spent / hotspots.busy_ns
        if share < _SERVER_SHARE:
            return
        message = (
            f"The program is served by {name}, which takes {share:.0%} of the run for itself: it is made for"
            " development, starts a thread and writes a line for each request. Serve with gunicorn, waitress, uwsgi or"
            " uvicorn, and measure that: what costs there is another part."
        )
        title = "A server for development serves the program"
        yield make_remark("development-server", title, message, find_hottest(own), share, whole=True)
        return


def _stand_in(file: str) -> Callable[[Frame], bool]:
    return lambda frame: frame.file.replace("\\", "/").endswith(file)
