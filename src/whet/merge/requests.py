"""Requests: what the processes of a server counted, as one; and the frames that name them on the sampled stacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from whet.merge.drop_frames import drop_frames
from whet.model.frame import Frame, Owner
from whet.model.profile import Profile, StackTable
from whet.model.routes import MOST_ROUTES, REQUEST_FILE, Requests, RouteTotals

PREFIX = "whet_request_"
"""How the names of frames begin that stand for a request; the name that it had when it began follows."""
_CLEAR = 0.95
"""Part of the requests of one name that must be of one route for the name to stand for that."""


def pool_routes(parts: Iterable[RouteTotals]) -> tuple[RouteTotals, ...]:
    """Return routes with those of one name added up, the one with the longest durations together first."""
    pooled: dict[str, RouteTotals] = {}
    for part in parts:
        known = pooled.get(part.name)
        pooled[part.name] = _add(known, part) if known is not None else part
    ranked = sorted(pooled.values(), key=lambda route: (-route.spent_ns, route.name))
    return tuple(ranked[:MOST_ROUTES])


def _add(one: RouteTotals, other: RouteTotals) -> RouteTotals:
    counts = dict(zip(one.classes, one.counts, strict=True))
    for index, count in zip(other.classes, other.counts, strict=True):
        counts[index] = counts.get(index, 0) + count
    ordered = sorted(counts)
    place = one if one.file else other
    return RouteTotals(
        name=one.name,
        spent_ns=one.spent_ns + other.spent_ns,
        classes=tuple(ordered),
        counts=tuple(counts[index] for index in ordered),
        file=place.file,
        line=place.line,
        function=place.function,
    )


def pool_requests(parts: Iterable[Requests]) -> Requests:
    """Return the requests of several runs that ran next to each other as those of one."""
    found = list(parts)
    return Requests(
        elapsed_ns=max((part.elapsed_ns for part in found), default=0),
        routes=pool_routes(route for part in found for route in part.routes),
        processes=sum(part.processes for part in found),
        timed=tuple(dict.fromkeys(module for part in found for module in part.timed)),
    )


def find_route_names(named: Iterable[tuple[str, RouteTotals]]) -> dict[str, str]:
    """Return for each name that requests had on stacks their route, where (nearly) all of them were of one."""
    requests: dict[str, dict[str, int]] = {}
    for key, route in named:
        of = requests.setdefault(key, {})
        of[route.name] = of.get(route.name, 0) + route.requests
    found = {}
    for key, of in requests.items():
        name, most = max(of.items(), key=lambda item: item[1])
        found[key] = name if most >= _CLEAR * sum(of.values()) else key
    return found


def name_requests(profile: Profile, names: Mapping[str, str]) -> Profile:
    """Return ``profile`` with the frames of requests named after their routes, as far as ``names`` has them."""
    ours = [frame.file == REQUEST_FILE for frame in profile.frames]
    if not any(ours):
        return profile
    frames = [_name_frame(frame, names) if own else frame for own, frame in zip(ours, profile.frames, strict=True)]
    first: dict[Frame, int] = {}
    same = [first.setdefault(frame, index) for index, frame in enumerate(frames)]
    # What only leads to the application, and the body of a response under the frame of its request.
    stacks, place = drop_frames(
        StackTable(profile.stacks.parent, [same[at] for at in profile.stacks.frame]),
        lambda at, above: ours[at] and (not frames[at].name or above == at),
    )
    samples = []
    for entry in profile.samples:
        values: dict[int, int] = {}
        for row, value in zip(entry.stack, entry.value, strict=True):
            at = place[row] if row >= 0 else row
            values[at] = values.get(at, 0) + value
        samples.append(replace(entry, stack=list(values), value=list(values.values())))
    return replace(profile, frames=frames, stacks=stacks, samples=samples)


def _name_frame(frame: Frame, names: Mapping[str, str]) -> Frame:
    name = ""
    if frame.name.startswith(PREFIX):
        try:
            key = bytes.fromhex(frame.name[len(PREFIX) :]).decode("utf-8", "replace")
        except ValueError:
            key = ""
        name = names.get(key, key)
    return Frame(REQUEST_FILE, name, owner=Owner.DEPENDENCY)
