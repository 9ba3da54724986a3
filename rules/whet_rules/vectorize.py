"""Replace a numeric loop with one call: `sum`, or a NumPy operation.

## What
A loop over numbers with independent iterations: `total += series[start + offset]` for each offset is
`sum(series[start:start + count], total)`, and each partial sum kept in a list is `itertools.accumulate`; over a NumPy
array, an elementwise assignment, a reduction, a count, a conditional (`if` becomes `np.where`), a running sum
(`np.cumsum`), or a comprehension that builds an array is one operation on the whole array. Arrays are recognized by
what creates them (`np.zeros(n)`), by annotations, or by observed values.

## Why
Each iteration of a Python loop fetches, boxes, adds and stores one number with a dozen bytecode instructions, and an
element of an array is converted to an object first. One call does the same in C, over contiguous memory.

## When not
A list of numbers that is converted to an array only for this: the conversion costs about as much as one pass of the
loop. Keep an array from where the numbers are created, or stay with `sum`.

Differences, which are checked by running the program: NumPy adds floats in another order, `sum` adds them more exactly
from Python 3.12 on; integers of a few bytes wrap around at other values, because NumPy sums them in a wider type; the
elements of a two-dimensional array are its rows, which a loop adds up row by row; arrays that overlap (slices of one
array) are read before anything is written; both branches of a conditional are computed for every element;
`math.sqrt(-1)` raises and `np.sqrt(-1)` is NaN; an array of length one is broadcast where indexing would have raised;
a slice past the end is shorter, where an index would have raised; after an exception nothing was written, where the
loop had filled a part.

## Source
NumPy user guide, "What is NumPy?": vectorization. The figures in `RULE` are measured with `BENCH`: `sum` of a slice
of a list against the loop; whole arrays gain more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Ask,
    Bench,
    Case,
    Context,
    Finding,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    Whole,
    ask_arrays,
    ask_numbers,
    find_summed,
    is_fixed_count,
    is_number,
    is_read_outside,
    range_stop,
    write_operation,
)

RULE = Rule(
    slug="vectorize",
    title="Loop can be vectorized",
    family="arrays",
    safety=Safety.OBSERVED,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.For, ast.ListComp})),
    asks=frozenset({Ask.TYPES, Ask.ELEMENTS}),
    figures={
        "3.11": {10: 2.1, 30: 3.2, 100: 4.6, 1000: 6.7},
        "3.12": {10: 1.5, 30: 2.4, 100: 3.9, 1000: 9.7},
        "3.13": {10: 1.4, 30: 2.4, 100: 3.9, 1000: 9.1},
        "3.14": {10: 2.3, 30: 3.6, 100: 3.8, 1000: 9.8},
    },
)


_DIFFERENCES = (
    "Arrays must have one dimension and must not overlap; floats may differ in the last digits, and integers of a few"
    " bytes wrap around at other values."
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop that one operation can replace."""
    if context.is_dynamic:
        return
    numpy = "numpy" in context.facts.imports
    for loop in context.nodes(ast.For):
        if isinstance(loop.target, ast.Name) and not loop.orelse and _is_whole(context, loop):
            found = (
                _sum(context, loop, numpy=numpy)
                or _running(context, loop, numpy=numpy)
                or (_over_arrays(context, loop) if numpy else None)
            )
            if found is not None:
                yield found
    if numpy:
        for comprehension in context.nodes(ast.ListComp):
            found = _comprehension(context, comprehension)
            if found is not None:
                yield found


def _is_whole(context: Context, loop: ast.For) -> bool:
    """Return whether nothing can observe the loop variable later, or a partial result when an exception is raised."""
    own = context.place(loop.target) is context.place(loop.iter)
    return not own and context.keeps_its_variables(loop) and not context.is_guarded(loop)


# Sums of lists


