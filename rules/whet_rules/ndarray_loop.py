"""Do not iterate over an array element by element.

## What
`for x in array` and `sum(array)`, `max(array)`, `min(array)` of a NumPy array. Where the loop cannot become one
operation on the array, iterate over `array.tolist()`; replace the builtins with the array's own methods. On hot lines,
as advice, also a loop that calls a function for each element.

## Why
Each element of an array has to be converted to a NumPy scalar before Python can use it, and arithmetic with these is
slower than with Python's own numbers. `tolist` converts all of them at once; `array.sum()` converts none.

## When not
Elements of `tolist` are Python numbers: they do not wrap around, dividing them by zero raises, and they have no
`dtype`. `array.sum()` adds floats in another order, and `array.max()` is NaN if one element is, whereas `max` depends
on where that is. A loop that changes the array sees the changes, a list of its elements does not. For an array with
several dimensions the elements are lists.

## Source
NumPy documentation of `ndarray.tolist`, and of `sum`: pairwise summation.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Ask,
    BindingKind,
    Case,
    Context,
    Finding,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    Use,
    array_state,
)

RULE = Rule(
    slug="ndarray-loop",
    title="Element-wise Python loop over an array",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.For, ast.comprehension, ast.Call}), imports=frozenset({"numpy"})),
    asks=frozenset({Ask.TYPES, Ask.SHARE}),
)

_FLAT = frozenset({"numpy.arange", "numpy.linspace", "numpy.logspace", "numpy.ravel", "numpy.cumsum", "numpy.diff"})
"""Functions that return one-dimensional arrays, or take one."""
_SHAPED = frozenset({"numpy.zeros", "numpy.ones", "numpy.empty"})
"""Functions that return a one-dimensional array when given a number."""
_NEW = (_FLAT | _SHAPED) - {"numpy.ravel"}
"""Functions whose result is not a view of another array."""
_BUILTINS = {"builtins.sum": "sum", "builtins.max": "max", "builtins.min": "min"}


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop over a one-dimensional array, and each builtin that iterates over one."""
    loops: list[ast.For | ast.comprehension] = [*context.nodes(ast.For), *context.nodes(ast.comprehension)]
    for loop in loops:
        if isinstance(loop.iter, ast.Name) and isinstance(loop.target, ast.Name) and _is_flat(context, loop.iter):
            if not _computes(context, loop) or not _stays(context, loop.iter, loop):
                if context.measured:
                    yield from _advise(context, loop)
                continue
            rewrite = context.rewrite()
            rewrite.replace(loop.iter, f"{loop.iter.id}.tolist()")
            yield context.finding(
                loop.iter,
                f"Each element of {loop.iter.id} becomes a NumPy scalar: tolist() returns Python numbers, which"
                " do not wrap around; one operation on the whole array is faster still.",
                lines=_lines(loop),
                rewrite=rewrite,
            )
        elif context.measured:
            yield from _advise(context, loop)
    for call in context.nodes(ast.Call):
        name = context.resolve(call.func)
        match call.args:
            case [ast.Name() as array] if name in _BUILTINS and not call.keywords and _is_flat(context, array):
                rewrite = context.rewrite()
                rewrite.replace(call, f"{array.id}.{_BUILTINS[name]}()")
                yield context.finding(
                    call,
                    f"{_BUILTINS[name]}() converts each element of {array.id} to an object: the array's own method does"
                    " not. Floats may differ in the last digits, and one NaN makes the result NaN.",
                    rewrite=rewrite,
                )
            case _:
                pass


