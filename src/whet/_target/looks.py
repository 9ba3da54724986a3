"""Glances at the variables of the user frames on the stack.

A look never calls code of the program: types are read from the type itself,
lengths only of exact builtin types, attributes only from a plain instance
dictionary. It keeps no object alive: what is stored are names of types and
numbers. It is bounded in frames, names and elements.
"""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Callable
from typing import Any

MAX_FRAMES = 24
MAX_DEPTH = 400
"""Frames that are walked in search of the user's."""
MAX_NAMES = 24
MAX_ATTRIBUTES = 24
MAX_PLACES = 4_000
"""Places (function and name) that are remembered at most."""
MAX_LENGTHS = 101
MAX_KINDS = 8
"""Types remembered for one name, and for its elements."""

# Sets of the identities of types: looking a type up by its hash would call a metaclass's own.
_SEQUENCES = frozenset(map(id, (list, tuple)))
_KEYED = frozenset(map(id, (dict, set, frozenset)))
_CONTAINERS = frozenset({*_SEQUENCES, *_KEYED, *map(id, (str, bytes, bytearray, deque))})
_SIZED = frozenset({*_CONTAINERS, id(range)})
_UNINTERESTING = frozenset(
    map(id, (types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type, types.MethodType))
)
_OPTIMIZED = 0x1
_SNAPSHOT_IS_LEFT_BEHIND = sys.version_info < (3, 13)
_USES_SNAPSHOT = frozenset(("locals", "vars", "dir", "exec", "eval", "f_locals"))
"""A function that names one of these may work with the snapshot of its variables that there is before 3.13."""
_DICT_SLOT = types.GetSetDescriptorType


def name_of_type(kind: type) -> str:
    """Return ``module.qualname`` of a type without asking its metaclass."""
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


def _is_array(value: object) -> bool:
    """Tell whether a value is numpy's own array rather than something that has taken its name."""
    module = sys.modules.get("numpy")
    return type(module) is types.ModuleType and type(value) is module.__dict__.get("ndarray")


class _Pooled:
    """All looks at one name in one function."""

    __slots__ = ("code", "elements", "lengths", "looks", "name", "types")

    def __init__(self, code: types.CodeType, name: str) -> None:
        self.code = code
        self.name = name
        self.looks = 0
        self.types: dict[str, int] = {}
        self.elements: dict[str, int] = {}
        self.lengths: list[int] = []


class Looks:
    """Collects looks; ``is_user`` tells whether a file is the user's code."""

    def __init__(self, is_user: Callable[[str], bool]) -> None:
        self.is_user = is_user
        self.looks = 0
        # By identity of the code object, which the pooled entry keeps: hashing one by value costs microseconds.
        self.pool: dict[tuple[int, str], _Pooled] = {}

    def look(self, frame: types.FrameType | None) -> None:
        """Glance at the user frames from ``frame`` outwards."""
        if _SNAPSHOT_IS_LEFT_BEHIND and (sys.gettrace() is not None or sys.getprofile() is not None):
            # Before 3.13 the interpreter writes a snapshot back into the frame when a trace function returns.
            return
        self.looks += 1
        seen: set[int] = set()
        for _ in range(MAX_DEPTH):
            if frame is None or len(seen) >= MAX_FRAMES:
                return
            code = frame.f_code
            # Of a recursive function the innermost frame is enough.
            if id(code) not in seen and self.is_user(code.co_filename):
                seen.add(id(code))
                self._look_at_frame(frame, code)
            frame = frame.f_back

    def _look_at_frame(self, frame: types.FrameType, code: types.CodeType) -> None:
        names = code.co_names
        if code.co_flags & _OPTIMIZED:
            if not _SNAPSHOT_IS_LEFT_BEHIND or _USES_SNAPSHOT.isdisjoint(names):
                snapshot = frame.f_locals
                self._look_at_locals(code, snapshot)
                # Before 3.13 the snapshot stays in the frame and keeps every value alive. Here only two hold it.
                if _SNAPSHOT_IS_LEFT_BEHIND and sys.getrefcount(snapshot) <= 3:
                    snapshot.clear()
                del snapshot
            globals_ = frame.f_globals
            for name in names[:64] if type(globals_) is dict else ():
                value = globals_.get(name)
                if id(type(value)) in _CONTAINERS:
                    self._add(code, name, value)
                del value
        else:
            namespace = frame.f_globals if code.co_name == "<module>" else None
            if type(namespace) is dict:
                left = MAX_NAMES
                for name in names:
                    if name in namespace and left:
                        value = namespace[name]
                        if id(type(value)) not in _UNINTERESTING:
                            self._add(code, name, value)
                            left -= 1
                        del value

    def _look_at_locals(self, code: types.CodeType, snapshot: Any) -> None:
        left = MAX_NAMES
        for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
            if not left:
                break
            try:
                value = snapshot[name]
            except KeyError:
                continue
            left -= 1
            if id(type(value)) not in _UNINTERESTING:
                self._add(code, name, value)
            if name == "self":
                attributes = plain_attributes(value)
                if attributes is not None:
                    self._look_at_attributes(code, attributes)
            del value

    def _look_at_attributes(self, code: types.CodeType, attributes: dict[str, Any]) -> None:
        left = MAX_ATTRIBUTES
        for name in code.co_names:
            if not left:
                return
            # Only the attributes that this function names: an instance may have hundreds.
            value = attributes.get(name)
            if value is not None:
                self._add(code, f"self.{name}", value)
                left -= 1

    def _add(self, code: types.CodeType, name: str, value: object) -> None:
        pooled = self.pool.get((id(code), name))
        if pooled is None:
            if len(self.pool) >= MAX_PLACES:
                return
            pooled = self.pool[(id(code), name)] = _Pooled(code, name)
        pooled.looks += 1
        kind = id(type(value))
        # The name, not the type: a type made at run time must not be kept alive.
        named = name_of_type(type(value))
        if named in pooled.types or len(pooled.types) < MAX_KINDS:
            pooled.types[named] = pooled.types.get(named, 0) + 1
        length: int | None = None
        if kind in _SIZED:
            length = len(value)  # type: ignore[arg-type]
        elif named == "numpy.ndarray" and _is_array(value):
            self._add_array(pooled, value)
            return
        if length is None:
            return
        lengths = pooled.lengths
        if len(lengths) < MAX_LENGTHS:
            lengths.append(length)
        else:
            # Keep extremes and an even spread: replace by position in the stream.
            lengths[pooled.looks % MAX_LENGTHS] = length
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
        shape, dtype = array.shape, str(array.dtype)
        if len(pooled.lengths) < MAX_LENGTHS and shape:
            pooled.lengths.append(int(shape[0]))
        pooled.elements[dtype] = pooled.elements.get(dtype, 0) + 1

    def report(self) -> list[dict[str, Any]]:
        """Return what was pooled, ready for JSON."""
        rows = []
        for pooled in self.pool.values():
            lengths = sorted(pooled.lengths)
            rows.append(
                {
                    "file": pooled.code.co_filename,
                    "function": pooled.code.co_qualname,
                    "line": pooled.code.co_firstlineno,
                    "name": pooled.name,
                    "looks": pooled.looks,
                    "types": pooled.types,
                    "elements": pooled.elements,
                    "lengths": [lengths[0], lengths[len(lengths) // 2], lengths[-1]] if lengths else None,
                }
            )
        return rows
