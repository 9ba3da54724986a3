"""Collect the pieces of a long text and join them once.

## What
A text that grows piece by piece where Python copies the whole of it for each piece: `self.text += piece`, growth of
a module-level or `nonlocal` name, `text = f"{text}{piece}"`, pieces put in front (`text = piece + text`), and
`text = text + a + b`. Append the pieces to a list and `"".join` it once, at the end of the loop or when it is read.

## Why
A text cannot change, so each step makes a new one and copies what is there already: the work grows with the square
of the length. CPython spares the copy in one form only, `text += piece` on a local of the function that nothing else
refers to. That form is linear, and is mentioned only where a measurement shows it hot.

## When not
A few pieces outside a loop: there `+` is faster than a list and a join. A text that is read, compared or yielded
while it grows needs its value at each step, so the pieces cannot wait. Growth of `bytes` has the same cost and
another remedy (`bytearray`).

When the loop ends by an exception, or returns early, the joined text must be made there too.

A public attribute that grows over many calls becomes a property: whoever reads it gets the joined text. It is no entry
of `vars(…)` and of pickles any more, and a subclass or a mock that sets it on the class hides the pieces.

## Source
The Python FAQ, "What is the most efficient way to concatenate many strings together?". That attributes, globals and
f-strings miss CPython's shortcut is measured with `BENCH`, as are the figures in `RULE`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from whet.engine.api import (
    Ask,
    Bench,
    BindingKind,
    Case,
    Context,
    Finding,
    Place,
    PlaceKind,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="str-concat",
    title="A text is copied for each piece that it grows by",
    family="text",
    safety=Safety.OBSERVED,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Add, ast.JoinedStr})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH}),
    figures={
        "3.11": {1000: 2.5, 10000: 5.5, 100000: 61.0, 300000: 180.0},
        "3.12": {1000: 2.4, 10000: 6.0, 100000: 55.0, 300000: 160.0},
        "3.13": {1000: 2.4, 10000: 6.0, 100000: 53.0, 300000: 140.0},
        "3.14": {1000: 2.5, 10000: 6.1, 100000: 53.0, 300000: 170.0},
    },
)

_SHORT = 1000
"""Characters below which the whole growth takes microseconds, whatever way it is done."""

_Growth = ast.Assign | ast.AugAssign
_Loop = ast.For | ast.AsyncFor | ast.While


@dataclass(slots=True)
class _Accumulator:
    """A place and the statements of this function that make it longer; ``copying`` are those that copy it."""

    place: Place
    steps: list[_Growth] = field(default_factory=list)
    pieces: list[ast.expr] = field(default_factory=list)
    copying: str = ""
    """How the first copying step does it, in words; empty for the linear form."""
    first: _Growth | None = None
    """The first copying step."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield one finding for each text that the function grows."""
    if context.is_dynamic:
        return
    grown: dict[str, _Accumulator] = {}
    statements: list[_Growth] = [*context.nodes(ast.AugAssign), *context.nodes(ast.Assign)]
    for statement in sorted(statements, key=lambda node: (node.lineno, node.col_offset)):
        _note_growth(context, statement, grown)
    for accumulator in grown.values():
        if not _grows_again_and_again(context, accumulator) or not _is_text_place(context, accumulator):
            continue
        if _is_read_meanwhile(context, accumulator):
            continue
        if accumulator.copying or context.measured:
            yield _describe(context, accumulator)


def _note_growth(context: Context, statement: _Growth, grown: dict[str, _Accumulator]) -> None:
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    if isinstance(statement, ast.Assign) and len(statement.targets) > 1:
        return
    step = _read_step(statement, target)
    place = context.place(target) if step is not None else None
    if step is None or place is None:
        return
    how, pieces = step
    local = place.kind in (PlaceKind.LOCAL, PlaceKind.PARAMETER)
    accumulator = grown.setdefault(place.name, _Accumulator(place))
    accumulator.steps.append(statement)
    accumulator.pieces.extend(pieces)
    how = how or ("" if local else _WHERE[place.kind])
    if how and accumulator.first is None:
        accumulator.copying, accumulator.first = how, statement


