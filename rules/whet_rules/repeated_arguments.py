"""Cache a pure function that is called with the same arguments again and again.

## What
A function of a module that only computes with its arguments, and whose calls were seen to repeat them: of the calls
that value samples met, at most 95 in 100 had different arguments. Decorate it with `functools.cache`.

## Why
A result that was computed once is looked up in a dict.

## When not
Where arguments rarely repeat over the whole run, or there are so many that all results take too much memory: then use
`functools.lru_cache(maxsize=…)`. Arguments that are equal count as the same: after `f(1)`, `f(1.0)` returns the result
of `f(1)`, and `f(-0.0)` that of `f(0.0)`; a NaN is found again only if it is the same object. Arguments must be
hashable.

Nothing is said of functions that read or change anything but their arguments, locals and constants of the module, that
call anything that is not known to have no effect, or that return something that a caller could change. Names in
capitals count as constants where they are imported, or where nothing in the file changes the table they are bound to.

## Source
The documentation of `functools.cache`: "Simple lightweight unbounded function cache". What it gains depends on what the
function costs and how often arguments repeat: `whet prove` measures it on the program.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Ask,
    BindingKind,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    Use,
    known,
    may_be_hashable,
)

RULE = Rule(
    slug="repeated-arguments",
    title="Pure function called with same arguments",
    family="hoisting",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    saves_calls=True,
    triggers=Triggers(nodes=frozenset({ast.Return})),
    asks=frozenset({Ask.DISTINCT}),
)

_MOST = 0.95
"""Part of the calls seen that may differ: of 300 possible arguments, 40 calls out of thousands meet about 37."""
_LEAST = 30
"""Calls that must have been seen."""
_DEEPEST = 4
"""How far calls of functions of the same module are followed."""
_STATEMENTS = (ast.If, ast.For, ast.While, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Pass, ast.Raise,
               ast.Break, ast.Continue, ast.Expr, ast.Assert)  # fmt: skip
_EXPRESSIONS = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Constant, ast.Subscript, ast.Slice,
                ast.Tuple, ast.List, ast.Set, ast.Dict, ast.JoinedStr, ast.FormattedValue, ast.ListComp, ast.SetComp,
                ast.DictComp, ast.GeneratorExp, ast.NamedExpr, ast.Starred)  # fmt: skip
_CODE = (ast.stmt, ast.expr)
_POSSIBLE = frozenset((*_STATEMENTS, *_EXPRESSIONS, ast.Name, ast.Call, ast.Attribute))
_CALLED = (
    known.PURE
    | known.PURE_OVER_SEQUENCES
    | frozenset(f"builtins.{name}" for name in ("enumerate", "zip", "reversed", "frozenset", "bytearray"))
    | frozenset(f"re.{name}" for name in ("findall", "split", "sub", "match", "search", "fullmatch", "escape"))
) - {"builtins.id", "builtins.hash", "builtins.type"}
_METHODS = frozenset(name for methods in known.METHODS.values() for name in methods)
_CHANGING = frozenset({"append", "add", "extend", "insert", "pop", "update", "setdefault", "sort", "reverse", "get"})
"""Methods that change a container, which may be a local's."""
_RETURNED = {
    name: frozenset(methods[name] for methods in known.METHODS.values() if name in methods) for name in _METHODS
}
_OF_TEXTS = known.METHODS["builtins.str"].keys() - known.METHODS["builtins.list"].keys()
_GIVEN_TEXTS = frozenset({"endswith", "find", "partition", "removeprefix", "replace", "rfind", "split", "startswith"})
_OVER_ONE_OR_MANY = frozenset({"builtins.max", "builtins.min"})
_OVER_CONTAINERS = (
    (known.PURE_OVER_SEQUENCES - _OVER_ONE_OR_MANY)
    | frozenset(f"builtins.{name}" for name in ("enumerate", "len", "reversed", "zip"))
    | {"math.fsum", "math.prod"}
)
_HASHABLE = known.IMMUTABLE | {"builtins.frozenset", "builtins.tuple"}
_KEPT = frozenset({*known.IMMUTABLE, "builtins.frozenset"})


