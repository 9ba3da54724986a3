"""Compile a hot numeric loop with Numba.

## What
A hot function or loop nest that only computes with numbers and indices, in the subset of Python that Numba compiles:
`range`, `while`, arithmetic, comparisons, indexing, most of `math`, much of NumPy; arrays of int64 and float64. Where
the program's interpreter has Numba, the edit is `@njit(cache=True)`, and only a proof run shows whether Numba accepts
it; elsewhere it is advice, with the command that installs Numba.

## Why
Machine code for such a loop runs 10 to 100 times as fast as bytecode: no objects, no dispatch.

## When not
Compiling takes about a second at the first call, unless it is in the cache on disk; a run of a few seconds may not
gain. Lists have to be converted to arrays before the call. Accepted differences: integers wrap around at 64 bits,
out-of-bounds indices read foreign memory instead of raising, globals are frozen when the function is compiled, other
exceptions are raised or none: `math.sqrt(-1)` is nan, `math.log(0)` minus infinity, `int(1e300)` a negative number.
If the iterations of the outer loop are independent, `parallel=True` with `prange` uses all cores.

## Source
Numba documentation, "A 5 minute guide to Numba" and "Supported Python features".
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
)

RULE = Rule(
    slug="numba-candidate",
    title="Numeric loop that Numba can compile",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.For, ast.While})),
    asks=frozenset({Ask.TYPES, Ask.ELEMENTS}),
)

_COMPILED = frozenset(f"builtins.{n}" for n in ("abs", "bool", "float", "int", "len", "max", "min", "range", "round"))
_STATEMENTS = (ast.Assign, ast.AugAssign, ast.For, ast.While, ast.If, ast.Break, ast.Continue, ast.Pass, ast.Return)
_EXPRESSIONS = (
    *(ast.Name, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Tuple, ast.Subscript),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)
_NO_NUMBERS = ("builtins.str", "builtins.bytes", "builtins.dict", "builtins.set")
_DTYPES = ("int64", "float64")
"""The elements of an array are recorded under the name of their dtype. Smaller ones overflow, and mix with Python
numbers, in another way where Numba compiles them."""
_MATH = frozenset(
    (
        *(
            "acos",
            "acosh",
            "asin",
            "asinh",
            "atan",
            "atan2",
            "atanh",
            "ceil",
            "copysign",
            "cos",
            "cosh",
            "degrees",
            "e",
        ),
        *("erf", "erfc", "exp", "exp2", "expm1", "fabs", "floor", "frexp", "gamma", "gcd", "hypot", "inf", "isfinite"),
        *("isinf", "isnan", "ldexp", "lgamma", "log", "log10", "log1p", "log2", "nan", "nextafter", "pi", "pow"),
        *("radians", "sin", "sinh", "sqrt", "tan", "tanh", "tau", "trunc"),
    )
)
"""What Numba 0.68 compiles of `math`: tried, one by one."""
_NUMPY = frozenset(
    (
        *("abs", "absolute", "arange", "arccos", "arcsin", "arctan", "arctan2", "argmax", "argmin", "cbrt", "ceil"),
        *("cos", "cosh", "cumprod", "cumsum", "deg2rad", "diff", "dot", "e", "empty", "empty_like", "exp", "exp2"),
        *("expm1", "eye", "fabs", "float64", "floor", "fmax", "fmin", "fmod", "full", "full_like", "hypot", "inf"),
        *("int64", "isfinite", "isinf", "isnan", "linspace", "log", "log10", "log1p", "log2", "max", "maximum", "mean"),
        *("median", "min", "minimum", "mod", "nan", "ones", "ones_like", "outer", "pi", "prod", "rad2deg", "rint"),
        *("searchsorted", "sign", "sin", "sinh", "sort", "sqrt", "square", "std", "sum", "tan", "tanh", "trunc"),
        *("var", "where", "zeros", "zeros_like"),
    )
)
"""The part of NumPy that loops over numbers use and that Numba 0.68 knows."""
_NUMBERS = ("builtins.int", "builtins.float", "builtins.bool", *_DTYPES, *(f"numpy.{name}" for name in _DTYPES))
_COMPILABLE = (*_NUMBERS, "numpy.ndarray")
_ELEMENTS = (*_COMPILABLE, "builtins.list", "builtins.tuple")


def detect(context: Context) -> Iterator[Finding]:
    """Yield the function, or else its outermost numeric loop nests, where they are measured hot."""
    node = context.function.node
    if not context.measured or context.is_dynamic or context.function.kind is not ScopeKind.FUNCTION:
        return
    if not isinstance(node, ast.FunctionDef) or _is_compiled(context, node):
        return
    loops: list[ast.For | ast.While] = [*context.nodes(ast.For), *context.nodes(ast.While)]
    loops.sort(key=lambda loop: loop.lineno)
    counting = [loop for loop in loops if _counts(context, loop)]
    if not counting:
        return
    outermost = [loop for loop in loops if not any(o is not loop and context.is_inside(loop, o) for o in loops)]
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    # A loop over a sequence may run few or many times; a counting loop is there to run many times.
    if all(_is_numeric(context, statement) for statement in body):
        yield _function(context, node, outermost)
        return
    around = [loop for loop in loops if any(o is not loop and context.is_inside(o, loop) for o in counting)]
    for loop in outermost:
        nests = (one for one in around if context.is_inside(one, loop))
        nest = next((one for one in nests if _works(context, one) and _is_numeric(context, one)), None)
        if nest is not None:
            advice = (
                "move it into its own function that takes an array, and compile that with Numba's @njit(cache=True)"
            )
            yield context.finding(
                nest,
                f"A nested loop that only computes with numbers: {advice}{_install(context)}.",
                safety=Safety.ADVICE,
                questions=_questions(context, nest, excludes=_NO_NUMBERS),
            )


def _function(context: Context, node: ast.FunctionDef, loops: list[ast.For | ast.While]) -> Finding:
    lines = context.lines_of(*loops)
    message = (
        "The function computes with numbers only: much faster if Numba compiles it, which a proof run tries."
        " Integers then wrap around at 64 bits, indices are not checked, globals are frozen, math.sqrt(-1) is nan;"
        " the first call includes the compilation time"
    )
    spec = node.args
    plain = not (spec.vararg or spec.kwarg or spec.kwonlyargs or node.decorator_list)
    first = loops[0]
    if not context.has_package("numba") or not plain or _is_method(context):
        return context.finding(
            first,
            f"{message}{_install(context)}.",
            lines=lines,
            safety=Safety.ADVICE,
            questions=_questions(context, node, excludes=_NO_NUMBERS),
        )
    rewrite = context.rewrite()
    rewrite.insert_before(node, f"@{rewrite.add_import('numba', 'njit')}(cache=True)")
    return context.finding(
        first,
        f"{message}.",
        lines=lines,
        questions=_questions(context, node, expects=_COMPILABLE),
        rewrite=rewrite,
    )


def _is_method(context: Context) -> bool:
    parent = context.function.parent
    return parent is None or parent.kind is not ScopeKind.MODULE


def _is_compiled(context: Context, node: ast.FunctionDef) -> bool:
    decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any((context.resolve(d) or "").startswith(("numba.", "cython.", "taichi.", "jax.")) for d in decorators)


def _counts(context: Context, loop: ast.For | ast.While) -> bool:
    match loop:
        case ast.While(test=ast.Compare(ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() | ast.NotEq()])):
            return _works(context, loop)
        case ast.For(iter=ast.Call(func=function)):
            return context.resolve(function) == "builtins.range" and _works(context, loop)
        case _:
            return False


def _works(context: Context, loop: ast.AST) -> bool:
    """Return whether numbers are computed, not only moved."""
    return any(context.is_inside(n, loop) for kind in (ast.BinOp, ast.AugAssign) for n in context.nodes(kind))


def _is_numeric(context: Context, node: ast.AST) -> bool:  # noqa: PLR0911 - one return a kind of node
    """Return whether everything inside ``node`` compiles."""
    match node:
        case ast.Constant(value=value):
            return value is None or type(value) in (int, float, bool)
        case ast.Call(func=function, args=arguments, keywords=[]):
            name = context.resolve(function) or ""
            known = name in _COMPILED or _is_known(name)
            return known and all(_is_numeric(context, argument) for argument in arguments)
        case ast.Attribute():
            return _is_known(context.resolve(node) or "")
        case ast.BinOp(left=left, op=ast.Pow(), right=right) | ast.AugAssign(target=left, op=ast.Pow(), value=right):
            # `2 ** -1` is 0 where Numba compiles it.
            whole = isinstance(right, ast.Constant) and type(right.value) is int  # never negative
            sure = whole or "builtins.float" in (context.type_of(left) | context.type_of(right))
            return sure and _is_numeric(context, left) and _is_numeric(context, right)
        case ast.Compare(ops=ops) if any(isinstance(op, ast.In | ast.NotIn | ast.Is | ast.IsNot) for op in ops):
            return False
        case ast.BinOp(left=ast.Constant(value=str()), op=ast.Mod()) | ast.Slice():
            return False
        case _ if isinstance(node, (*_STATEMENTS, *_EXPRESSIONS)):
            return all(_is_numeric(context, child) for child in ast.iter_child_nodes(node))
        case _:
            return False


def _is_known(name: str) -> bool:
    module, _, last = name.rpartition(".")
    return (module == "math" and last in _MATH) or (module == "numpy" and last in _NUMPY)


def _questions(
    context: Context, node: ast.AST, *, expects: tuple[str, ...] = (), excludes: tuple[str, ...] = ()
) -> tuple[Question, ...]:
    """Return what to ask about the names that come from outside of ``node``."""
    spec = context.function.node.args if isinstance(context.function.node, ast.FunctionDef) else None
    parameters = {arg.arg for arg in (*spec.posonlyargs, *spec.args)} if spec is not None else set()
    indexed = {n.value.id for n in ast.walk(node) if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)}
    types = (
        # Nothing in the source shows that what comes from outside is a number, and not a matrix or a string.
        context.ask(name, Ask.TYPES, expects=expects, excludes=excludes, needed=True)
        for name in sorted(parameters if expects else parameters | indexed)
    )
    return (*types, *(context.ask(name, Ask.ELEMENTS, expects=_ELEMENTS) for name in sorted(indexed)))


def _install(context: Context) -> str:
    return "" if context.has_package("numba") else " (to install it: python -m pip install numba)"


CASES = (
    Case(
        name="a function of its own, in a file that uses Numba",
        before="""
