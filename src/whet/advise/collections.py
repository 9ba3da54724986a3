"""Collecting garbage, as it was seen from outside: its share, its generations, and the lines that set it off."""

from __future__ import annotations

import re
from collections.abc import Sequence

from whet.advise.measured_advice import MeasuredAdvice, find_hottest, make_measured_advice, read_line, tell_share
from whet.model.evidence import Trigger
from whet.model.hotspot import Hotspots, LineSpot
from whet.model.run import Purpose, Run

LEAST_SHARE = 0.05
_LEAST_LOOKS = 10
"""How often a collection must have been met."""
_LEAST_TRIGGERS = 3
_NAMED = 3
_DEF = re.compile(r"\s*(async\s+)?def\b")
_ORDINALS = ("young objects", "the middle generation", "all objects")


def remark_collections(run: Run, hotspots: Hotspots, own: list[LineSpot]) -> MeasuredAdvice | None:
    """Return what collecting garbage took of the run, at the line that sets most of it off, where that was met."""
    timed = [each for each in run.executions if each.purpose is Purpose.TIME and each.collecting_looks]
    if not timed or not hotspots.busy_ns:
        return None
    looks = sum(each.collecting_looks for each in timed)
    part = sum(each.collecting_share * each.collecting_looks for each in timed) / looks
    # It is a part of what the first process computed, which may have others do the work.
    share = part * min(hotspots.cpu_ns, sum(each.cpu_ns for each in timed)) / hotspots.busy_ns
    if share < LEAST_SHARE or part * looks < _LEAST_LOOKS:
        return None
    places = [each for each in run.evidence.triggers if (each.file, each.line) in hotspots.line_index]
    places = [each for each in places if each.samples >= _LEAST_TRIGGERS]
    spot = hotspots.line_index[places[0].file, places[0].line] if places else find_hottest(own)
    begins = [each for each in own if each.line == each.function_line and each.cost.self_share >= LEAST_SHARE]
    begins = [each for each in begins if _DEF.match(read_line(run, each))]
    at = ", ".join(f"line {each.line}" for each in begins[:_NAMED])
    on = f" Since it runs where a function begins, too, time on `def` lines ({at}) is part of it." if begins else ""
    message = (
        f"The garbage collector took {tell_share(share)} of the run{_tell_generations(run.evidence.collections)},"
        f" going through objects that mostly stay alive.{_tell_places(run, places)}{on} While a large structure is"
        " built, turn it off (gc.disable(), gc.enable()), or call gc.freeze() after start-up, raise gc.set_threshold(),"
        " or create fewer containers (tuples, __slots__, arrays)."
    )
    return make_measured_advice(
        "garbage-collection", "Time spent in garbage collection", message, spot, share, whole=True
    )


def _tell_generations(counts: Sequence[int]) -> str:
    """Return how many collections there were, as in ``(9,300 of young objects, 84 of all objects)``."""
    told = [f"{count:,} of {name}" for count, name in zip(counts, _ORDINALS, strict=False) if count]
    return f" (collections: {', '.join(told)})" if told else ""


def _tell_places(run: Run, places: Sequence[Trigger]) -> str:
    if not places:
        return ""
    whole = sum(each.samples for each in run.evidence.triggers)
    named = ", ".join(
        f"line {each.line} in {each.function} ({each.samples} of {whole} seen)" for each in places[:_NAMED]
    )
    return f" It is set off by what is allocated in {named}."