def _sum(context: Context, loop: ast.For, *, numpy: bool) -> Finding | None:
    """Return the finding for a loop that only adds up the elements of a sequence, or of a part of one."""
    match loop.body:
        case [ast.AugAssign(target=ast.Name() as total, op=ast.Add(), value=value)] if is_number(context, total):
            pass
        case _:
            return None
    part = find_summed(context, loop, value, total, numpy=numpy)
    if part is None or not context.has_builtin("sum"):
        return None
    sequence, text, sure = part
    rewrite = context.rewrite()
    rewrite.replace(loop, f"{total.id} = sum({text}, {total.id})")
    note = "" if sure else " An index out of range would no longer raise."
    if context.has_package("numpy"):
        note += " NumPy can be imported: in an array, built where the numbers are created, they are faster still."
    return context.finding(
        loop,
        f"The loop adds up elements of {ast.unparse(sequence)} one by one: sum() does that in C."
        f" Floats are summed more exactly from Python 3.12 on.{note}",
        safety=Safety.OBSERVED if sure else Safety.OFFER,
        questions=ask_numbers(context, sequence, indexed=text != ast.unparse(sequence)),
        rewrite=rewrite,
    )


def _running(context: Context, loop: ast.For, *, numpy: bool) -> Finding | None:
    """Return the finding for a loop that keeps each partial sum in a list."""
    replaced: list[ast.stmt] = [loop]
    match loop.body:
        case [
            ast.AugAssign(target=ast.Name() as total, op=ast.Add(), value=value),
            ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name() as out, attr="append"),
                                    args=[ast.Name(id=kept)], keywords=[])),
        ] if kept == total.id and is_number(context, total):  # fmt: skip
            if context.type_of(out) != {"builtins.list"} or is_read_outside(context, total, loop):
                return None
            steps = f"{{itertools}}.accumulate({{text}}, initial={total.id})"
            form = f"{out.id}.extend({{itertools}}.islice({steps}, 1, None))"
        case [ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name() as out, attr="append"), keywords=[], args=[
                ast.BinOp(left=ast.Subscript(value=ast.Name(id=again), slice=last), op=ast.Add(), right=value)]))] if (
            again == out.id and ast.unparse(last) == "-1"
        ):  # fmt: skip
            match context.previous(loop):
                case ast.Assign(targets=[ast.Name(id=made)], value=ast.List(elts=[ast.Constant() as first])) as start:
                    if made != out.id or type(first.value) not in (int, float) or not context.has_builtin("list"):
                        return None
                case _:
                    return None
            replaced.insert(0, start)
            form = f"{out.id} = list({{itertools}}.accumulate({{text}}, initial={ast.unparse(first)}))"
        case _:
            return None
    place, part = context.place(out), find_summed(context, loop, value, out, numpy=numpy)
    if part is None or place is None or place.kind is not PlaceKind.LOCAL:
        return None
    sequence, text, sure = part
    rewrite = context.rewrite()
    rewrite.replace(replaced, form.format(itertools=rewrite.add_import("itertools"), text=text))
    return context.finding(
        loop,
        f"The loop keeps each partial sum of {ast.unparse(sequence)}: itertools.accumulate does that in C."
        + ("" if sure else " An index out of range would no longer raise."),
        safety=Safety.OBSERVED if sure else Safety.OFFER,
        questions=ask_numbers(context, sequence, indexed=text != ast.unparse(sequence)),
        measured_gain=False,
        rewrite=rewrite,
    )


# Arrays