def detect(context: Context) -> Iterator[Finding]:
    """Yield a pure function of a module, if its calls were seen to repeat their arguments."""
    node = context.function.node
    if not context.measured or not isinstance(node, ast.FunctionDef) or context.facts.parent(node) is not context.tree:
        return
    spec = node.args
    if node.decorator_list or spec.vararg or spec.kwarg or not (spec.args or spec.posonlyargs or spec.kwonlyargs):
        return
    if len(context.facts.module.bindings.get(node.name, [])) != 1 or not _is_worth_keeping(context):
        return
    judge = _Judge(context)
    if not judge.is_pure(node) or not judge.returns_kept(node) or not _may_be_keys(context, node):
        return
    tables = ", ".join(sorted(judge.tables))
    note = f" {tables} must stay as imported." if tables else ""
    rewrite = context.rewrite()
    rewrite.insert_before(node, f"@{rewrite.add_import('functools')}.cache")
    yield context.finding(
        node.body[1 if ast.get_docstring(node, clean=False) is not None and len(node.body) > 1 else 0],
        f"{node.name} only computes with its arguments: where it is called with the same ones again, functools.cache"
        " computes each result once. Arguments must be hashable, equal ones count as the same (1, 1.0 and True), and"
        f" the results are kept as long as the program runs.{note}",
        lines=context.lines_of(*node.body),
        questions=(context.ask_arguments(most=_MOST, at_least=_LEAST),),
        rewrite=rewrite,
    )


def _is_worth_keeping(context: Context) -> bool:
    """Return whether a function does more than a look-up in a cache: it has a loop, or calls several functions.

    Not one with a node that no pure function has: it need not be judged.
    """
    nodes = context.function.nodes
    if ast.Return not in nodes or any(issubclass(kind, _CODE) and kind not in _POSSIBLE for kind in nodes):
        return False
    return any(kind in nodes for kind in (ast.For, ast.While, ast.comprehension)) or len(nodes.get(ast.Call, ())) > 2