import numba

def smooth(values, times):
    total = 0.0
    for _ in range(times):
        for i in range(1, len(values) - 1):
            values[i] = (values[i - 1] + values[i] + values[i + 1]) / 3
            total += values[i]
    return total

def run(count):
    import numpy
    return round(float(smooth(numpy.linspace(0.0, 1.0, count), 3)), 9)
""",
        after="""
import numba
from numba import njit

@njit(cache=True)
def smooth(values, times):
    total = 0.0
    for _ in range(times):
        for i in range(1, len(values) - 1):
            values[i] = (values[i - 1] + values[i] + values[i + 1]) / 3
            total += values[i]
    return total

def run(count):
    import numpy
    return round(float(smooth(numpy.linspace(0.0, 1.0, count), 3)), 9)
""",
        call="run",
        inputs=("(50,)", "(3,)"),
        hot=True,
        rewritten="""
import numba

@numba.njit(cache=True)
def smooth(values, times):
    total = 0.0
    for _ in range(times):
        for i in range(1, len(values) - 1):
            values[i] = (values[i - 1] + values[i] + values[i + 1]) / 3
            total += values[i]
    return total

def run(count):
    import numpy
    return round(float(smooth(numpy.linspace(0.0, 1.0, count), 3)), 9)
""",
    ),
    Case(
        name="a loop nest in a function that does more",
        before="""