def _over_arrays(context: Context, loop: ast.For) -> Finding | None:
    stop, start = range_stop(context, loop.iter), ""
    name = loop.target.id if isinstance(loop.target, ast.Name) else ""
    match loop.iter:
        case ast.Call(func=function, args=[ast.Constant(value=1), last], keywords=[]) if (
            context.resolve(function) == "builtins.range"
        ):
            stop, start = last, "1"
    if stop is not None and not is_fixed_count(context, stop, loop):
        return None
    if stop is not None:
        whole = Whole.by_index(context, loop, name, stop, start)
    elif isinstance(loop.iter, ast.Name):
        whole = Whole.over(context, loop, name, loop.iter)
    else:
        return None
    rewrite = context.rewrite()
    numpy = rewrite.add_import("numpy")
    text, what = write_operation(context, loop, whole, numpy)
    if not text or whole.failed or not whole.used:
        return None
    questions = ask_arrays(context, whole.used)
    if questions is None:
        return None
    rewrite.replace(loop, text)
    return context.finding(
        loop,
        f"The loop {what} element by element: one operation on the whole array does it. {_DIFFERENCES}",
        safety=Safety.OFFER,
        questions=questions,
        measured_gain=False,
        rewrite=rewrite,
    )


def _comprehension(context: Context, node: ast.ListComp) -> Finding | None:
    """Return the finding for ``np.array([… for x in array])``."""
    call = context.facts.parent(node)
    if not isinstance(call, ast.Call) or context.resolve(call.func) not in ("numpy.array", "numpy.asarray"):
        return None
    match node.generators:
        case [ast.comprehension(target=ast.Name(id=name), iter=ast.Name() as array, ifs=[], is_async=0)]:
            whole = Whole.over(context, node, name, array)
        case [ast.comprehension(target=ast.Name(id=name), iter=iterable, ifs=[], is_async=0)]:
            stop = range_stop(context, iterable)
            if stop is None or not is_fixed_count(context, stop, node):
                return None
            whole = Whole.by_index(context, node, name, stop)
        case _:
            return None
    rewrite = context.rewrite()
    text = whole.text_of(node.elt, rewrite.add_import("numpy"))
    questions = ask_arrays(context, whole.used)
    plain = isinstance(node.elt, ast.Name | ast.Subscript)
    if whole.failed or not whole.used or questions is None or len(call.args) + len(call.keywords) != 1 or plain:
        return None
    rewrite.replace(call, text)
    return context.finding(
        call,
        f"The array is built number by number: one operation on the whole array builds it. {_DIFFERENCES}",
        safety=Safety.OFFER,
        questions=questions,
        measured_gain=False,
        rewrite=rewrite,
    )