class _Judge:
    """Judges functions of one module, each once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.facts = context.facts
        self.pending: list[ast.FunctionDef] = []
        self.tables: set[str] = set()
        """Constants by their names that hold more than a number or a text: nothing in the file changes them."""

    def is_pure(self, node: ast.FunctionDef) -> bool:
        """Return whether a function only computes with its arguments, its locals and constants of the module."""
        if node in self.pending:
            return True
        if len(self.pending) >= _DEEPEST or any(isinstance(each, ast.Global | ast.Nonlocal) for each in ast.walk(node)):
            return False
        self.pending.append(node)
        try:
            return all(self._is_harmless(node, part) for statement in node.body for part in ast.walk(statement))
        finally:
            self.pending.pop()

    def _is_harmless(self, node: ast.FunctionDef, part: ast.AST) -> bool:  # noqa: PLR0911 - one return a kind of node
        match part:
            case ast.stmt():
                return isinstance(part, _STATEMENTS)
            case ast.Name(ctx=ast.Store()):
                return part.id not in _list_parameters(node)
            case ast.Name():
                return self._is_own(node, part)
            case ast.Call(func=function):
                return self._is_pure_call(node, function)
            case ast.Attribute():
                above = self.facts.parent(part)
                called = isinstance(above, ast.Call) and above.func is part
                return called or (self.context.resolve(part) or "").startswith("math.")
            case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
                return self._is_local(node, value)
            case ast.expr():
                return isinstance(part, _EXPRESSIONS)
            case _:
                return True

    def _is_own(self, node: ast.FunctionDef, name: ast.Name) -> bool:
        """Return whether a name is a local's, a constant's, a builtin, or that of a function or module to call."""
        owner = self.facts.lookup(name)
        if owner is not self.facts.module and owner is not None:
            return self.facts.is_inside(owner.node, node) or owner.node is node
        if owner is None or self.context.constant(name) is not None:
            return True
        if self._is_table(name):
            self.tables.add(name.id)
            return True
        above = self.facts.parent(name)
        used = isinstance(above, ast.Attribute) or (isinstance(above, ast.Call) and above.func is name)
        return used and (self.context.resolve(name) is not None or self._find_function(name) is not None)

    def _is_table(self, name: ast.Name) -> bool:
        """Return whether a name in capitals is imported, or bound once to a display that nothing here changes."""
        binding = self.facts.only_binding(name)
        if binding is None or not name.id.isupper() or not isinstance(name.ctx, ast.Load):
            return False
        above = self.facts.parent(name)
        if isinstance(above, ast.Attribute) or (isinstance(above, ast.Call) and above.func is name):
            return False
        if binding.kind is BindingKind.IMPORT:
            return True
        match binding.value:
            case ast.Tuple(elts=[_, *_]) | ast.List(elts=[_, *_]) | ast.Set() | ast.Dict(keys=[_, *_]):
                uses = (self.context.use(one) for one in self.facts.references(name.id, self.facts.module))
                return all(use in (Use.BIND, Use.TEST, Use.ITERATE, Use.READ, Use.ESCAPE) for use in uses)
            case _:
                return False

    def _is_pure_call(self, node: ast.FunctionDef, function: ast.expr) -> bool:
        name = self.context.resolve(function)
        if name is not None and (name in _CALLED or name.startswith("math.")):
            return True
        match function:
            case ast.Name():
                called = self._find_function(function)
                raising = isinstance(self.facts.statement(function), ast.Raise)
                return raising or (called is not None and self.is_pure(called))
            case ast.Attribute(value=value, attr=method) if name is None:
                return method in _METHODS or (method in _CHANGING and self._is_local(node, value))
            case _:
                return False

    def _find_function(self, name: ast.expr) -> ast.FunctionDef | None:
        if not isinstance(name, ast.Name) or self.facts.lookup(name) is not self.facts.module:
            return None
        binding = self.facts.only_binding(name)
        found = binding.node if binding is not None else None
        return found if isinstance(found, ast.FunctionDef) and not found.decorator_list else None

    def _is_local(self, node: ast.FunctionDef, value: ast.expr) -> bool:
        """Return whether a name holds only what the function has made: no argument."""
        if not isinstance(value, ast.Name) or value.id in _list_parameters(node):
            return False
        owner = self.facts.lookup(value)
        values = [binding.value for binding in owner.bindings.get(value.id, [])] if owner is not None else []
        made = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.Call, ast.BinOp)
        return owner is not self.facts.module and bool(values) and all(isinstance(each, made) for each in values)

    def returns_kept(self, node: ast.FunctionDef) -> bool:
        """Return whether all that a function returns is immutable, given arguments that are."""
        returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value is not None]
        self.pending.append(node)
        try:
            return bool(returned) and all(self._is_kept(node, value, ()) for value in returned)
        finally:
            self.pending.pop()

    def _is_kept(  # noqa: PLR0911 - one return a kind of node
        self, node: ast.FunctionDef, value: ast.expr, asked: tuple[str, ...]
    ) -> bool:
        types = self.context.type_of(value)
        if types and types <= _KEPT:
            return True
        match value:
            case ast.Constant() | ast.Compare() | ast.JoinedStr() | ast.UnaryOp(op=ast.Not()):
                return True
            case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
                return self._is_kept(node, left, asked) and self._is_kept(node, right, asked)
            case ast.UnaryOp(operand=operand):
                return self._is_kept(node, operand, asked)
            case ast.Tuple(elts=parts) | ast.BoolOp(values=parts):
                return all(self._is_kept(node, part, asked) for part in parts)
            case ast.Name(id=name):
                return name in _list_parameters(node) or name in asked or self._is_local_kept(node, value, asked)
            case ast.Call(func=ast.Attribute(attr=method) as function) if self.context.resolve(function) is None:
                return bool(_RETURNED.get(method)) and _RETURNED[method] <= _KEPT
            case ast.Call(func=function, args=arguments):
                resolved = self.context.resolve(function)
                if resolved in ("builtins.min", "builtins.max"):
                    return len(arguments) > 1 and all(self._is_kept(node, each, asked) for each in arguments)
                called = self._find_function(function)
                known_one = called is not None and called in self.pending
                return resolved == "builtins.sum" or known_one or (called is not None and self.returns_kept(called))
            case _:
                return False

    def _is_local_kept(self, node: ast.FunctionDef, name: ast.Name, asked: tuple[str, ...]) -> bool:
        """Return whether all that a local is bound to is immutable."""
        owner = self.facts.lookup(name)
        if owner is None or owner.node is not node:
            return False
        asked = (*asked, name.id)
        for reference in self.facts.references(name.id, owner):
            if isinstance(reference.ctx, ast.Load):
                continue
            above = self.facts.parent(reference)
            match self.facts.parent(above) if isinstance(above, ast.Tuple) else above:
                case ast.Assign(targets=[ast.Name()], value=value) | ast.AugAssign(value=value):
                    pass
                case ast.AnnAssign(value=ast.expr() as value) | ast.NamedExpr(value=value):
                    pass
                case ast.For(iter=iterable):
                    if self._yields_kept(node, iterable, asked):
                        continue
                    return False
                case _:
                    return False
            if not self._is_kept(node, value, asked):
                return False
        return True

    def _yields_kept(self, node: ast.FunctionDef, iterable: ast.expr, asked: tuple[str, ...]) -> bool:
        """Return whether a loop over it goes over immutable values."""
        match iterable:
            case ast.Call(func=ast.Attribute(attr="split" | "rsplit" | "splitlines")):
                return True
            case ast.Call(func=function, args=arguments):
                name = self.context.resolve(function)
                if name in ("builtins.enumerate", "builtins.zip", "builtins.reversed", "builtins.sorted"):
                    return all(self._yields_kept(node, each, asked) for each in arguments)
        return self._is_kept(node, iterable, asked)


def _may_be_keys(context: Context, node: ast.FunctionDef) -> bool:
    """Return whether neither the function nor a call of it in the file shows that an argument is not hashable.

    What is iterated over, measured, indexed or unpacked is usually a list, unless it is asked what only texts know.
    """
    names = {*_list_parameters(node)}
    for assignment in context.nodes(ast.Assign):
        if isinstance(assignment.value, ast.Name) and assignment.value.id in names:
            names.update(target.id for target in assignment.targets if isinstance(target, ast.Name))
    values: list[ast.expr] = [name for name in context.nodes(ast.Name) if name.id in names]
    texts = {value.id for value in values if isinstance(value, ast.Name) and _is_asked_as_text(context, value)}
    for value in values:
        types = context.type_of(value)
        known_one = (types and types <= _HASHABLE) or (isinstance(value, ast.Name) and value.id in texts)
        if (_is_container(context, value) and not known_one) or _is_converted(context, value):
            return False
    for reference in context.facts.references(node.name, context.facts.module):
        call = context.facts.parent(reference)
        if isinstance(call, ast.Call) and call.func is reference:
            values += (*call.args, *(keyword.value for keyword in call.keywords))
    return all(may_be_hashable(context, value) and not _is_foreign(context, value) for value in values)


def _is_foreign(context: Context, value: ast.expr) -> bool:
    """Return whether a value is a table of another module, which may be a list."""
    binding = context.facts.only_binding(value) if isinstance(value, ast.Name) and value.id.isupper() else None
    return binding is not None and binding.kind is BindingKind.IMPORT


def _is_container(context: Context, value: ast.expr) -> bool:
    """Return whether a value is used for what it contains."""
    if context.use(value) in (Use.ITERATE, Use.TEST):
        return True
    match context.facts.parent(value):
        case ast.Starred():
            return True
        case ast.Subscript(value=indexed):
            return indexed is value
        case ast.Assign(targets=targets):
            return any(isinstance(target, ast.Tuple | ast.List) for target in targets)
        case ast.Call(func=function, args=arguments):
            name = context.resolve(function)
            return name in _OVER_CONTAINERS or (name in _OVER_ONE_OR_MANY and len(arguments) == 1)
        case _:
            return False


def _is_converted(context: Context, value: ast.expr) -> bool:
    """Return whether bytes are made of a value: it may be a bytearray, whatever its annotation says."""
    call = context.facts.parent(value)
    return isinstance(call, ast.Call) and context.resolve(call.func) == "builtins.bytes"


def _is_asked_as_text(context: Context, value: ast.expr) -> bool:
    """Return whether a method that only texts and bytes have is called of a value, or of a slice, or is given it."""
    part = value
    match context.facts.parent(value):
        case ast.Subscript(value=cut, slice=ast.Slice()) as above if cut is value:
            part = above
    match context.facts.parent(part):
        case ast.Attribute(attr=method):
            return method in _OF_TEXTS
        case ast.Call(func=ast.Attribute(attr=method) as called) if called is not part:
            return method in _GIVEN_TEXTS
        case _:
            return False


def _list_parameters(node: ast.FunctionDef) -> frozenset[str]:
    spec = node.args
    return frozenset(each.arg for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs))


CASES = (
    Case(
        name="a sum over divisors, by way of another function",
        before="""