_WHERE = {
    PlaceKind.ATTRIBUTE: "it is an attribute, not a local",
    PlaceKind.GLOBAL: "it is a global, not a local",
    PlaceKind.ENCLOSING: "it is shared with another function",
}


def _read_step(statement: _Growth, target: ast.expr) -> tuple[str, list[ast.expr]] | None:
    """Return how a statement makes ``target`` longer (empty: in place, were it a local) and the pieces added."""
    how, value = "", statement.value
    if isinstance(statement, ast.AugAssign):
        others = [value] if isinstance(statement.op, ast.Add) else []
    elif isinstance(value, ast.JoinedStr):
        others = [part for part in value.values if not _is_plain_field(part, target)]
        others = others if len(others) == len(value.values) - 1 else []
        how = "an f-string makes a new text"
    else:
        operands = _flatten(value)
        others = [operand for operand in operands if not _same(operand, target)]
        others = others if len(others) == len(operands) - 1 else []
        how = "two pieces are added one after the other" if len(others) > 1 else ""
        how = how if not operands or _same(operands[0], target) else "the piece is put in front"
    # A piece that is made from the text needs it at each step.
    needs_text = any(isinstance(node, ast.expr) and _same(node, target) for piece in others for node in ast.walk(piece))
    return (how, others) if others and not needs_text else None


def _flatten(value: ast.expr) -> list[ast.expr]:
    """Return the operands of ``a + b + c`` in order; what stands in parentheses on the right stays one operand."""
    operands: list[ast.expr] = []
    while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        operands.append(value.right)
        value = value.left
    return [value, *reversed(operands)] if operands else []


def _is_plain_field(part: ast.expr, target: ast.expr) -> bool:
    if not isinstance(part, ast.FormattedValue) or part.format_spec is not None:
        return False
    return part.conversion in (-1, ord("s")) and _same(part.value, target)


def _same(a: ast.expr, b: ast.expr) -> bool:
    match a, b:
        case (ast.Name(id=first), ast.Name(id=second)):
            return first == second
        case (ast.Attribute(value=ast.Name(id=x), attr=first), ast.Attribute(value=ast.Name(id=y), attr=second)):
            return x == y and first == second
        case _:
            return False


def _grows_again_and_again(context: Context, accumulator: _Accumulator) -> bool:
    """Tell whether the text grows in a loop that does not start it anew, or over the calls of a hot function."""
    place = accumulator.place
    starts = [
        binding.node
        for binding in place.bindings
        if binding.node not in accumulator.steps and binding.node in context.function.nodes.get(type(binding.node), ())
    ]
    starting = [loop for start in starts for loop in context.loops(start)]
    if any(loop not in starting for step in accumulator.steps for loop in context.loops(step)):
        return True
    lasting = place.kind not in (PlaceKind.LOCAL, PlaceKind.PARAMETER)
    return lasting and not starts and context.measured and context.function.kind is not ScopeKind.MODULE


def _is_text_place(context: Context, accumulator: _Accumulator) -> bool:
    """Tell whether the source says that this is a text: all that it starts as, or a piece that only a text can take."""
    started = False
    for binding in accumulator.place.bindings:
        match binding.kind, binding.node:
            case BindingKind.AUGMENTED, ast.AugAssign(op=ast.Add()):
                continue
            case BindingKind.PARAMETER | BindingKind.DECLARED, _:
                continue
            case BindingKind.VALUE, _ if binding.value is not None:
                pass
            case _:
                return False
        if isinstance(binding.node, ast.Assign) and _read_step(binding.node, binding.node.targets[0]) is not None:
            continue
        if not _is_text(context, binding.value):
            return False
        started = True
    return started or any(_is_text(context, piece) for piece in accumulator.pieces)


