"""Who waits for whom in an asyncio program, and how many at once, from the stacks and the tasks that were seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise

from whet.model.evidence import Awaited
from whet.model.frame import Frame, Owner
from whet.model.hotspot import LineSpot
from whet.model.metric import Metric
from whet.model.run import Run

AWAITED_ONE_BY_ONE = "await-in-loop"
"""The rule about coroutines that a loop awaits one after the other."""
ALONE = 1.5
"""With fewer tasks than this that wait at once, on average, the program waits for one thing after the other."""
_CHAINS, _STEPS = 2, 3


def find_awaited(run: Run, file: str, line: int) -> Awaited | None:
    """Return what was seen of tasks on a line."""
    return next((each for each in run.evidence.awaited if each.line == line and each.file == file), None)


def sum_waiting(run: Run, file: str, line: int, above: Collection[tuple[str, int]] | None = None) -> int:
    """Return the nanoseconds that were waited below a line; with ``above`` only where one of these waits for it."""
    return sum(
        value
        for stack, value in _list_waits(run)
        for at, frame in enumerate(stack)
        if (frame.file, frame.line) == (file, line)
        and (above is None or any((each.file, each.line) in above for each in stack[:at]))
    )


def tell_awaiters(run: Run, spot: LineSpot) -> str:
    """Return how many tasks waited at once on a line, and who awaits it; empty where no task was seen on it."""
    here = find_awaited(run, spot.file, spot.line)
    if here is None:
        return ""
    chains: dict[tuple[tuple[str, int, str], ...], int] = {}
    for stack, value in _list_waits(run):
        at = next((at for at, frame in enumerate(stack) if (frame.file, frame.line) == (spot.file, spot.line)), 0)
        chain = tuple((frame.file, frame.line, frame.name) for frame in reversed(stack[:at]))
        chains[chain] = chains.get(chain, 0) + value * bool(at)
    told = []
    for chain in sorted(chains, key=lambda each: -chains[each])[:_CHAINS]:
        seen = [awaited for file, line, _ in chain if (awaited := find_awaited(run, file, line)) is not None]
        if not seen:
            continue  # what runs the loop awaits nothing
        names = ", ".join(f"{name} (line {line})" for _, line, name in chain[: min(len(seen), _STEPS)])
        rarest = min(seen, key=lambda each: each.ns)
        told.append(f"{_tell_tasks(rarest.concurrency)} through {names}")
    return f"{' and '.join(told or [_tell_tasks(here.concurrency)])} waited here"


def _tell_tasks(concurrency: float) -> str:
    return "one task at a time" if concurrency < ALONE else f"{concurrency:.0f} tasks at once (on average)"


def _list_waits(run: Run) -> Iterator[tuple[list[Frame], int]]:
    """Yield the user's frames of each stack that was waited with, outermost first, and the nanoseconds."""
    for profile in run.profiles:
        for samples in profile.samples:
            if samples.metric is Metric.WAITING:
                for row, value in zip(samples.stack, samples.value, strict=True):
                    frames = [profile.frames[profile.stacks.frame[each]] for each in profile.stacks.walk(row)]
                    own = [frame for frame in reversed(frames) if frame.owner is Owner.USER]
                    yield (
                        [frame for before, frame in pairwise([None, *own]) if frame is not None and frame != before],
                        value,
                    )