import math

LIMIT = 100

def divides(a, b):
    return a % b == 0

def score(n, base=2):
    total = 0
    for i in range(1, n + 1):
        if divides(n, i):
            total += math.isqrt(i) * base
    return min(total, LIMIT)

def run(numbers):
    return list(map(score, numbers))
""",
        after="""
import math
import functools

LIMIT = 100

def divides(a, b):
    return a % b == 0

@functools.cache
def score(n, base=2):
    total = 0
    for i in range(1, n + 1):
        if divides(n, i):
            total += math.isqrt(i) * base
    return min(total, LIMIT)

def run(numbers):
    return list(map(score, numbers))
""",
        call="run",
        inputs=("([1, 5, 12, 5],)", "([],)", "(['a'],)"),
        hot=True,
    ),
    Case(
        name="a text from a text",
        before="""
def slug(text):
    words = []
    for word in text.lower().split():
        words.append(word.strip("."))
    return "-".join(words)
""",
        after="""
import functools

@functools.cache
def slug(text):
    words = []
    for word in text.lower().split():
        words.append(word.strip("."))
    return "-".join(words)
""",
        call="slug",
        inputs=("('A b. c',)", "('',)"),
        hot=True,
    ),
    Case(
        name="a search in a table of the module",
        before="""
WIDE = [(1, 2), (50, 90)]