def _is_text(context: Context, node: ast.expr) -> bool:  # noqa: PLR0911 - one return a kind of node
    match node:
        case ast.JoinedStr():
            return True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _is_text(context, left) or _is_text(context, right)
        case ast.BinOp(left=left, op=ast.Mod() | ast.Mult()):
            return _is_text(context, left)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_text(context, body) and _is_text(context, orelse)
        case ast.Call(func=ast.Attribute(value=base, attr=name)):
            return name in _TEXT_METHODS and _is_text(context, base)
        case ast.Call(func=ast.Name() as function):
            return context.resolve(function) in _TEXT_BUILTINS
        case _:
            return isinstance(context.constant(node), str)


_TEXT_METHODS = frozenset({"join", "format", "replace", "strip", "lstrip", "rstrip", "lower", "upper", "title",
                           "ljust", "rjust", "center", "zfill"})  # fmt: skip
_TEXT_BUILTINS = frozenset(f"builtins.{name}" for name in ("str", "repr", "ascii", "chr", "hex", "format"))


def _is_read_meanwhile(context: Context, accumulator: _Accumulator) -> bool:
    """Tell whether the function needs the text's value between two steps, so that the pieces cannot wait."""
    growing = {id(loop) for step in accumulator.steps for loop in context.loops(step)}
    own = {id(node) for step in accumulator.steps for node in ast.walk(step)}
    for reference in accumulator.place.references:
        if id(reference) in own or not isinstance(getattr(reference, "ctx", None), ast.Load):
            continue
        statement = context.facts.statement(reference)
        if statement is None or statement not in context.function.nodes.get(type(statement), ()):
            continue
        if not growing or any(id(loop) in growing for loop in context.loops(reference)):
            return True
    return False


def _describe(context: Context, accumulator: _Accumulator) -> Finding:
    place, steps = accumulator.place, accumulator.steps
    lines = tuple(sorted({n for step in steps for n in range(step.lineno, (step.end_lineno or step.lineno) + 1)}))
    questions = (
        context.ask(place, Ask.TYPES, expects=("builtins.str",)),
        context.ask(place, Ask.LENGTH, at_least=_SHORT),
    )
    if not accumulator.copying:
        return context.finding(
            steps[0],
            f"{place.name} grows in place here, which CPython does without copying; collecting the pieces and joining "
            "them once can still be somewhat faster, and does not depend on that shortcut.",
            title="A long text grows piece by piece",
            lines=lines,
            safety=Safety.ADVICE,
            speed=Speed.CONSTANT,
            questions=questions,
            measured_gain=False,
        )
    order = ", in reverse order," if accumulator.copying.endswith("in front") else ""
    in_loop = _growing_loop(context, accumulator, steps[0]) is not None
    public = not in_loop and place.kind is PlaceKind.ATTRIBUTE and not _is_private(place)
    note = f" {place.name} becomes a property that joins them; it is no entry of vars() any more." if public else ""
    return context.finding(
        accumulator.first or steps[0],
        f"Each step copies all of {place.name} ({accumulator.copying}): append the pieces to a list and "
        f'"".join it{order} once, when the text is needed.{note}',
        lines=lines,
        questions=questions,
        safety=Safety.OBSERVED if in_loop else Safety.OFFER,
        rewrite=_rewrite(context, accumulator),
    )


def _rewrite(context: Context, accumulator: _Accumulator) -> Rewrite:
    """Return the edits: the pieces are collected in each growing loop, or over the calls in the attribute itself."""
    rewrite = context.rewrite()
    loops: dict[_Loop, list[_Growth]] = {}
    for step in accumulator.steps:
        loop = _growing_loop(context, accumulator, step)
        if loop is not None:
            loops.setdefault(loop, []).append(step)
    for loop, steps in loops.items():
        _collect_in_loop(context, accumulator.place, loop, steps, rewrite)
    if not loops and accumulator.place.kind is PlaceKind.ATTRIBUTE:
        collect = _collect_in_attribute if _is_private(accumulator.place) else _collect_behind_property
        collect(context, accumulator.place, rewrite)
    return rewrite


def _is_private(place: Place) -> bool:
    return place.name.rpartition(".")[2].startswith("_")