CASES = (
    Case(
        name="windows of a list",
        before="""
WINDOW = 28

def highest(series):
    best = 0
    for start in range(len(series) - WINDOW + 1):
        total = 0
        for offset in range(WINDOW):
            total += series[start + offset]
        if total > best:
            best = total
    return best
""",
        after="""
WINDOW = 28

def highest(series):
    best = 0
    for start in range(len(series) - WINDOW + 1):
        total = 0
        total = sum(series[start:start + WINDOW], total)
        if total > best:
            best = total
    return best
""",
        call="highest",
        inputs=("(list(range(100)),)", "([3] * 27,)", "([],)"),
    ),
    Case(
        name="the elements of a parameter, and of an attribute by index",
        before="""
class Shelf:
    def __init__(self, prices):
        self.prices = list(prices)

    def total(self):
        total = 0
        for i in range(len(self.prices)):
            total += self.prices[i]
        return total

def value(prices):
    worth = 0
    for price in prices:
        worth += price
    return worth, Shelf(prices).total()
""",
        after="""
class Shelf:
    def __init__(self, prices):
        self.prices = list(prices)

    def total(self):
        total = 0
        total = sum(self.prices, total)
        return total

def value(prices):
    worth = 0
    worth = sum(prices, worth)
    return worth, Shelf(prices).total()
""",
        call="value",
        inputs=("([1, 2, 3],)", "((),)", "((True, 4),)"),
    ),
    Case(
        name="the steps of a sum, from a start of its own and from the list's last",
        before="""
def steps(xs, ys):
    total = 0
    sums = []
    for x in xs:
        total += x
        sums.append(total)
    ends = [0]
    for i in range(len(ys)):
        ends.append(ends[-1] + ys[i])
    return sums, ends
""",
        after="""
from itertools import accumulate

def steps(xs, ys):
    return list(accumulate(xs)), list(accumulate(ys, initial=0))
""",
        call="steps",
        inputs=("([1, 2, 3], [4, 5])", "([], [])", "((1, 2.5), (7,))"),
        rewritten="""
import itertools

def steps(xs, ys):
    total = 0
    sums = []
    sums.extend(itertools.islice(itertools.accumulate(xs, initial=total), 1, None))
    ends = list(itertools.accumulate(ys, initial=0))
    return sums, ends
""",
    ),
    Case(
        name="arrays: the steps of a sum",
        before="""
import numpy as np

def work(count):
    prices = np.linspace(1.0, 9.0, count)
    sums = np.zeros(count)
    ends = np.ones(count)
    total = 0.5
    for i in range(count):
        total += prices[i] * 2
        sums[i] = total
    for i in range(1, count):
        ends[i] = ends[i - 1] + prices[i]
    return [round(x, 9) for x in (*sums.tolist(), *ends.tolist())]
""",
        after="""
import numpy as np

def work(count):
    prices = np.linspace(1.0, 9.0, count)
    sums = np.zeros(count)
    ends = np.ones(count)
    total = 0.5
    sums[:count] = total + np.cumsum(prices[:count] * 2)
    ends[1:count] = ends[:1] + np.cumsum(prices[1:count])
    return [round(x, 9) for x in (*sums.tolist(), *ends.tolist())]
""",
        call="work",
        inputs=("(40,)", "(1,)", "(0,)"),
    ),
    Case(
        name="arrays: elementwise, a choice, a reduction and a count",
        before="""
import numpy as np
import math

def work(count, limit):
    prices = np.linspace(1.0, 9.0, count)
    out = np.zeros(count)
    capped = np.zeros(count)
    for i in range(count):
        out[i] = math.sqrt(prices[i]) * 2 + 1
    for i in range(len(prices)):
        if prices[i] > limit:
            capped[i] = limit
        else:
            capped[i] = prices[i]
    total = 0.0
    many = 0
    for price in prices:
        total += price * price
    for price in prices:
        if price > limit:
            many += 1
    return [round(x, 9) for x in (*out.tolist(), *capped.tolist(), float(total), int(many))]
""",
        after="""
import numpy as np
import math

def work(count, limit):
    prices = np.linspace(1.0, 9.0, count)
    out = np.zeros(count)
    capped = np.zeros(count)
    out[:count] = np.sqrt(prices[:count]) * 2 + 1
    capped[:len(prices)] = np.where(prices > limit, limit, prices)
    total = 0.0
    many = 0
    total += np.sum(prices * prices)
    many += np.count_nonzero(prices > limit)
    return [round(x, 9) for x in (*out.tolist(), *capped.tolist(), float(total), int(many))]
""",
        call="work",
        inputs=("(40, 5.0)", "(0, 1.0)"),
    ),
    Case(
        name="an array from a comprehension over a parameter",
        before="""
import numpy

def scale(values, by):
    return numpy.array([value * by if value > 0 else -value for value in values])

def run(data, by):
    return scale(numpy.array(data), by).tolist()
""",
        after="""
import numpy

def scale(values, by):
    return numpy.where(values > 0, values * by, -values)

def run(data, by):
    return scale(numpy.array(data), by).tolist()
""",
        call="run",
        inputs=("([1.5, -2.0, 0.0], 3)", "([1.0], 2.5)"),
    ),
)

