"""NumPy arrays: which names are known to be one, and element-wise code rewritten for whole arrays."""

from __future__ import annotations

import ast
import copy

from whet.engine.context import Context
from whet.engine.scopes import BindingKind
from whet.model.finding import Ask, Question

_ARRAY = ("numpy.ndarray",)
ARRAY_MAKERS = frozenset(
    f"numpy.{name}"
    for name in (
        *("arange", "array", "asarray", "empty", "empty_like", "full", "full_like", "linspace", "loadtxt", "ones"),
        *("ones_like", "zeros", "zeros_like", "cumsum", "sqrt", "exp", "log", "sort", "frombuffer", "fromfile"),
    )
)
"""Functions that make a new array."""
_UFUNCS = {
    "builtins.abs": "abs",
    **{f"math.{n}": n for n in ("sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "floor", "ceil")},
    **{f"numpy.{n}": n for n in ("sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "abs", "floor", "ceil")},
}
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)


def array_state(context: Context, node: ast.expr) -> str:
    """Return whether ``node`` is an array: ``yes`` by the source, ``ask`` if only values can show it, else ``no``."""
    place = context.place(node)
    if place is None:
        return "no"
    states = set()
    for binding in place.bindings:
        if isinstance(binding.value, ast.Call) and context.resolve(binding.value.func) in ARRAY_MAKERS:
            states.add("yes")
        elif binding.annotation is not None:
            kind = binding.annotation.value if isinstance(binding.annotation, ast.Subscript) else binding.annotation
            states.add("yes" if context.resolve(kind) in ("numpy.ndarray", "numpy.typing.NDArray") else "no")
        elif binding.kind is BindingKind.PARAMETER:
            states.add("ask")
        elif binding.kind is not BindingKind.AUGMENTED:
            states.add("no")
    if not states or "no" in states:
        return "no"
    return "ask" if "ask" in states else "yes"


class Whole(ast.NodeTransformer):
    """Rewrites code for one element as code for whole arrays; ``failed`` if that is not possible."""

    def __init__(self, context: Context, loop: ast.AST) -> None:
        self.context = context
        self.arrays: dict[str, ast.expr] = {}
        self.index = self.start = self.stop = ""
        self.written = context.written_in(loop)
        self.used: dict[str, ast.expr] = {}
        """The arrays found, by their source text."""
        self.failed = False

    @classmethod
    def over(cls, context: Context, loop: ast.AST, variable: str, array: ast.expr) -> Whole:
        """Return the rewriter for a loop over the elements of ``array``."""
        whole = cls(context, loop)
        whole.arrays[variable] = array
        return whole

    @classmethod
    def by_index(cls, context: Context, loop: ast.AST, variable: str, stop: ast.expr, start: str = "") -> Whole:
        """Return the rewriter for a loop over an index from ``start`` (empty: 0) to before ``stop``."""
        whole = cls(context, loop)
        whole.index, whole.start, whole.stop = variable, start, ast.unparse(stop)
        return whole

    def part_of(self, array: str) -> str:
        """Return the source of the part of ``array`` that the loop covers."""
        stop = "" if self.stop == f"len({array})" else self.stop
        return f"{array}[{self.start}:{stop}]" if self.start or stop else array

    def visit(self, node: ast.expr) -> ast.expr:  # type: ignore[override]  # noqa: PLR0911
        """Return the expression for an element, rewritten for whole arrays."""
        match node:
            case ast.Constant(value=value) if type(value) in (int, float):
                return node
            case ast.Name(id=name) if name in self.arrays:
                self.used.setdefault(ast.unparse(self.arrays[name]), self.arrays[name])
                return copy.deepcopy(self.arrays[name])
            case ast.Name(id=name) if name not in self.written and name != self.index:
                return node
            case ast.Subscript(value=ast.Name() as array, slice=ast.Name(id=name)) if self.index and name == self.index:
                self.used.setdefault(array.id, array)
                return _parse(self.part_of(array.id))
            case ast.BinOp(op=op) if isinstance(op, _OPERATORS):
                return ast.BinOp(self.visit(node.left), op, self.visit(node.right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return ast.UnaryOp(node.op, self.visit(operand))
            case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()], comparators=[right]):
                return ast.Compare(self.visit(left), node.ops, [self.visit(right)])
            case ast.IfExp(test=ast.Compare() as test, body=body, orelse=orelse):
                return self._call("where", self.visit(test), self.visit(body), self.visit(orelse))
            case ast.Call(func=function, args=[argument], keywords=[]) if self.context.resolve(function) in _UFUNCS:
                return self._call(_UFUNCS[self.context.resolve(function) or ""], self.visit(argument))
            case _:
                self.failed = True
                return node

    def _call(self, name: str, *arguments: ast.expr) -> ast.Call:
        return ast.Call(ast.Attribute(ast.Name("np", ast.Load()), name, ast.Load()), list(arguments), [])

    def text_of(self, node: ast.expr, numpy: str) -> str:
        """Return the source of ``node`` for all elements; ``numpy`` is the module's name in the source."""
        made = self.visit(node)
        for part in ast.walk(made):
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "np":
                part.value = ast.Name(numpy, ast.Load())
        return ast.unparse(ast.fix_missing_locations(made))


def _parse(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def range_stop(context: Context, node: ast.expr) -> ast.expr | None:
    """Return where a ``range`` that starts at 0 stops; ``None`` for anything else."""
    match node:
        case ast.Call(func=function, args=[stop], keywords=[]) if context.resolve(function) == "builtins.range":
            return stop
        case ast.Call(func=function, args=[ast.Constant(value=0), stop], keywords=[]) if (
            context.resolve(function) == "builtins.range"
        ):
            return stop
        case _:
            return None


_SMALL = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32)) | {"bool", "bool_", "float16"}
_SHAPED = frozenset(f"numpy.{name}" for name in ("empty", "full", "ones", "zeros"))


def find_oddity(context: Context, node: ast.expr) -> str:
    """Return why an array is no series of plain numbers, if the source shows it: rows, or numbers that wrap around."""
    place = context.place(node)
    for binding in place.bindings if place is not None else ():
        match binding.value:
            case ast.Call(func=function, args=arguments, keywords=keywords):
                pass
            case _:
                continue
        options = {keyword.arg: keyword.value for keyword in keywords}
        shape = options.get("shape", arguments[0] if arguments else None)
        if context.resolve(function) in _SHAPED and isinstance(shape, ast.Tuple | ast.List) and len(shape.elts) != 1:
            return "it has several dimensions"
        if isinstance(shape, ast.List | ast.Tuple) and any(isinstance(e, ast.List | ast.Tuple) for e in shape.elts):
            return "it has several dimensions"
        if any(_is_small(dtype) for dtype in (*arguments[1:], options.get("dtype"))):
            return "its numbers are small and wrap around"
    return ""


def _is_small(dtype: ast.expr | None) -> bool:
    match dtype:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name in _SMALL
        case _:
            return False


def ask_arrays(context: Context, used: dict[str, ast.expr]) -> tuple[Question, ...] | None:
    """Return what to ask about names that may be arrays of numbers; ``None`` if one of them is none, or odd."""
    questions: list[Question] = []
    for node in used.values():
        place, state = context.place(node), array_state(context, node)
        if place is None or state == "no" or find_oddity(context, node):
            return None
        if state == "ask":
            questions.append(context.ask(place, Ask.TYPES, expects=_ARRAY, needed=True))
    return tuple(questions)
