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
from _weakref import ref
from time import perf_counter_ns, process_time_ns

from .frames import NAMES, count_rows
from .objects import find_methods, plain_attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
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
MAX_INSTANCES, MAX_METHODS = 4, 24
"""Instances whose attributes are looked at for one frame, and methods for one instance."""
MAX_CALLS = 3
"""How far calls of methods are followed that the frame may have been in a moment ago."""

ARGUMENTS = "(arguments)"
"""Stands for all arguments of a call together where a name stands otherwise."""
MAX_ARGUMENTS = 8
"""Parameters of a function whose calls are told apart,"""
MAX_DISTINCT = 1_000
"""up to so many that differ,"""
MAX_THREADS = 64
MAX_TEXT = 10_000
"""by texts and tuples up to this length."""

MAX_LEFT = 100
"""Samples that were left as garbage and are remembered. What further ones hold may not be looked at again."""

# Sets of the identities of types: looking a type up by its hash would call a metaclass's own.
_SEQUENCES = frozenset(map(id, (list, tuple)))
_KEYED = frozenset(map(id, (dict, set, frozenset)))
_CONTAINERS = frozenset({*_SEQUENCES, *_KEYED, *map(id, (str, bytes, bytearray, deque))})
_SIZED = frozenset({*_CONTAINERS, id(range)})
_ENDS_QUIETLY = frozenset(map(id, (str, bytes, int, float, bool, type(None))))
"""Types whose objects may end anywhere. To keep texts until garbage is collected could take much memory."""
_TOLD_APART = frozenset(map(id, (str, bytes, int, float, bool, type(None), complex)))
"""Types whose values are hashed without any code of the program's."""
_TUPLE = id(tuple)
_MODULE = type(sys)
_modules = sys.modules
# A program may put others in their places.
_is_enabled, _get_count, _get_threshold = gc.isenabled, gc.get_count, gc.get_threshold
_FUNCTION: Any = type(lambda: None)
_UNINTERESTING = frozenset(map(id, (_FUNCTION, type(_FUNCTION.__get__(lambda _: None, 0)), type(len), _MODULE, type)))
_OPTIMIZED = 0x1
_VARIADIC = 0x4 | 0x8
_SNAPSHOT_IS_LEFT_BEHIND = sys.version_info < (3, 13)
_USES_SNAPSHOT = frozenset(("locals", "vars", "dir", "exec", "eval", "f_locals"))
"""A function that names one of these may work with the snapshot of its variables that there is before 3.13."""
_CLEAN = 4
"""References to a frame that nobody but its thread and this module holds, before 3.13."""


def is_collecting() -> bool:
    """Tell whether garbage is collected now and then."""
    return _is_enabled() and _get_threshold()[0] > 0


def has_room(needed: int) -> bool:
    """Tell whether as many objects can be made without setting off a garbage collection."""
    return count_room() >= needed or not is_collecting()


def count_room() -> int:
    """Return how many objects can be made until garbage is collected, where it is."""
    return _get_threshold()[0] - _get_count()[0]


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


class _Calls:
    """How many of the calls that were seen had different arguments. A call that goes on is one."""

    __slots__ = ("distinct", "last", "samples")

    def __init__(self) -> None:
        self.samples = 0
        self.distinct: set[int] = set()
        self.last: dict[int, tuple[int, int]] = {}
        """By thread, the identity of the frame and the hash of the arguments of the call that was seen last."""

    def add(self, thread: int, frame: int, arguments: int) -> None:
        """Add a call, unless it may be the one that was seen last in that thread."""
        if self.last.get(thread) == (frame, arguments) or len(self.distinct) >= MAX_DISTINCT:
            return
        if len(self.last) >= MAX_THREADS:
            self.last.clear()
        self.last[thread] = frame, arguments
        self.samples += 1
        self.distinct.add(arguments)


