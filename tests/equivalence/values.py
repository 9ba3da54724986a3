"""Values that code seldom meets: containers and elements whose methods count, raise, or change what they are part of.

Everything is deterministic, so that two runs of one program on values built twice from one plan can be compared.
"""

from dataclasses import dataclass, field
from types import ModuleType

METHODS = ("__bool__", "__contains__", "__eq__", "__format__", "__hash__", "__iter__", "__len__", "__repr__", "__str__")
"""What an odd element or a subclass may override."""
SUBCLASSED = (list, dict, str, set, tuple)
ODD_RAISED = (ValueError, KeyError, TypeError, LookupError)
RAISED = (*ODD_RAISED, StopIteration)


@dataclass
class World:
    """What one run of a program has done and reached, and what is to happen in it."""

    plan: tuple = ()
    """``(visit, what)``: what is to happen at which visit of ``poke``."""
    log: list = field(default_factory=list)
    kept: list = field(default_factory=list)
    visits: int = 0

    def visit(self, value):
        """Return ``value``, after what is planned for this visit: as unknown code does that the program calls."""
        self.visits += 1
        self.log.append(f"visit of {describe(value)}")
        for at, what in self.plan:
            if at == self.visits:
                value = self.act(what, value)
        return value

    def act(self, what, value):
        if isinstance(what, type) and issubclass(what, BaseException):
            raise what(f"visit {self.visits}")
        if what == "look":
            self.log.append(describe(self.kept))
        elif what == "odd":
            return make_odd(self, value, "__eq__", 1)
        else:
            for one in self.kept:
                change(one, what)
        return value


def change(value, how):
    """Change a mutable builtin container in one of a few ways; others stay as they are."""
    if isinstance(value, list):
        {"add": lambda: list.append(value, 0), "drop": lambda: value and list.pop(value), "clear": value.clear}[how]()
    elif isinstance(value, dict):
        {
            "add": lambda: dict.__setitem__(value, "more", 1),
            "drop": lambda: value and dict.popitem(value),
            "clear": value.clear,
        }[how]()
    elif isinstance(value, set):
        {"add": lambda: set.add(value, "more"), "drop": lambda: set.discard(value, 1), "clear": value.clear}[how]()


class Kind(type):
    """The type of odd classes: with a hash that is no address, sets of types have one order."""

    def __hash__(cls):
        return 11


def make_counting(world, base, method, raised):
    """Return a subclass of ``base`` whose ``method`` is counted, and raises at call ``raised`` if that is not 0.

    How often a dict asks for a hash or compares keys is its own affair, and differs between versions of Python: those
    two are not counted, and raise always or never. StopIteration is raised by ``poke``, as functions that call ``next``
    do, and by ``Once.__next__``; not by operators.
    """
    calls = []

    def counting(self, *arguments):
        calls.append(method)
        keyed = method in ("__hash__", "__eq__")
        if not keyed:
            world.log.append(f"{base.__name__}.{method}")
        if raised == (1 if keyed else len(calls)):
            raise ODD_RAISED[len(method) % len(ODD_RAISED)](method)
        if method == "__bool__":
            return len(calls) % 2 == 0
        if method == "__hash__" and base is object:
            return 7
        if method == "__eq__" and base is object:
            return type(arguments[0]).__name__ == type(self).__name__
        if method in ("__len__", "__iter__", "__contains__") and base is object:
            return {"__len__": 2, "__iter__": iter((1, 2)), "__contains__": True}[method]
        if method in ("__repr__", "__str__", "__format__") and base is object:
            return "odd"
        return getattr(base, method)(self, *arguments)

    names = {method: counting}
    if base is object:  # no address: sets of them have one order, and a program may look at each sign of a text
        names.setdefault("__hash__", lambda self: 7)
        names.setdefault("__repr__", lambda self: "odd")
    if method == "__eq__" and base is not object:
        names["__hash__"] = base.__hash__
    return Kind("Odd", (base,), names)


def make_odd(world, value, method, raised):
    """Return an odd object in place of ``value``: of a subclass of its type where that can be, else of its own kind."""
    base = next((one for one in SUBCLASSED if type(value) is one), object)
    if base is object or not hasattr(base, method):
        made = make_counting(world, object, method, raised)()
        made.value = value
        return made
    return make_counting(world, base, method, raised)(value)


class Own(dict):
    """A dict with its own ideas."""

    def keys(self):
        return ["own"]

    def items(self):
        return [("own", 1), ("keys", 2)]

    def values(self):
        return [3]

    def get(self, key, default=None):
        return 5

    def __missing__(self, key):
        return 4


class Cut(str):
    """A text with its own ideas."""

    __slots__ = ()

    def split(self, *arguments):
        return ["cut", *map(str, arguments)]

    def __add__(self, other):
        return Cut("added")

    def __iter__(self):
        return iter("own")


