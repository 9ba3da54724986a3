"""Looks at the variables of the user frames on the stacks.

A look never calls code of the program: types are read from the type itself,
lengths only of exact builtin types, attributes only from a plain instance
dictionary. It keeps no object alive: what is stored are names of types and
numbers. It is bounded in time, frames, names and elements.
"""

from __future__ import annotations

import gc
import sys
from _collections import deque  # type: ignore[import-not-found]
from time import perf_counter_ns, process_time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType
    from typing import Any

MAX_FRAMES = 24
MAX_DEPTH = 400
"""Frames that are walked in search of the user's."""
MAX_NEW = 20
"""Places that are added in one sample."""
ROOM = 150
"""More objects than a look at one frame makes."""
MAX_NAMES = MAX_ATTRIBUTES = 24
MAX_PLACES = 4_000
"""Places (function and name) that are remembered at most."""
MAX_LENGTHS = 101
MAX_TRACK, LEAST_RISE = 192, 4
"""Points of a track, which tells how a length rose, and by which factor at least."""
MAX_KINDS = 8
"""Types remembered for one name, and for its elements."""
ENOUGH_SAMPLES = 40
"""A function that was looked at so often,"""
LATER_PART = 4
"""is looked at once in so many times: its outer frames are on the stack at every sample."""

# Sets of the identities of types: looking a type up by its hash would call a metaclass's own.
_SEQUENCES = frozenset(map(id, (list, tuple)))
_KEYED = frozenset(map(id, (dict, set, frozenset)))
_CONTAINERS = frozenset({*_SEQUENCES, *_KEYED, *map(id, (str, bytes, bytearray, deque))})
_SIZED = frozenset({*_CONTAINERS, id(range)})
_MODULE = type(sys)
_modules = sys.modules
# A program may put others in their places.
_is_enabled, _get_count, _get_threshold = gc.isenabled, gc.get_count, gc.get_threshold
_FUNCTION: Any = type(lambda: None)
_UNINTERESTING = frozenset(map(id, (_FUNCTION, type(_FUNCTION.__get__(lambda _: None, 0)), type(len), _MODULE, type)))
_OPTIMIZED = 0x1
_SNAPSHOT_IS_LEFT_BEHIND = sys.version_info < (3, 13)
_USES_SNAPSHOT = frozenset(("locals", "vars", "dir", "exec", "eval", "f_locals"))
"""A function that names one of these may work with the snapshot of its variables that there is before 3.13."""
_DICT_SLOT = type(_FUNCTION.__code__)
"""A getset descriptor."""
_CLEAN = 4
"""References to a frame that nobody but its thread and this module holds, before 3.13."""


def is_collecting() -> bool:
    """Tell whether garbage is collected now and then."""
    return _is_enabled() and _get_threshold()[0] > 0


def has_room(needed: int) -> bool:
    """Tell whether as many objects can be made without setting off a garbage collection."""
    return _get_threshold()[0] - _get_count()[0] >= needed or not is_collecting()


_KNOWN_NAMES = {
    id(kind): f"{kind.__module__}.{kind.__qualname__}"
    for kind in (int, str, float, bool, list, dict, tuple, set, frozenset, bytes, range, type(None), deque)
}
"""Names of the types that most values have, by identity."""


def name_of_type(kind: type) -> str:
    """Return ``module.qualname`` of a type without asking its metaclass."""
    known = _KNOWN_NAMES.get(id(kind))
    if known is not None:
        return known
    try:
        module = type.__dict__["__module__"].__get__(kind)
        name = type.__dict__["__qualname__"].__get__(kind)
    except Exception:  # a heap type may have had its __module__ removed
        return "?"
    if type(name) is not str:  # a kind of text with a way of its own to be shown
        return "?"
    return f"{module}.{name}" if type(module) is str else name


def plain_attributes(instance: object) -> dict[str, Any] | None:
    """Return the instance dictionary of an object, or ``None`` where reading it could run code of the program."""
    for kind in type.__dict__["__mro__"].__get__(type(instance)):
        slot = type.__dict__["__dict__"].__get__(kind).get("__dict__")
        if slot is not None:
            if type(slot) is not _DICT_SLOT:
                return None
            found = slot.__get__(instance)
            return found if type(found) is dict else None
    return None


_BASES = {"f": "float", "i": "int", "u": "uint", "c": "complex", "b": "bool", "O": "object", "U": "str", "S": "bytes"}
_WITH_BITS = "fiuc"