def _advise(context: Context, loop: ast.For | ast.comprehension) -> Iterator[Finding]:
    """Yield a loop that calls a function of this file for each element of an array."""
    match loop:
        case (
            ast.For(target=ast.Name(id=element), iter=ast.Name() as array)
            | ast.comprehension(target=ast.Name(id=element), iter=ast.Name() as array)
        ):
            taken = element
        case (
            ast.For(
                target=ast.Name(id=index),
                iter=ast.Call(func=counting, args=[ast.Call(args=[ast.Name() as array])]),
            )
            | ast.comprehension(
                target=ast.Name(id=index),
                iter=ast.Call(func=counting, args=[ast.Call(args=[ast.Name() as array])]),
            )
        ) if context.resolve(counting) == "builtins.range":
            taken = f"{array.id}[{index}]"
        case _:
            return
    state, place = array_state(context, array), context.place(array)
    whole = loop if isinstance(loop, ast.For) else context.facts.parent(loop)
    if state == "no" or place is None or whole is None:
        return
    for call in ast.walk(whole):
        if isinstance(call, ast.Call) and _is_own(context, call) and taken in map(ast.unparse, call.args):
            lines = _lines(loop)
            yield context.finding(
                loop.iter,
                f"{'Each' if state == 'yes' else f'Where {array.id} is an array, each'} element of {array.id} becomes a"
                f" NumPy scalar, for which {ast.unparse(call.func)}() is called: write it for whole arrays, or compile"
                " it with Numba.",
                lines=lines,
                safety=Safety.ADVICE,
                questions=(
                    context.ask(place, Ask.TYPES, expects=("numpy.ndarray",), needed=state == "ask"),
                    context.ask_lines(Ask.SHARE, lines, needed=True),
                ),
                measured_gain=False,
            )
            return


def _is_own(context: Context, call: ast.Call) -> bool:
    """Return whether a call is of a function of this file."""
    match call.func:
        case ast.Name() as name:
            binding = context.facts.only_binding(name)
            return binding is not None and isinstance(binding.node, ast.FunctionDef)
        case ast.Attribute(value=base, attr=attribute):
            owner = context.facts.class_of_self(base)
            return owner is not None and attribute in owner.bindings
        case _:
            return False


def _is_flat(context: Context, node: ast.Name) -> bool:
    """Return whether the name is bound once here, to a one-dimensional array."""
    place = context.place(node)
    if place is None or place.kind is not PlaceKind.LOCAL or len(place.bindings) != 1:
        return False
    binding = place.bindings[0]
    if binding.kind is not BindingKind.VALUE or not isinstance(binding.value, ast.Call):
        return False
    made = context.resolve(binding.value.func)
    if made in _SHAPED:
        shape = binding.value.args[0] if binding.value.args else None
        number = isinstance(shape, ast.Constant | ast.BinOp) or (
            isinstance(shape, ast.Call) and context.resolve(shape.func) == "builtins.len"
        )
        return number and len(binding.value.args) == 1 and not binding.value.keywords
    return made in _FLAT and not any(keyword.arg == "axis" for keyword in binding.value.keywords)


def _stays(context: Context, array: ast.Name, loop: ast.For | ast.comprehension) -> bool:
    """Return whether the loop only reads the array: iterating gives its elements as they are, a list those before."""
    whole, place = loop if isinstance(loop, ast.For) else context.facts.parent(loop), context.place(array)
    if whole is None or place is None:
        return False
    inside = [r for r in place.references if r is not array and context.is_inside(r, whole)]
    reading = (Use.READ, Use.TEST, Use.ITERATE)
    stored = (n for n in ast.walk(whole) if isinstance(n, ast.Subscript) and not isinstance(n.ctx, ast.Load))
    if not all(_is_new_array(context, node.value) for node in stored):
        return False  # it may be a view of this one
    if any(context.use(reference) not in reading for reference in inside):
        return False
    return not context.escapes(place) or not context.runs_unknown_code(whole)


def _is_new_array(context: Context, node: ast.expr) -> bool:
    """Return whether a name is only bound to arrays and lists that are created for it."""
    place = context.place(node)
    if place is None or place.kind is not PlaceKind.LOCAL:
        return False
    values = [binding.value for binding in place.bindings]
    return all(
        value is not None
        and ((isinstance(value, ast.Call) and context.resolve(value.func) in _NEW) or context.makes_new(value))
        for value in values
    )


