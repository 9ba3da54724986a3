"""``whet scale``: runs a program at several sizes of its input, saves the runs, and says how its cost grows."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path

from whet.errors import StoreError, UsageError
from whet.model.growth import Fit, Growth
from whet.model.run import Run
from whet.pipeline.prove.prove import ended_by_signals
from whet.pipeline.scale.request import ScaleRequest, check_request
from whet.pipeline.scale.session import INTERRUPTED, ScaleSession
from whet.prove.tree import Guard
from whet.records import dataclass
from whet.report.growth import format_exponent
from whet.report.sanitize import show
from whet.scale.growth import find_growth
from whet.scratch import scratch_folder
from whet.store import SavedRun, save_run


@dataclass(frozen=True, slots=True)
class Scaled:
    """The run at the largest size with the scaling in it, where it was saved, and what follows."""

    run: Run
    saved: SavedRun
    growth: Growth

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or a signal ended the runs early."""
        return any(note.startswith(INTERRUPTED) for note in self.run.scaling.notes)


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A place, or the whole (empty ``place``), whose exponent is above the limit with its whole interval."""

    place: str
    fit: Fit


def scale(request: ScaleRequest) -> Scaled:
    """Run the program at all sizes and save what was measured.

    Raises ``UsageError`` and ``TargetError``: wrong use, a program that fails; and ``StoreError``.
    """
    check_request(request)
    try:
        scratch = scratch_folder("scale")
    except OSError as error:
        raise StoreError(f"captures cannot be written: {error}", "free some space, or set TMPDIR") from error
    with scratch as folder, Guard(folder), ended_by_signals():
        run = ScaleSession(request, folder.resolve() / "run").run()
    growth = find_growth(run.scaling)
    if growth is None:
        raise UsageError("the program took no time that could be measured", "give larger sizes")
    return Scaled(run, save_run(run, Path(request.spec.directory)), growth)


def find_exceeded(run: Run, growth: Growth, limit: float, patterns: Sequence[str] = ()) -> tuple[Exceeded, ...]:
    """Return what grows faster than n to the power of ``limit``, with its whole interval.

    Without ``patterns`` the whole program is meant, else each function in files that match one of them. A pattern that
    matches no file of the program raises ``UsageError``: the gate would never close.
    """
    if not patterns:
        return (Exceeded("", growth.whole),) if growth.whole.exponent.low > limit else ()
    shown = {source.shown: file for file, source in run.sources.items()}
    files: set[str] = set()
    for pattern in patterns:
        found = {file for name, file in shown.items() if fnmatch.fnmatch(name, pattern)}
        if not found:
            raise UsageError(f"--in {pattern[:60]!r} matches no file of the program", f"its files: {_name_some(shown)}")
        files |= found
    return tuple(
        Exceeded(f"{run.sources[each.file].shown}:{each.function_line} {each.function}", each.fit)
        for each in growth.functions
        if each.file in files and each.fit.exponent.low > limit
    )


def state_exceeded(each: Exceeded, limit: float) -> str:
    """Return what grows too fast, in one line."""
    place = show(each.place) or "the program"
    return f"{place} grows as {format_exponent(each.fit.exponent)}, beyond n^{limit:g}"


def _name_some(names: dict[str, str]) -> str:
    return ", ".join(sorted(names)[:5]) + (" …" if len(names) > 5 else "")
