"""Do not copy an object, or turn it into a dict, for each item.

## What
`copy.copy`, `dataclasses.replace`, `attrs.evolve`, `named._replace`, pydantic's `model_copy`, `model_dump`,
`model_validate` and their older names, and `container.copy()` of something that lasts, in a loop or a hot function:
change the one object where nobody else holds it, pass on what changes instead of a changed copy, build what is needed
from the fields themselves, validate and serialize once at the edge of the program.

## Why
A copy costs the construction of a new object with all its fields, often through Python code and validators; a
container's copy costs all its elements, although most steps read or change one of them.

## When not
Where somebody else keeps the old object, or the copy is what is to be made. Only the reader can tell, so it is advice,
on hot lines only.

## Source
The documentation of `dataclasses.replace`: the new object is created by calling `__init__`; of pydantic's
`model_construct`: validating is the slow part of creating a model.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Ask,
    Case,
    Context,
    Finding,
    Question,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
    Use,
    keeping_loops,
    outlives_call,
    read_target,
    shown_types,
)

RULE = Rule(
    slug="copied-per-item",
    title="Object copied for each item",
    family="hoisting",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(
        names=frozenset(
            (
                *("_replace", "asdict", "copy", "deepcopy", "evolve", "model_copy", "model_dump", "model_dump_json"),
                *("model_validate", "parse_obj", "replace"),
            )
        ),
    ),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
)

_FUNCTIONS = {
    "copy.copy": "copies the object through its reduction or __dict__",
    "dataclasses.replace": "creates a new object through __init__, with all its fields",
    "attr.evolve": "creates a new object through __init__, with all its fields",
    "attrs.evolve": "creates a new object through __init__, with all its fields",
    "attr.asdict": "builds a dict of the object, and of all that it holds",
    "attrs.asdict": "builds a dict of the object, and of all that it holds",
}
_METHODS = {
    "deepcopy": "copies all that it holds",
    "_replace": "creates a new tuple of all fields",
    "evolve": "creates a new object with all its fields",
    "model_copy": "copies the model and its dict of fields",
    "model_dump": "builds a dict of the model, and of all that it holds",
    "model_dump_json": "serializes the model, and all that it holds",
    "model_validate": "validates every field again",
    "parse_obj": "validates every field again",
}
_SHORT = 32
"""Elements up to which copying a container costs about as much as the call."""
_CONTAINERS = ("builtins.dict", "builtins.list", "builtins.set", "collections.OrderedDict", "collections.defaultdict")


def detect(context: Context) -> Iterator[Finding]:
    """Yield each copy of an object that a loop, or a hot function, makes again and again."""
    if not context.measured or context.function.kind is not ScopeKind.FUNCTION:
        return
    name = getattr(context.function.node, "name", "")
    if name in ("__copy__", "__deepcopy__", "copy", "evolve", "_replace", "__reduce__"):
        return
    for call in context.nodes(ast.Call):
        cost = _name_cost(context, call)
        if cost and not isinstance(context.facts.parent(call), ast.Raise):
            yield context.finding(
                call,
                f"{ast.unparse(call.func)} {cost}, on every call: change the object itself where nobody else holds it, "
                "pass on what changes instead of a changed copy, or do it once for all items.",
                questions=(context.ask_cost(call),),
            )
            continue
        yield from _find_container(context, call)


def _name_cost(context: Context, call: ast.Call) -> str:
    name = context.resolve(call.func) or ""
    if name in _FUNCTIONS:
        return _FUNCTIONS[name]
    if isinstance(call.func, ast.Attribute) and not name.startswith("copy."):
        if call.func.attr == "copy" and any(keyword.arg in ("update", "deep") for keyword in call.keywords):
            return _METHODS["model_copy"]
        return _METHODS.get(call.func.attr, "")
    return ""


def _find_container(context: Context, call: ast.Call) -> Iterator[Finding]:
    """Yield a copy of a container that lasts: of something that a loop, or the next call, copies again."""
    match call:
        case ast.Call(func=ast.Attribute(value=copied, attr="copy"), args=[], keywords=[]):
            target = read_target(context, copied)
        case _:
            return
    types = shown_types(context, copied)
    if target is None or (types and not types & set(_CONTAINERS)) or not types:
        return
    if not keeping_loops(context, call, target) and not outlives_call(context, target):
        return
    place = target.place
    # A loop through a copy changes the original meanwhile.
    if isinstance(context.facts.parent(call), ast.For | ast.comprehension):
        return
    asked: tuple[Question, ...] = ()
    if place is not None and context.use(copied) is not Use.ESCAPE:
        asked = (context.ask(place, Ask.LENGTH, at_least=_SHORT),)
    yield context.finding(
        call,
        f"All of {target.text} is copied on every step: keep only what the step changes, such as a "
        "collections.ChainMap over it or a list of changes that is undone, or let the steps share it where they only "
        "read it.",
        questions=(*asked, context.ask_cost(call)),
    )


CASES = (
    Case(
        name="a dataclass replaced for each item",
        before="""
from dataclasses import dataclass, replace
@dataclass
class State:
    at: int = 0
    name: str = ""
def walk(steps):
    state = State()
    for step in steps:
        state = replace(state, at=state.at + step)
    return state.at
""",
        after="""
from dataclasses import dataclass
@dataclass
class State:
    at: int = 0
    name: str = ""
def walk(steps):
    state = State()
    for step in steps:
        state.at += step
    return state.at
""",
        call="walk",
        inputs=("([1, 2],)", "([],)"),
        hot=True,
    ),
    Case(
        name="a dict on self, copied for each look-up",
        before="""
class Names:
    def __init__(self, known):
        self.known = dict(known)
    def find(self, name, more):
        scope = self.known.copy()
        scope.update(more)
        return scope.get(name)
def run(known, names):
    scope = Names(known)
    return [scope.find(name, {"x": 1}) for name in names]
""",
        after="""
class Names:
    def __init__(self, known):
        self.known = dict(known)
    def find(self, name, more):
        return more[name] if name in more else self.known.get(name)
def run(known, names):
    scope = Names(known)
    return [scope.find(name, {"x": 1}) for name in names]
""",
        call="run",
        inputs=("({'a': 2}, ['a', 'x', 'b'])", "({}, [])"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("a text's replace", "def f(xs):\n    return [x.replace('a', 'b') for x in xs]\n"),
    Refuse("the method is the copy",
           "import copy\nclass A:\n    def __copy__(self):\n        return copy.copy(self.x)\n"),
    Refuse("a loop over a copy changes the original",
           "class A:\n    def __init__(self):\n        self.xs = []\n    def f(self):\n"
           "        for x in self.xs.copy():\n            self.xs.remove(x)\n"),
    Refuse("what is copied was made here", "def f(x):\n    d = dict(x)\n    e = d.copy()\n    return d, e\n"),
    Refuse("nothing says that it is a container", "def f(frame):\n    for _ in range(99):\n        frame.x.copy()\n"),
)  # fmt: skip

BENCH = None
