"""Value samples: what the agent inside the program (``whet.inprocess.agent.agent``) needs, and where it leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whet.errors import FormatError
from whet.program.host import TargetHost

CAPTURE = "values.jsonl"


def describe_user_code(
    host: TargetHost, program: Sequence[str], include: Sequence[str], exclude: Sequence[str]
) -> dict[str, object]:
    """Return what code inside the program needs to tell the user's files, as :class:`whet.merge.ownership.Ownership`.

    ``program`` are paths that are the program's own; the others are globs.
    """
    foreign = [*host.stdlib, *host.site_packages, *(host.packages[name] for name in host.borrowed)]
    return {"foreign": foreign, "program": list(program), "include": list(include), "exclude": list(exclude)}


def sample_values(out: Path, user_code: dict[str, object]) -> dict[str, object]:
    """Return the settings of the agent, as :attr:`whet.collect.api.Launch.agent` has them."""
    return {"values": {"capture": str(out / CAPTURE), **user_code}}


def read_own_threads(out: Path) -> list[int]:
    """Return the ids of the agent's threads in the program's process; none where it has left no capture."""
    # What reads captures is not needed before there is one.
    from whet.formats.value_samples import read_agent_threads

    try:
        with (out / CAPTURE).open("rb") as file:
            return read_agent_threads(file)
    except (OSError, FormatError):
        return []


def read_collector_lists(out: Path) -> tuple[int, int] | None:
    """Return where the program's process has two lists of the garbage collector's; ``None`` until that is known."""
    from whet.formats.value_samples import read_agent_lists

    try:
        with (out / CAPTURE).open("rb") as file:
            return read_agent_lists(file)
    except (OSError, FormatError):
        return None


def list_captures(out: Path) -> list[Path]:
    """Return the captures under ``out``: the program's first, then those of forked children."""
    found = [out / CAPTURE, *sorted(out.glob(f"{CAPTURE}.*"))]
    return [path for path in found if path.suffix != ".tmp" and path.is_file()]