class Turned(list):
    """A list that is iterated over in its own way, and whose operators change it in place."""

    def __iter__(self):
        return iter(list.__getitem__(self, slice(None, None, -1)))

    def __add__(self, other):
        list.append(self, "added")
        return self

    def __iadd__(self, other):
        list.append(self, "in place")
        return self


class Number(int):
    """A number that is changed in place, and counts it."""

    def __iadd__(self, other):
        self.changed = getattr(self, "changed", 0) + 1
        return self


class Once:
    """An iterator over ``values`` that raises, or ends, at one of them."""

    def __init__(self, world, values, raised):
        self.world, self.left, self.raised = world, list(values), raised

    def __hash__(self):
        return 5

    def __repr__(self):
        return "once"

    def __iter__(self):
        return self

    def __next__(self):
        self.world.log.append("next")
        if not self.left:
            raise StopIteration
        if self.raised is not None and len(self.left) == 1:
            self.left.pop()
            raise self.raised("the last one")
        return self.left.pop(0)


KINDS = {
    "nan": lambda world, value: float("nan"),
    "list": lambda world, value: [],
    "dict": lambda world, value: {},
    "none": lambda world, value: None,
    "text": lambda world, value: "",
    "true": lambda world, value: True,
    "bytes": lambda world, value: b"a,b",
    "own dict": lambda world, value: Own(value if isinstance(value, dict) else {"a": 1}),
    "cut": lambda world, value: Cut(value if isinstance(value, str) else "a,b"),
    "turned": lambda world, value: Turned(value if isinstance(value, list) else [1, "a"]),
    "number": lambda world, value: Number(value if isinstance(value, int) else 3),
    "empty": lambda world, value: type(value)() if type(value) in SUBCLASSED else 0,
    "once": lambda world, value: Once(world, value if isinstance(value, list | tuple) else "ab", None),
    "raising": lambda world, value: Once(world, value if isinstance(value, list | tuple) else "ab", ValueError),
    "own iterator in it": lambda world, value: [Once(world, [1], None), Once(world, [], None)],
    "twice": lambda world, value: value + value if type(value) in (list, tuple, str) else value,
    "kept": lambda world, value: world.kept,
    **{
        f"{method} {raised}": lambda world, value, method=method, raised=raised: make_odd(world, value, method, raised)
        for method in METHODS
        for raised in (0, 1, 2)
    },
}
"""What an input, or a part of one, may be replaced by."""


def vary(world, value, changes, path=()):
    """Return ``value`` with what is named in ``changes``, ``(path, kind)``, in place of the parts there."""
    if type(value) in (list, tuple):
        value = type(value)([vary(world, one, changes, (*path, n)) for n, one in enumerate(value)])
    elif type(value) is dict:
        value = {key: vary(world, one, changes, (*path, n)) for n, (key, one) in enumerate(value.items())}
    for where, kind in changes:
        if where == path and path:  # the arguments themselves stay a tuple
            value = KINDS[kind](world, value)
    return value


def list_paths(value, path=()):
    """Return where the parts of ``value`` are, as the indexes on the way to each."""
    found = [path] if path else []
    parts = value if type(value) in (list, tuple) else list(value.values()) if type(value) is dict else ()
    for number, part in enumerate(parts[:4]):
        found += list_paths(part, (*path, number))
    return found


def describe(value, seen=None):
    """Return a text that says all of a value: types, elements, attributes, and which parts are one object.

    No method of an odd value is called for it.
    """
    seen = {} if seen is None else seen
    kind = type(value)
    if kind in (int, float, complex, bool, str, bytes, type(None)):
        return f"{kind.__name__} {value!r}"
    if kind is ModuleType:  # all that it holds, and what that holds in turn, is no end
        return f"module {value.__name__}"
    if id(value) in seen:
        return f"same as {seen[id(value)][0]}"
    seen[id(value)] = (len(seen), value)  # kept, so that no other object gets its address
    parts = []
    if isinstance(value, list | tuple):
        base = list if isinstance(value, list) else tuple
        parts = [describe(one, seen) for one in base.__iter__(value)]
    elif isinstance(value, dict):
        parts = [f"{describe(key, seen)}: {describe(one, seen)}" for key, one in dict.items(value)]
    elif isinstance(value, set | frozenset):
        base = set if isinstance(value, set) else frozenset
        parts = sorted(describe(one, {}) for one in base.__iter__(value))
    elif isinstance(value, str):
        parts = [str.__repr__(value)]
    elif isinstance(value, int):
        parts = [int.__repr__(value)]
    elif isinstance(value, BaseException):
        parts = [describe(value.args, seen), *(describe(one, seen) for one in getattr(value, "exceptions", ()))]
    own = getattr(value, "__dict__", None)
    if type(own) is dict and not isinstance(value, type) and not callable(value):
        parts += [f"{name}={describe(one, seen)}" for name, one in own.items() if name != "world"]
    return f"{kind.__name__}({', '.join(parts)})"