def levels(demand):
    found = []
    for series in demand:
        best = 0
        for start in range(len(series) - 2):
            total = 0
            for offset in range(3):
                total += series[start + offset] * offset
            if total > best:
                best = total
        found.append(best)
    return found
""",
        after="""
def levels(demand):
    return [best_of(series) for series in demand]

def best_of(series):
    return max((sum(series[i + k] * k for k in range(3)) for i in range(len(series) - 2)), default=0)
""",
        call="levels",
        inputs=("([[1, 5, 2, 8, 3], [1]],)", "([],)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("compiled already", "from numba import njit\n@njit\ndef f(n):\n    s = 0\n    for i in range(n):\n"
           "        s += i\n    return s\n"),
    Refuse("texts", "def f(n):\n    s = ''\n    for i in range(n):\n        for k in range(n):\n"
           "            s += 'x'\n"),
    Refuse("calls what Numba does not know",
           "def f(n):\n    s = 0\n    for i in range(n):\n        for k in range(n):\n            s += g(i, k)\n"),
    Refuse("objects", "def f(xs, n):\n    s = 0\n    for x in xs:\n        for k in range(n):\n"
           "            s += x.price * k\n"),
    Refuse("only moves things", "def f(a, b, n):\n    for i in range(n):\n        for k in range(n):\n"
           "            a[i] = b[k]\n"),
    Refuse("functions of `math` that Numba does not know",
           "import math\ndef f(n):\n    s = 0\n    for i in range(n):\n        s += math.isqrt(i) * math.comb(n, i)\n"
           "    return s\n"),
    Refuse("functions of NumPy that Numba does not know",
           "import numpy as np\ndef f(a, n):\n    s = 0\n    for i in range(n):\n        s += np.einsum(a, i)\n"
           "    return s\n"),
    Refuse("powers that may be negative",
           "def f(n, k):\n    s = 0\n    for i in range(n):\n        s += n ** (i - k)\n    return s\n"),
    Refuse("tests for membership", "def f(a, n):\n    s = 0\n    for i in range(n):\n        for k in range(n):\n"
           "            s += k in a\n"),
    Refuse("a single pass over a sequence of anything",
           "def f(xs):\n    s = 0\n    for x in xs:\n        s += x\n    print(s)\n"),
)  # fmt: skip

BENCH = None