def _computes(context: Context, loop: ast.For | ast.comprehension) -> bool:
    """Return whether the element is only computed with: nothing may read its dtype, or keep it."""
    name = loop.target.id if isinstance(loop.target, ast.Name) else ""
    whole = loop if isinstance(loop, ast.For) else context.facts.parent(loop)
    uses = [
        n for n in ast.walk(whole or loop) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
    ]
    parents = [context.facts.parent(use) for use in uses]
    return bool(uses) and all(isinstance(parent, ast.BinOp | ast.Compare | ast.AugAssign) for parent in parents)


def _lines(loop: ast.For | ast.comprehension) -> tuple[int, ...]:
    if isinstance(loop, ast.For):
        return tuple(range(loop.lineno, (loop.end_lineno or loop.lineno) + 1))
    return (loop.iter.lineno,)


CASES = (
    Case(
        name="a loop that cannot be one operation, a comprehension and a sum",
        before="""
import numpy as np

def settle(count):
    steps = np.linspace(0.0, 1.0, count)
    state = 0.5
    for step in steps:
        state = state * 0.9 + step * (1 - state)
    big = [step * 2 for step in steps]
    return round(float(state), 9), [float(x) for x in big], round(float(sum(steps)), 9)
""",
        after="""
import numpy as np

def settle(count):
    steps = np.linspace(0.0, 1.0, count)
    state = 0.5
    for step in steps.tolist():
        state = state * 0.9 + step * (1 - state)
    big = [step * 2 for step in steps.tolist()]
    return round(float(state), 9), [float(x) for x in big], round(float(steps.sum()), 9)
""",
        call="settle",
        inputs=("(20,)", "(1,)", "(0,)"),
    ),
)

ADVISE = (
    Advise("a function called for each element",
           "import numpy as np\ndef g(v):\n    return v * 2 + 1\ndef f(n):\n    a = np.zeros(n)\n"
           "    return [g(v) for v in a]\n"),
    Advise("a method called for each element, by its number",
           "import numpy as np\nclass A:\n    def g(self, v):\n        return v * 2\n    def f(self, a):\n"
           "        for i in range(len(a)):\n            self.g(a[i])\n"),
)  # fmt: skip

REFUSE = (
    Refuse("a function called for each element of a list",
           "import numpy as np\ndef g(v):\n    return v * 2 + 1\ndef f(n):\n    a = np.zeros(n).tolist()\n"
           "    return [g(v) for v in a]\n"),
    Refuse("may have several dimensions",
           "import numpy as np\ndef f(n):\n    a = np.zeros(n)\n    s = 0\n    for x in a:\n        s = s * 2 + x\n"),
    Refuse("the loop changes the elements to come",
           "import numpy as np\ndef f():\n    a = np.arange(9)\n    i = 0\n    for x in a:\n        i += 1\n"
           "        if i < 9:\n            a[i] = x * 2\n    return a\n"),
    Refuse("the loop changes them by another name",
           "import numpy as np\ndef f():\n    a = np.arange(9)\n    b = a[1:]\n    i = 0\n    for x in a:\n"
           "        b[i] = x * 2\n    return a\n"),
    Refuse("the element is handed on",
           "import numpy as np\ndef f(n):\n    for x in np.arange(n):\n        g(x)\n    a = np.arange(n)\n"
           "    for x in a:\n        g(x)\n"),
    Refuse("no array", "import numpy as np\ndef f(n):\n    a = list(range(n))\n    return sum(a)\n"),
    Refuse("`sum` from NumPy",
           "import numpy as np\nfrom numpy import sum\ndef f(n):\n    a = np.arange(n)\n    return sum(a)\n"),
)  # fmt: skip

BENCH = None