def search(n, table):
    low, high = 0, len(table) - 1
    while low <= high:
        middle = (low + high) // 2
        if n > table[middle][1]:
            low = middle + 1
        elif n < table[middle][0]:
            high = middle - 1
        else:
            return 1
    return 0

def width(sign):
    \"\"\"The columns that a character takes.\"\"\"
    n = int(ord(sign))
    return 1 + search(n, WIDE)

def run(text):
    return [width(sign) for sign in text]
""",
        after="""
import functools

WIDE = [(1, 2), (50, 90)]

def search(n, table):
    low, high = 0, len(table) - 1
    while low <= high:
        middle = (low + high) // 2
        if n > table[middle][1]:
            low = middle + 1
        elif n < table[middle][0]:
            high = middle - 1
        else:
            return 1
    return 0

@functools.cache
def width(sign):
    \"\"\"The columns that a character takes.\"\"\"
    n = int(ord(sign))
    return 1 + search(n, WIDE)

def run(text):
    return [width(sign) for sign in text]
""",
        call="run",
        inputs=("('aAa',)", "('',)"),
        hot=True,
    ),
    Case(
        name="texts that are measured and cut",
        before="""
def overlap(text, end):
    size = len(end)
    while size and not text.endswith(end[:size]):
        size -= 1
    return size
""",
        after="""
import functools

