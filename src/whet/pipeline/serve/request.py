"""What the user asks to be sent to a server: the requests of a file, or what a command sends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from whet.collect.requests import count_requests
from whet.errors import UsageError
from whet.pipeline.serve.load_command import WARMUP_SECONDS, CommandLoad
from whet.pipeline.serve.load_file import FileLoad, read_load
from whet.program.servers import ANY, find_servers
from whet.program.spec import TargetSpec
from whet.prove.serving import Load
from whet.records import dataclass


class PlannedLoad(Load, Protocol):
    """A load that says what it sends."""

    def describe(self) -> str:
        """Return what a run is sent, for a note."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """Either ``file`` or ``command``; seconds. ``metric``: ``time``, ``p50`` or ``p95``."""

    file: Path | None = None
    command: str = ""
    connections: int = 1
    warmup: float = 0.0
    duration: float = 0.0
    metric: str = "time"


def make_load_request(
    file: Path | None,
    command: str,
    connections: int | None,
    *,
    warmup: float | None = None,
    duration: float | None = None,
    metric: str = "time",
) -> LoadRequest | None:
    """Return what these options ask for; ``None`` where they ask for no load.

    Raises ``UsageError`` for options that do not go together.
    """
    if file is not None and command:
        raise UsageError("--load and --load-command are two different loads", "give only one of them")
    if file is None and not command:
        given = {"--connections": connections, "--duration": duration, "--warmup": warmup}
        for option, value in given.items():
            if value is not None:
                raise UsageError(f"{option} does nothing without a load", "add --load FILE or --load-command COMMAND")
        return None
    if command and connections is not None:
        raise UsageError("--connections is for the requests of --load", "write it into the command instead")
    if file is not None and (duration is not None or warmup is not None):
        option = "--duration" if duration is not None else "--warmup"
        raise UsageError(f"{option} is for --load-command", "a file is sent as a whole: drop it")
    if warmup is None:
        # A command that ends by itself may be over by then.
        warmup = WARMUP_SECONDS if duration else 0.0
    return LoadRequest(file, command, connections or 1, warmup, duration or 0.0, metric)


def plan_load(
    request: LoadRequest,
    spec: TargetSpec | None,
    directory: str,
    folder: Path,
    environ: Mapping[str, str],
    agreed: list[bool] | None = None,
) -> tuple[PlannedLoad, dict[str, str]]:
    """Return the load, and the variables that the server needs for it to be counted.

    ``folder`` is the session's own, with the overlay of rewritten files, if there is one. ``agreed``:
    see :class:`CommandLoad`. Raises ``UsageError``.
    """
    if request.file is not None:
        return FileLoad(read_load(request.file), request.connections, request.metric), {}
    counted = folder / "counted"
    counted.mkdir()
    servers = find_servers(spec, environ) if spec is not None else ANY
    overlay = folder / "overlay"
    variables = count_requests(
        counted,
        servers if servers.holders else ANY,
        spec.first_import_folder if spec is not None else directory,
        environ,
        first=str(overlay) if overlay.is_dir() else "",
    )
    load = CommandLoad(
        request.command,
        directory,
        counted,
        warmup=request.warmup,
        duration=request.duration,
        metric=request.metric,
        agreed=agreed,
    )
    return load, variables