def _growing_loop(context: Context, accumulator: _Accumulator, step: _Growth) -> _Loop | None:
    """Return the outermost loop that repeats a step and does not start the text anew."""
    starts = [binding.node for binding in accumulator.place.bindings if binding.node not in accumulator.steps]
    starting = [loop for start in starts for loop in context.loops(start)]
    growing = [loop for loop in context.loops(step) if loop not in starting]
    return growing[-1] if growing and isinstance(growing[-1], _Loop) else None


def _collect_in_loop(context: Context, place: Place, loop: _Loop, steps: list[_Growth], rewrite: Rewrite) -> None:
    target = steps[0].target if isinstance(steps[0], ast.AugAssign) else steps[0].targets[0]
    obstacle = _find_obstacle(context, place, loop)
    if obstacle:
        rewrite.refuse(obstacle)
        return
    parts = rewrite.fresh(f"{place.name.rpartition('.')[2].strip('_')}_parts")
    ends = set()
    for step in steps:
        in_front, piece = _piece(context, step, rewrite)
        ends.add(in_front)
        rewrite.replace(step, f"{parts}.append({piece})")
    if len(ends) > 1:
        rewrite.refuse("it grows at both ends")
    text = rewrite.text(target)
    start = _start_before(context, place, loop)
    if start is not None:
        rewrite.replace(start, f"{parts} = []")
    else:
        rewrite.insert_before(loop, f"{parts} = [{text}]")
    collected = f"reversed({parts})" if True in ends else parts
    if True in ends and not context.has_builtin("reversed"):
        rewrite.refuse("`reversed` means something else in this file")
    joined = f'{text} = "".join({collected})'
    if _is_seen_after_exception(context, place, loop):
        rewrite.enclose(loop, "try:", f"finally:\n    {joined}")
    else:
        rewrite.insert_after(loop, joined)


def _find_obstacle(context: Context, place: Place, loop: _Loop) -> str:  # noqa: PLR0911 - one return an obstacle
    """Return why the pieces cannot wait for the end of ``loop``; empty when they can."""
    inside = list(ast.walk(loop))
    if any(reference in list(ast.walk(branch)) for branch in loop.orelse for reference in place.references):
        return "the else of the loop uses the text"
    if any(isinstance(node, ast.Yield | ast.YieldFrom) and _holds(context, place, node) for node in inside):
        return "a step yields"
    if not _is_surely_bound(context, place, loop):
        return "it may have no value before the loop"
    if place.kind in (PlaceKind.LOCAL, PlaceKind.PARAMETER):
        return ""
    own = context.function
    seen_elsewhere = any(context.scope_of(reference) is not own for reference in place.references)
    if not seen_elsewhere and place.kind is not PlaceKind.ATTRIBUTE:
        return ""
    if any(isinstance(node, ast.Yield | ast.YieldFrom | ast.Await | ast.AsyncFor | ast.AsyncWith) for node in inside):
        return "the loop lets other code run, which may use the text"
    calls = [node for node in inside if isinstance(node, ast.Call)]
    if any(_may_reach(context, call, place) for call in calls):
        return "what is called in the loop may use the text"
    return ""


def _is_surely_bound(context: Context, place: Place, loop: _Loop) -> bool:
    """Tell whether the text has a value wherever ``loop`` starts, so that it can be looked at before the first step."""
    around: set[ast.AST] = {loop}
    here = context.facts.parent(loop)
    while here is not None:
        around.add(here)
        here = context.facts.parent(here)
    for binding in place.bindings:
        node = binding.node
        if binding.kind is BindingKind.PARAMETER:
            return True
        if binding.value is None or not isinstance(node, ast.stmt):
            continue
        block = context.facts.block(node)
        if any(statement in around for statement in block) and node.lineno < loop.lineno:
            return True
        home = context.facts.parent(node)
        outer = home is place.owner.node or (isinstance(home, ast.FunctionDef) and home.name == "__init__")
        if outer and place.kind is not PlaceKind.LOCAL:
            return True
    return False