@functools.cache
def overlap(text, end):
    size = len(end)
    while size and not text.endswith(end[:size]):
        size -= 1
    return size
""",
        call="overlap",
        inputs=("('abc', 'cd')", "('', '')"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("it is called with a table of another module, maybe a list",
           "from tables import WIDE\ndef find(n, table):\n    for a, b in table:\n        if a <= n <= b:\n"
           "            return 1\n    return 0\n\nA = find(1, WIDE)\n"),
    Refuse("a table that another function fills",
           "A = {'a': 1}\ndef put(k, v):\n    A[k] = v\ndef f(n):\n    t = 0\n    for i in range(n):\n"
           "        t += A.get(i, 0)\n    return t\n"),
    Refuse("a list that callers could change",
           "def f(s):\n    out = []\n    for x in s.split():\n        out.append(x)\n    return out\n"),
    Refuse("its argument is a mapping, which is not hashable",
           "def f(head):\n    return '; '.join(f'{k} {v}' for k, v in head.items())\n"),
    Refuse("it is called with a list",
           "A = ['a', 'b']\ndef f(words):\n    return '|'.join(map(str, words)).lower().strip()\n\nB = f(A)\n"),
    Refuse("its argument is gone through, as lists are",
           "def f(n, ranges):\n    return any(low <= n <= high for low, high in ranges)\n"),
    Refuse("its argument is measured, as sets are", "def f(a, b):\n    return len(a & b) / max(len(a), len(b))\n"),
    Refuse("its arguments are gone through together",
           "def f(a, b):\n    return sum(abs(x - y) for x, y in zip(a, b))\n"),
    Refuse("its argument is taken apart",
           "def f(parts):\n    names, known = parts\n    return all(name in known for name in names)\n"),
    Refuse("its argument has items", "def f(row):\n    return max(int(row['a']), int(row['b']), abs(row['c']))\n"),
    Refuse("its argument is a node of a list of lists, as its second name is used",
           "def f(first):\n    n = 1\n    node = first\n    while node[1] is not first:\n"
           "        node = node[1]\n        n += 1\n    return n\n"),
    Refuse("its argument may be a bytearray, as it is converted",
           "def f(s: str | bytes, encoding: str):\n    if isinstance(s, str):\n"
           "        return s.encode(encoding, 'strict')\n    return bytes(s)\n"),
    Refuse("its argument has texts in it",
           "def f(row):\n    return row[0].strip().lower() + row[1].strip().lower()\n"),
    Refuse("its argument is a list",
           "def f(xs: list[int]):\n    t = 0\n    for x in xs:\n        t += x\n    return t\n"),
    Refuse("changes its argument", "def f(xs):\n    for x in range(3):\n        xs.append(x)\n    return 1\n"),
    Refuse("reads what changes",
           "A = []\ndef f(n):\n    t = 0\n    for i in range(n):\n        t += len(A)\n    return t\n"),
    Refuse("prints", "def f(n):\n    for i in range(n):\n        print(i)\n    return n\n"),
    Refuse("random",
           "import random\ndef f(n):\n    t = 0\n    for i in range(n):\n        t += random.random()\n    return t\n"),
    Refuse("the time",
           "import time\ndef f(n):\n    t = 0\n    for i in range(n):\n        t += time.time()\n    return t\n"),
    Refuse("counts its calls",
           "n = 0\ndef f(x):\n    global n\n    for i in range(x):\n        n += 1\n    return n\n"),
    Refuse("a file", "def f(path):\n    for line in open(path):\n        return len(line)\n    return 0\n"),
    Refuse("hardly anything to compute", "def f(x):\n    return x * 2 + 1\n"),
    Refuse("a method",
           "class C:\n    def f(self, n):\n        t = 0\n        for i in range(n):\n            t += i\n"
           "        return t\n"),
    Refuse("cached",
           "from functools import cache\n@cache\ndef f(n):\n    t = 0\n    for i in range(n):\n        t += i\n"
           "    return t\n"),
)  # fmt: skip

BENCH = None