class Values:
    """Collects value samples; ``is_user`` tells whether a file is the user's code."""

    def __init__(self, is_user: Callable[[str], bool]) -> None:
        self.is_user = is_user
        self.samples = 0
        self.places, self.most_places = 0, MAX_PLACES
        self.functions: dict[tuple[str, int, str], dict[str, _Pooled]] = {}
        """By file, first line and qualified name: what was seen, by name."""
        self.calls: dict[tuple[str, int, str], _Calls] = {}
        """The calls of functions whose arguments can be told apart."""
        self.met: dict[tuple[str, int, str], int] = {}
        """How often each of them was on a stack."""
        self.looked: set[int] = set()
        """Identities of the code objects whose variables this look has met."""
        self.thread = self.deadline = 0
        self.now = 0  # microseconds that the process had computed when the sample began
        self.hold: Callable[[object], object] = type
        """Keeps what is looked at, where that is wanted: its last reference may go only where the caller lets it."""
        self.left: list[tuple[ref[set[object]], list[int]]] = []
        """Of what was left as garbage: something that ends with it, and the identities of the frames in it."""

    def begin(self, held: list[object]) -> None:
        """Begin a sample, in which all that is looked at is added to ``held``."""
        self.samples += 1
        self.left = [each for each in self.left if each[0]() is not None]
        self.now = process_time_ns() // 1000
        self.most_places = min(self.places + MAX_NEW, MAX_PLACES)
        self.hold = held.append

    def leave(self, held: list[object], frames: Iterable[FrameType]) -> None:
        """Make garbage of what was held, for the program's threads to collect, with the ``frames`` in it."""
        if len(self.left) < MAX_LEFT:
            mark: set[object] = set()
            self.left.append((ref(mark), [id(each) for each in frames]))
            held.append(mark)
        held.append(held)

    def look(self, frame: FrameType | None, deadline: int, thread: int = 0) -> None:
        """Look at the user frames from ``frame`` outwards, until ``deadline`` as ``perf_counter_ns`` counts."""
        self.thread = thread
        seen: set[int] = set()
        self.looked.clear()
        self.deadline = deadline
        for _ in range(MAX_DEPTH):
            if frame is None or len(seen) >= MAX_FRAMES or perf_counter_ns() > deadline or not has_room(ROOM):
                return
            self.hold(frame)
            code = frame.f_code
            file = code.co_filename
            # Of a recursive function the innermost frame is enough.
            if id(code) not in seen and type(file) is str and self.is_user(file):
                seen.add(id(code))
                self.looked.add(id(code))
                # Before 3.13 variables are read by a snapshot that belongs to the frame, which somebody else may work
                # with who has the frame too: a trace or profile function at this moment.
                if not _SNAPSHOT_IS_LEFT_BEHIND or sys.getrefcount(frame) - self._count_left(frame) <= _CLEAN:
                    self._look_at_frame(frame, code, file)
            frame = frame.f_back

    def _count_left(self, frame: FrameType) -> int:
        """Return how many references to a frame are in our own garbage, in a program that collects it rarely."""
        return sum(frames.count(id(frame)) for _, frames in self.left)

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
        arguments = self._look_at_names(self.functions.setdefault(key, {}), frame, code)
        if arguments is not None:
            self.calls.setdefault(key, _Calls()).add(self.thread, id(frame), arguments)

    def _look_at_names(self, pool: dict[str, _Pooled], frame: FrameType, code: CodeType) -> int | None:
        """Look at all that the frame names; return the hash of its arguments where they can be told apart."""
        arguments: int | None = None
        names, globals_ = code.co_names, frame.f_globals
        is_plain = type(globals_) is dict
        if not code.co_flags & _OPTIMIZED:
            if code.co_name == "<module>" and is_plain:
                self._look_at_values(pool, code, names, globals_)
            return None
        if not _SNAPSHOT_IS_LEFT_BEHIND or _USES_SNAPSHOT.isdisjoint(names):
            snapshot = frame.f_locals
            self._look_at_values(pool, code, (*code.co_varnames, *code.co_cellvars, *code.co_freevars), snapshot)
            arguments = _hash_arguments(code, snapshot)
            # Before 3.13 the snapshot stays in the frame and keeps every value alive. Here only two hold it.
            if _SNAPSHOT_IS_LEFT_BEHIND and sys.getrefcount(snapshot) <= 3:
                self.hold([each for each in snapshot.values() if id(type(each)) not in _ENDS_QUIETLY])
                snapshot.clear()
        instances = MAX_INSTANCES
        for name in names[:64] if is_plain else ():
            value = globals_.get(name)
            self._keep(value)
            if id(type(value)) in _CONTAINERS:
                self._add(pool, name, value)
            elif instances and self._look_at_instance(pool, code, name, value):
                instances -= 1
        return arguments

    def _look_at_values(self, pool: dict[str, _Pooled], code: CodeType, names: tuple[str, ...], namespace: Any) -> None:
        left, instances = MAX_NAMES, MAX_INSTANCES
        for name in names:
            if not left:
                return
            try:
                value = namespace[name]
            except KeyError:
                continue
            self._keep(value)
            if id(type(value)) not in _UNINTERESTING:
                self._add(pool, name, value)
                left -= 1
            if instances and self._look_at_instance(pool, code, name, value):
                instances -= 1

    def _look_at_instance(self, pool: dict[str, _Pooled], code: CodeType, name: str, value: object) -> bool:
        """Look at the attributes that a function names, and those that the methods do which it calls."""
        attributes = plain_attributes(value, of_class=name != "self")
        if attributes is None:
            return False
        self.hold(attributes)
        self._look_at_attributes(pool, code, attributes, name)
        self._look_at_methods(find_methods(value, code.co_names[:64]), value, attributes)
        return True

    def _look_at_attributes(
        self, pool: dict[str, _Pooled], code: CodeType, attributes: dict[str, Any], owner: str
    ) -> None:
        left = MAX_ATTRIBUTES
        for name in code.co_names:
            if not left:
                return
            # Only the attributes that this function names: an instance may have hundreds.
            value = attributes.get(name)
            self._keep(value)
            # Of other objects than the function's own only what has a length matters.
            if id(type(value)) in _CONTAINERS or (value is not None and owner == "self"):
                self._add(pool, f"{owner}.{name}", value)
                left -= 1

    def _look_at_methods(self, methods: list[CodeType], instance: object, attributes: dict[str, Any]) -> None:
        """Look at the attributes that ``methods`` name, and those that these call.

        A thread gives way between instructions, at the begin of a function or where a loop goes back: after a line that
        takes all of a method's time, mostly in the caller.
        """
        for _ in range(MAX_CALLS):
            called: list[CodeType] = []
            for code in methods[:MAX_METHODS]:
                if perf_counter_ns() > self.deadline or not has_room(ROOM):
                    return
                self.hold(code)
                file: Any = code.co_filename
                if id(code) in self.looked or type(file) is not str or not self.is_user(file):
                    continue
                self.looked.add(id(code))
                name: Any = code.co_qualname
                if code.co_argcount and type(name) is str:
                    pool = self.functions.setdefault((file, code.co_firstlineno, name), {})
                    self._look_at_attributes(pool, code, attributes, code.co_varnames[0])
                    called += find_methods(instance, code.co_names[:64])
            methods = called

    def _keep(self, value: object) -> None:
        if id(type(value)) not in _ENDS_QUIETLY:
            self.hold(value)

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
            elif named in NAMES and len(pooled.lengths) < MAX_LENGTHS and (rows := count_rows(value)) is not None:
                pooled.lengths.append(rows)
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
        for key in list(self.calls):
            file, line, function = key
            calls = self.calls[key]
            if calls.samples > 1 and len(calls.distinct) < MAX_DISTINCT:
                yield {
                    "file": file,
                    "function": function,
                    "line": line,
                    "name": ARGUMENTS,
                    "samples": calls.samples,
                    "types": {},
                    "elements": {},
                    "lengths": None,
                    "distinct": len(calls.distinct),
                }


def _hash_arguments(code: CodeType, namespace: Any) -> int | None:
    """Return the hash of a function's arguments; ``None`` if it has none, or some that would run code to be hashed."""
    count = code.co_argcount + code.co_kwonlyargcount
    if not 0 < count <= MAX_ARGUMENTS or code.co_flags & _VARIADIC:
        return None
    values: list[object] = []
    for name in code.co_varnames[:count]:
        value = namespace.get(name, values)
        kind = id(type(value))
        if kind == _TUPLE:
            if len(value) > MAX_TEXT or any(id(type(each)) not in _TOLD_APART for each in value):
                return None
        elif kind not in _TOLD_APART or (type(value) in (str, bytes) and len(value) > MAX_TEXT):
            return None
        values += (value, kind)
    return hash(tuple(values))
