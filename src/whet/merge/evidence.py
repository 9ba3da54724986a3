"""Pools the value samples of several processes and executions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain, zip_longest

from whet.model.evidence import Awaited, Evidence, Seen, Trigger


def pool_evidence(parts: Iterable[Evidence]) -> Evidence:
    """Return all value samples together; of lengths the median is that of the part with the most samples."""
    parts = tuple(parts)
    samples, why = 0, ""
    pooled: dict[tuple[str, int, str], Seen] = {}
    for part in parts:
        samples += part.samples
        why = why or part.why_missing
        for seen in part.seen:
            key = (seen.file, seen.function_line, seen.name)
            pooled[key] = _add(pooled[key], seen) if key in pooled else seen
    return Evidence(
        samples,
        tuple(pooled.values()),
        "" if samples else why,
        triggers=_pool_triggers(part.triggers for part in parts),
        collections=tuple(map(sum, zip_longest(*(part.collections for part in parts), fillvalue=0))),
        awaited=_pool_awaited(part.awaited for part in parts),
    )


def _pool_awaited(parts: Iterable[Iterable[Awaited]]) -> tuple[Awaited, ...]:
    pooled: dict[tuple[str, int], Awaited] = {}
    for each in chain.from_iterable(parts):
        known = pooled.get((each.file, each.line), each)
        if known is not each:
            ns = known.ns + each.ns
            tasks = (known.concurrency * known.ns + each.concurrency * each.ns) / ns if ns else each.concurrency
            pooled[each.file, each.line] = replace(each, ns=ns, concurrency=tasks)
        else:
            pooled[each.file, each.line] = each
    return tuple(sorted(pooled.values(), key=lambda each: (-each.ns, each.file, each.line)))


def _pool_triggers(parts: Iterable[Iterable[Trigger]]) -> tuple[Trigger, ...]:
    pooled: dict[tuple[str, int], Trigger] = {}
    for each in chain.from_iterable(parts):
        known = pooled.get((each.file, each.line))
        pooled[each.file, each.line] = replace(each, samples=each.samples + known.samples) if known else each
    return tuple(sorted(pooled.values(), key=lambda each: (-each.samples, each.file, each.line)))


def _add(one: Seen, other: Seen) -> Seen:
    more = one if one.samples >= other.samples else other
    return Seen(
        file=one.file,
        function=one.function,
        function_line=one.function_line,
        name=one.name,
        samples=one.samples + other.samples,
        types=_sum(one.types, other.types),
        elements=_sum(one.elements, other.elements),
        min_length=min((n for n in (one.min_length, other.min_length) if n is not None), default=None),
        median_length=more.median_length,
        max_length=max((n for n in (one.max_length, other.max_length) if n is not None), default=None),
        track=more.track,
        distinct=more.distinct if one.distinct is None or other.distinct is None else one.distinct + other.distinct,
    )


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