def _name_dtype(dtype: Any) -> str:
    """Return the name of a numpy dtype. ``str(dtype)`` would run code of numpy's in Python."""
    kind: str = dtype.kind
    base = _BASES.get(kind, kind)
    return f"{base}{8 * dtype.itemsize}" if kind in _WITH_BITS else base


def _is_array(value: object) -> bool:
    """Tell whether a value is numpy's own array rather than something that has taken its name."""
    module = _modules.get("numpy") if type(_modules) is dict else None
    return type(module) is _MODULE and type(value) is module.__dict__.get("ndarray")


class _Pooled:
    """All samples of one name in one function."""

    __slots__ = ("elements", "lengths", "samples", "stride", "track", "types")

    def __init__(self) -> None:
        self.samples = 0
        self.types: dict[str, int] = {}
        self.elements: dict[str, int] = {}
        self.lengths: list[int] = []
        self.stride, self.track = 1, list[int]()
        """Length and moment of every so many samples: at which line, a thread that yields does not tell."""

    def follow(self, length: int, now: int) -> None:
        """Add to the track; when it is full, every second point goes, and from then on every second sample."""
        track = self.track
        if self.samples % self.stride or (track and track[-2] == length):
            return
        if len(track) >= 2 * MAX_TRACK:
            self.stride *= 2
            track[:] = [value for at in range(0, len(track), 4) for value in track[at : at + 2]]
        track += (length, now)

    def has_risen(self) -> bool:
        """Tell whether the length rose enough for its track to be of interest."""
        lengths = self.track[::2]
        return len(lengths) > LEAST_RISE and max(lengths) >= LEAST_RISE * max(1, min(lengths))