def _holds(context: Context, place: Place, node: ast.AST) -> bool:
    """Tell whether ``node`` is part of a statement that uses the place."""
    statement = context.facts.statement(node)
    return statement is not None and any(context.facts.statement(r) is statement for r in place.references)


def _may_reach(context: Context, call: ast.Call, place: Place) -> bool:
    """Tell whether a call may run code of this file that uses the place."""
    owner = place.name.partition(".")[0] if place.kind is PlaceKind.ATTRIBUTE else ""
    handed = (*call.args, *(keyword.value for keyword in call.keywords))
    if owner and any(isinstance(value, ast.Name) and value.id == owner for value in handed):
        return True
    function = call.func
    if isinstance(function, ast.Name):
        return context.resolve(function) is None
    while isinstance(function, ast.Attribute | ast.Subscript | ast.Call):
        function = function.func if isinstance(function, ast.Call) else function.value
    return bool(owner) and isinstance(function, ast.Name) and function.id == owner


def _is_seen_after_exception(context: Context, place: Place, loop: _Loop) -> bool:
    """Tell whether somebody can look at a half-built text when the loop ends early."""
    if place.kind not in (PlaceKind.LOCAL, PlaceKind.PARAMETER) and context.function.kind is not ScopeKind.MODULE:
        return True
    here: ast.AST | None = context.facts.parent(loop)
    while here is not None and here is not context.function.node:
        if isinstance(here, ast.Try | ast.TryStar | ast.With | ast.AsyncWith):
            return True
        here = context.facts.parent(here)
    return False


def _start_before(context: Context, place: Place, loop: _Loop) -> ast.stmt | None:
    """Return the statement that makes a local the empty text, where it is the last one before ``loop``."""
    if place.kind is not PlaceKind.LOCAL:
        return None
    before = context.previous(loop)
    match before:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value="")) if name == place.name:
            return before
        case _:
            return None


def _piece(context: Context, step: _Growth, rewrite: Rewrite) -> tuple[bool, str]:
    """Return whether a step puts its piece in front, and the source of the piece."""
    value = step.value
    if isinstance(value, ast.Yield | ast.YieldFrom):
        rewrite.refuse("a step yields")
    if isinstance(step, ast.AugAssign):
        return False, rewrite.text(value)
    target = step.targets[0]
    if isinstance(value, ast.JoinedStr):
        text, name = rewrite.text(value), re.escape(context.source_of(target))
        field = rf"\{{\s*{name}\s*(?:!s)?\s*\}}"
        start = re.match(rf"([a-zA-Z]+)(\"\"\"|\'\'\'|\"|\'){field}", text)
        if start is not None:
            return False, f"{start[1]}{start[2]}{text[start.end() :]}"
        end = re.search(rf"{field}(\"\"\"|\'\'\'|\"|\')$", text)
        if end is None:
            rewrite.refuse("the text stands amid the pieces")
            return False, text
        return True, text[: end.start()] + end[1]
    operands = _flatten(value)
    others = [operand for operand in operands if not _same(operand, target)]
    in_front = _same(operands[-1], target)
    if not in_front and not _same(operands[0], target):
        rewrite.refuse("the text stands amid the pieces")
    if len(others) == 1:
        return in_front, rewrite.text(others[0])
    return in_front, " + ".join(rewrite.operand(other) for other in others)