REFUSE = (
    Refuse("texts are added", "def f(xs):\n    s = ''\n    for x in xs:\n        s += x\n    return s\n"),
    Refuse("lists are added", "def f(xs):\n    s = []\n    for x in xs:\n        s += x\n    return s\n"),
    Refuse("the variable is used later",
           "def f(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s, x\n"),
    Refuse("`sum` is the program's own",
           "def sum(xs, s):\n    return 1\ndef f(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n"),
    Refuse("half of the sum is seen after an exception",
           "def f(xs):\n    s = 0\n    try:\n        for x in xs:\n            s += x\n    except TypeError:\n"
           "        pass\n    return s\n"),
    Refuse("a count that may be negative reaches from the other end",
           "def f(xs, n):\n    s = 0\n    for i in range(n):\n        s += xs[i]\n    return s\n"),
    Refuse("each turn needs the one before",
           "import numpy as np\ndef f(n):\n    a = np.zeros(n)\n    for i in range(1, n):\n"
           "        a[i] = a[i - 1] * 2\n    return a\n"),
    Refuse("the sum is read after its steps",
           "def f(xs):\n    total = 0\n    sums = []\n    for x in xs:\n        total += x\n"
           "        sums.append(total)\n    return sums, total\n"),
    Refuse("the steps are of texts",
           "def f(xs):\n    total = ''\n    sums = []\n    for x in xs:\n        total += x\n"
           "        sums.append(total)\n    return sums\n"),
    Refuse("the steps go to the list that is gone through",
           "def f(xs):\n    xs = list(xs)\n    total = 0\n    for x in xs:\n        total += x\n"
           "        xs.append(total)\n    return xs\n"),
    Refuse("the last but one",
           "def f(xs):\n    a = [0, 1]\n    for x in xs:\n        a.append(a[-2] + x)\n    return a\n"),
    Refuse("the step is of the array that is filled",
           "import numpy as np\ndef f(n):\n    a = np.zeros(n)\n    for i in range(1, n):\n"
           "        a[i] = a[i - 1] + a[i] * 2\n    return a\n"),
    Refuse("something else is done in the loop",
           "import numpy as np\ndef f(n):\n    a = np.zeros(n)\n    for i in range(n):\n        a[i] = g(i)\n"
           "    return a\n"),
    Refuse("another function may read the sum meanwhile",
           "def f(xs):\n    s = 0\n    def seen():\n        return s\n    for x in xs(seen):\n        s += x\n"),
    Refuse("no array", "import numpy as np\ndef f(n):\n    a = {}\n    b = {}\n    for i in range(n):\n"
           "        a[i] = b[i] * 2\n    return a\n"),
    Refuse("the elements are rows",
           "import numpy as np\ndef f(n):\n    a = np.zeros((n, 3))\n    total = 0\n    for row in a:\n"
           "        total += row\n    return total\n"),
    Refuse("the elements are rows, written out",
           "import numpy as np\ndef f():\n    a = np.array([[1, 2], [3, 4]])\n    total = 0\n    for row in a:\n"
           "        total += row\n    return total\n"),
    Refuse("small integers wrap around in the loop, not in sum",
           "import numpy as np\ndef f(n):\n    a = np.full(n, 200, dtype=np.uint8)\n    total = 0\n"
           "    for x in a:\n        total += x\n    return total\n"),
    Refuse("overlapping slices of one array",
           "import numpy as np\ndef f(n):\n    a = np.ones(n)\n    b = a[1:]\n    for i in range(len(b)):\n"
           "        b[i] = a[i] + 1\n    return a\n"),
    Refuse("the loop has an else branch",
           "def f(xs):\n    s = 0\n    for x in xs:\n        s += x\n    else:\n        s = 1\n    return s\n"),
    Refuse("the loop's variable comes from the sequence's own file",
           "def f(n):\n    s = 0\n    for x in open(n):\n        s += x\n    return s\n"),
)  # fmt: skip

BENCH = Bench(
    setup="series = [i % 14 for i in range(3 * n)]\nstart = n",
    before="total = 0\nfor offset in range(n):\n    total += series[start + offset]",
    after="total = 0\ntotal = sum(series[start:start + n], total)",
    sizes=(10, 30, 100, 1000),
    size_is="elements added up",
)