class Values:
    """Collects value samples; ``is_user`` tells whether a file is the user's code."""

    def __init__(self, is_user: Callable[[str], bool]) -> None:
        self.is_user = is_user
        self.samples = 0
        self.places, self.most_places = 0, MAX_PLACES
        self.functions: dict[tuple[str, int, str], dict[str, _Pooled]] = {}
        """By file, first line and qualified name: what was seen, by name."""
        self.met: dict[tuple[str, int, str], int] = {}
        """How often each of them was on a stack."""
        self.now = 0  # microseconds that the process had computed when the sample began
        self.hold: Callable[[object], object] = type
        """Keeps what is looked at, where that is wanted: its last reference may go only where the caller lets it."""

    def begin(self, held: list[object]) -> None:
        """Begin a sample, in which all that is looked at is added to ``held``."""
        self.samples += 1
        self.now = process_time_ns() // 1000
        self.most_places = min(self.places + MAX_NEW, MAX_PLACES)
        self.hold = held.append

    def look(self, frame: FrameType | None, deadline: int) -> None:
        """Look at the user frames from ``frame`` outwards, until ``deadline`` as ``perf_counter_ns`` counts."""
        seen: set[int] = set()
        for _ in range(MAX_DEPTH):
            if frame is None or len(seen) >= MAX_FRAMES or perf_counter_ns() > deadline or not has_room(ROOM):
                return
            self.hold(frame)
            code = frame.f_code
            file = code.co_filename
            # Of a recursive function the innermost frame is enough.
            if id(code) not in seen and type(file) is str and self.is_user(file):
                seen.add(id(code))
                # Before 3.13 variables are read by a snapshot that belongs to the frame, which somebody else may work
                # with who has the frame too: a trace or profile function at this moment.
                if not _SNAPSHOT_IS_LEFT_BEHIND or sys.getrefcount(frame) <= _CLEAN:
                    self._look_at_frame(frame, code, file)
            frame = frame.f_back

    def _look_at_frame(self, frame: FrameType, code: CodeType, file: str) -> None:
        name: Any = code.co_qualname
        if type(name) is not str:
            return
        key = (file, code.co_firstlineno, name)
        met = self.met.get(key, 0) + 1
        if len(self.met) < MAX_PLACES or met > 1:
            self.met[key] = met
        if met > ENOUGH_SAMPLES and met % LATER_PART:
            return
        self._look_at_names(self.functions.setdefault(key, {}), frame, code)

    def _look_at_names(self, pool: dict[str, _Pooled], frame: FrameType, code: CodeType) -> None:
        names, globals_ = code.co_names, frame.f_globals
        is_plain = type(globals_) is dict
        if not code.co_flags & _OPTIMIZED:
            if code.co_name == "<module>" and is_plain:
                self._look_at_values(pool, code, names, globals_)
            return
        if not _SNAPSHOT_IS_LEFT_BEHIND or _USES_SNAPSHOT.isdisjoint(names):
            snapshot = frame.f_locals
            self._look_at_values(pool, code, (*code.co_varnames, *code.co_cellvars, *code.co_freevars), snapshot)
            # Before 3.13 the snapshot stays in the frame and keeps every value alive. Here only two hold it.
            if _SNAPSHOT_IS_LEFT_BEHIND and sys.getrefcount(snapshot) <= 3:
                self.hold([*snapshot.values()])
                snapshot.clear()
        for name in names[:64] if is_plain else ():
            value = globals_.get(name)
            self.hold(value)
            if id(type(value)) in _CONTAINERS:
                self._add(pool, name, value)

    def _look_at_values(self, pool: dict[str, _Pooled], code: CodeType, names: tuple[str, ...], namespace: Any) -> None:
        left = MAX_NAMES
        for name in names:
            if not left:
                return
            try:
                value = namespace[name]
            except KeyError:
                continue
            self.hold(value)
            if id(type(value)) not in _UNINTERESTING:
                self._add(pool, name, value)
                left -= 1
            if name == "self" and (attributes := plain_attributes(value)) is not None:
                self.hold(attributes)
                self._look_at_attributes(pool, code, attributes)

    def _look_at_attributes(self, pool: dict[str, _Pooled], code: CodeType, attributes: dict[str, Any]) -> None:
        left = MAX_ATTRIBUTES
        for name in code.co_names:
            if not left:
                return
            # Only the attributes that this function names: an instance may have hundreds.
            value = attributes.get(name)
            self.hold(value)
            if value is not None:
                self._add(pool, f"self.{name}", value)
                left -= 1

    def _add(self, pool: dict[str, _Pooled], name: str, value: object) -> None:
        pooled = pool.get(name)
        if pooled is None:
            if self.places >= self.most_places:
                return
            self.places += 1
            pooled = pool[name] = _Pooled()
        pooled.samples += 1
        kind = id(type(value))
        # The name, not the type: a type made at run time must not be kept alive.
        named = name_of_type(type(value))
        if named in pooled.types or len(pooled.types) < MAX_KINDS:
            pooled.types[named] = pooled.types.get(named, 0) + 1
        if kind not in _SIZED:
            if named == "numpy.ndarray" and _is_array(value):
                self._add_array(pooled, value)
            return
        length = len(value)  # type: ignore[arg-type]
        if kind in _CONTAINERS:
            pooled.follow(length, self.now)
        lengths = pooled.lengths
        if len(lengths) < MAX_LENGTHS:
            lengths.append(length)
        else:
            # Keep extremes and an even spread: replace by position in the stream.
            lengths[pooled.samples % MAX_LENGTHS] = length
        if length and kind in _CONTAINERS:
            self._add_elements(pooled, kind, value, length)

    @staticmethod
    def _add_elements(pooled: _Pooled, kind: int, value: Any, length: int) -> None:
        if kind in _SEQUENCES:
            picked = {name_of_type(type(value[index])) for index in {0, length // 2, length - 1}}
        elif kind in _KEYED:
            picked = {name_of_type(type(next(iter(value))))}
        elif kind == id(deque):
            picked = {name_of_type(type(value[0]))}
        else:
            return
        for element in picked:
            if element in pooled.elements or len(pooled.elements) < MAX_KINDS:
                pooled.elements[element] = pooled.elements.get(element, 0) + 1

    @staticmethod
    def _add_array(pooled: _Pooled, array: Any) -> None:
        shape, dtype = array.shape, _name_dtype(array.dtype)
        if len(pooled.lengths) < MAX_LENGTHS and shape:
            pooled.lengths.append(int(shape[0]))
        pooled.elements[dtype] = pooled.elements.get(dtype, 0) + 1

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield what was pooled, ready for JSON; functions may be added meanwhile, which are left out."""
        for key in list(self.functions):
            file, line, function = key
            pool = self.functions[key]
            for name in list(pool):
                pooled = pool[name]
                lengths = sorted(pooled.lengths)
                yield {
                    "file": file,
                    "function": function,
                    "line": line,
                    "name": name,
                    "samples": pooled.samples,
                    "types": pooled.types,
                    "elements": pooled.elements,
                    "lengths": [lengths[0], lengths[len(lengths) // 2], lengths[-1]] if lengths else None,
                    "track": list(pooled.track) if pooled.has_risen() else [],
                }