def _collect_in_attribute(context: Context, place: Place, rewrite: Rewrite) -> None:
    """Let a private attribute hold the pieces: each step appends, whoever reads it joins."""
    done: list[ast.AST] = []
    for binding in place.bindings:
        node = binding.node
        target = node.target if isinstance(node, ast.AugAssign) else getattr(node, "targets", [None])[0]
        if isinstance(node, _Growth) and target is not None and _read_step(node, target) is not None:
            in_front, piece = _piece(context, node, rewrite)
            if in_front:
                rewrite.refuse("the pieces are put in front")
            rewrite.replace(node, f"{rewrite.text(target)}.append({piece})")
            done.append(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and len(node.targets) == 1:
            rewrite.replace(node.value, "[]" if node.value.value == "" else f"[{rewrite.text(node.value)}]")
            done.append(node)
        else:
            rewrite.refuse(f"{place.name} starts in an unusual way")
    for reference in (*place.references, *place.strangers):
        if context.facts.statement(reference) in done:
            continue
        if not isinstance(getattr(reference, "ctx", None), ast.Load) or context.facts.loops(reference):
            rewrite.refuse(f"{place.name} is read again and again, or changed elsewhere")
        rewrite.replace(reference, f'"".join({rewrite.text(reference)})')


def _collect_behind_property(context: Context, place: Place, rewrite: Rewrite) -> None:
    """Let a public attribute become a property: each step appends to a list, whoever reads it from anywhere joins."""
    name, start = place.name.rpartition(".")[2], _find_plain_init(place)
    if start is None:
        rewrite.refuse(f"{place.name} grows over many calls, and its class is too special to make it a property")
        return
    parts = rewrite.fresh(f"_{name}_parts", f"the pieces of {name}")
    for binding in place.bindings:
        node = binding.node
        target = node.target if isinstance(node, ast.AugAssign) else getattr(node, "targets", [None])[0]
        if not isinstance(node, _Growth) or not isinstance(target, ast.Attribute) or _read_step(node, target) is None:
            continue
        in_front, piece = _piece(context, node, rewrite)
        if in_front:
            rewrite.refuse("the pieces are put in front")
        rewrite.replace(node, f"{rewrite.text(target.value)}.{parts}.append({piece})")
    if any(isinstance(getattr(reference, "ctx", None), ast.Del) for reference in (*place.references, *place.strangers)):
        rewrite.refuse(f"{place.name} is deleted somewhere")
    rewrite.insert_after(start, _PROPERTY.format(name=name, parts=parts))


_SPECIAL = frozenset({"__slots__", "__getattr__", "__getattribute__", "__setattr__", "__getstate__", "__reduce__"})
_PROPERTY = """
@property
def {name}(self):
    self.{parts} = ["".join(self.{parts})]
    return self.{parts}[0]

@{name}.setter
def {name}(self, text):
    self.{parts} = [text]"""


def _find_plain_init(place: Place) -> ast.FunctionDef | None:
    """Return the ``__init__`` that starts an attribute, of a class that nothing else has a say in."""
    node, bound = place.owner.node, place.owner.bindings
    if not isinstance(node, ast.ClassDef) or node.bases or node.keywords or node.decorator_list:
        return None
    if place.name.rpartition(".")[2] in bound or not _SPECIAL.isdisjoint(bound):
        return None
    starts = [binding.node for binding in place.bindings if binding.kind is BindingKind.VALUE]
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__" and not each.decorator_list:
            return each if any(start in each.body for start in starts) else None
    return None


CASES = (
    Case(
        name="grown on an attribute",
        before="""
class Report:
    def __init__(self):
        self.text = ""

    def fill(self, rows):
        for row in rows:
            self.text += f"{row};"

def run(rows):
    report = Report()
    report.fill(rows)
    return report.text
""",
        after="""
class Report:
    def __init__(self):
        self.text = ""

    def fill(self, rows):
        text_parts = [self.text]
        try:
            for row in rows:
                text_parts.append(f"{row};")
        finally:
            self.text = "".join(text_parts)

def run(rows):
    report = Report()
    report.fill(rows)
    return report.text
""",
        call="run",
        inputs=("([],)", "([1, 'a', None],)", "(5,)"),
    ),
    Case(
        name="grown on an attribute, over the calls of a hot method",
        before="""
class Log:
    def __init__(self):
        self._out = ""

    def line(self, text):
        self._out = self._out + text + "\\n"

def run(lines):
    log = Log()
    for line in lines:
        log.line(line)
    return log._out
""",
        after="""
class Log:
    def __init__(self):
        self._out = []

    def line(self, text):
        self._out.append(text + "\\n")

def run(lines):
    log = Log()
    for line in lines:
        log.line(line)
    return "".join(log._out)
""",
        call="run",
        inputs=("([],)", "(['a', '', 'b'],)", "([1],)"),
        hot=True,
    ),
    Case(
        name="grown on a public attribute, over the calls of a hot method",
        before="""
class Log:
    def __init__(self):
        self.text = "log:"
        self.count = 0

    def line(self, text):
        self.count += 1
        self.text += f"{self.count} {text};"

    def clear(self):
        self.text = ""

def run(lines):
    log = Log()
    for line in lines:
        log.line(line)
        if line == "clear":
            log.clear()
    log.text += "end"
    return log.text, len(log.text), log.text
""",
        after="""
class Log:
    def __init__(self):
        self.text = "log:"
        self.count = 0

    @property
    def text(self):
        self._text_parts = ["".join(self._text_parts)]
        return self._text_parts[0]

    @text.setter
    def text(self, text):
        self._text_parts = [text]

    def line(self, text):
        self.count += 1
        self._text_parts.append(f"{self.count} {text};")

    def clear(self):
        self.text = ""

def run(lines):
    log = Log()
    for line in lines:
        log.line(line)
        if line == "clear":
            log.clear()
    log.text += "end"
    return log.text, len(log.text), log.text
""",
        call="run",
        inputs=("([],)", "(['a', '', 'b'],)", "(['a', 'clear', 'b'],)"),
        hot=True,
    ),
    Case(
        name="a global",
        before="""
text = ""
for word in ["a", "b", "c"] * 4:
    text += word

def run():
    return text
""",
        after="""
text = ""
text_parts = [text]
for word in ["a", "b", "c"] * 4:
    text_parts.append(word)
text = "".join(text_parts)

def run():
    return text
""",
        call="run",
        inputs=("()",),
    ),
    Case(
        name="nonlocal",
        before="""
def run(words):
    text = ""
    def add_all():
        nonlocal text
        for word in words:
            text += word + " "
    add_all()
    return text
""",
        after="""
def run(words):
    text = ""
    def add_all():
        nonlocal text
        text_parts = [text]
        try:
            for word in words:
                text_parts.append(word + " ")
        finally:
            text = "".join(text_parts)
    add_all()
    return text
""",
        call="run",
        inputs=("([],)", "(['a', 'b'],)", "([1],)"),
    ),
    Case(
        name="an f-string",
        before="""
def run(pairs):
    query = "?"
    for key, value in pairs:
        query = f"{query}{key}={value}&"
    return query
""",
        after="""
def run(pairs):
    query = "?"
    query_parts = [query]
    for key, value in pairs:
        query_parts.append(f"{key}={value}&")
    query = "".join(query_parts)
    return query
""",
        call="run",
        inputs=("([],)", "([('a', 1), ('b', None)],)", "([1],)"),
    ),
    Case(
        name="put in front",
        before="""
def run(digits):
    text = ""
    for digit in digits:
        text = str(digit) + text
    return text
""",
        after="""
def run(digits):
    text_parts = []
    for digit in digits:
        text_parts.append(str(digit))
    text = "".join(reversed(text_parts))
    return text
""",
        call="run",
        inputs=("([],)", "([1, 2, 3],)"),
    ),
    Case(
        name="two pieces",
        before="""
def run(words):
    text = ""
    for word in words:
        text = text + word + ","
    return text
""",
        after="""
def run(words):
    text_parts = []
    for word in words:
        text_parts.append(word + ",")
    text = "".join(text_parts)
    return text
""",
        call="run",
        inputs=("([],)", "(['a', 'b'],)", "([None],)"),
    ),
    Case(
        name="in front by an f-string, in a while loop that is left early, inside a try",
        before="""
def run(pairs):
    out = ""
    key = 0
    try:
        while pairs:
            key, value = pairs.pop()
            if key == "stop": break
            out = f'{key}:{value + 1}' f'{out}'  # newest first
        else:
            key = None
    except TypeError:
        key = len(out)
    return out, key
""",
        after="""
def run(pairs):
    out = ""
    key = 0
    try:
        out_parts = [out]
        try:
            while pairs:
                key, value = pairs.pop()
                if key == "stop": break
                out_parts.append(f'{key}:{value + 1}' f'')  # newest first
            else:
                key = None
        finally:
            out = "".join(reversed(out_parts))
    except TypeError:
        key = len(out)
    return out, key
""",
        call="run",
        inputs=("([('a', 1), ('b', 3)],)", "([('a', 1), ('stop', 1), ('b', 2)],)", "([('a', 1), 5, ('b', 2)],)"),
    ),
    Case(
        name="a local, hot: advice only",
        before="""
def run(words):
    text = ""
    for word in words:
        text += word
    return text
""",
        after="""
def run(words):
    return "".join(words)
""",
        call="run",
        inputs=("([],)", "(['a', 'b'],)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("a few pieces, no loop", "def f(a, b):\n    s = ''\n    s += a\n    s += b\n    return s\n"),
    Refuse("numbers",
           "class A:\n    def f(self, xs):\n        self.n = 0\n        for x in xs:\n"
           "            self.n += x\n"),
    Refuse("bytes belong to another rule",
           "class A:\n    def f(self, xs):\n        self.s = b''\n        for x in xs:\n"
           "            self.s += x\n"),
    Refuse("a list grows in place",
           "class A:\n    def f(self, xs):\n        self.s = []\n        for x in xs:\n"
           "            self.s += [x]\n"),
    Refuse("nothing says that it is a text",
           "class A:\n    def f(self, xs):\n        for x in xs:\n            self.total += x\n"),
    Refuse("started anew in each turn",
           "def f(rows):\n    for a, b in rows:\n        s = ''\n        s = s + a + b\n        yield s\n"),
    Refuse("read while it grows",
           "def f(xs):\n    s = ''\n    for x in xs:\n        s = s + x + ','\n        if len(s) > 80:\n"
           "            break\n    return s\n"),
    Refuse("yielded while it grows",
           "def f(xs):\n    s = ''\n    for x in xs:\n        s = f'{s}{x}'\n        yield s\n"),
    Refuse("an attribute read in the method that grows it",
           "class A:\n    def __init__(self):\n        self.s = ''\n    def f(self, x):\n"
           "        self.s += f'{x}'\n        return self.s\n"),
    Refuse("not growth: the format changes it",
           "def f(xs):\n    s = ''\n    for x in xs:\n        s = f'{s!r}{x}'\n    return s\n"),
    Refuse("not growth: it doubles",
           "def f(n):\n    s = 'a'\n    for _ in range(n):\n        s = s + s\n    return s\n"),
    Refuse("`str` is shadowed, and nothing else speaks for a text",
           "def f(xs, str):\n    s = str(0)\n    for x in xs:\n        s = str(x) + s\n    return s\n"),
    Refuse("sometimes a text, sometimes a number",
           "class A:\n    def __init__(self):\n        self.s = ''\n    def reset(self):\n"
           "        self.s = 0\n    def f(self, xs):\n        for x in xs:\n            self.s += x\n"),
    Refuse("a loop that is short by sight",
           "class A:\n    def __init__(self):\n        self.s = ''\n    def f(self, x):\n"
           "        for y in 'a', 'b':\n            self.s += y\n        return self.s\n"),
    Refuse("names reached by locals()",
           "def f(xs):\n    s = ''\n    for x in xs:\n        s = x + s\n        print(locals())\n"
           "    return s\n"),
    Refuse("a class's own name", "class A:\n    s = ''\n    for x in 'abc':\n        s += x\n"),
    Refuse("bound by a loop", "def f(xs):\n    for s in xs:\n        for x in xs:\n            s = s + x + ','\n"),
)  # fmt: skip

BENCH = Bench(
    setup="class Box:\n    pass\nbox = Box()\npieces = ['x' * 19 + chr(10)] * (n // 20)",
    before="box.text = ''\nfor piece in pieces:\n    box.text += piece",
    after="parts = []\nfor piece in pieces:\n    parts.append(piece)\nbox.text = ''.join(parts)",
    sizes=(1000, 10_000, 100_000, 300_000),
    size_is="characters in the text at the end",
)
