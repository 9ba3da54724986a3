"""Collect the pieces of a long string and join them once.

## What
A string that grows piece by piece where Python copies all of it for each piece: `self.text += piece`, growth of
a module-level or `nonlocal` name, `text = f"{text}{piece}"`, prepending (`text = piece + text`), and
`text = text + a + b`. Append the pieces to a list and `"".join` it once, at the end of the loop or when it is read.

## Why
A string is immutable, so each step creates a new one and copies the existing text: the cost is quadratic in the
length. CPython avoids the copy in one form only, `text += piece` on a local of the function that nothing else
refers to. That form is linear, and is reported only where a measurement shows it hot.

Where the pieces cannot be collected by an edit, it is advice, on hot lines only: text that is read meanwhile, or kept
in an item or in an attribute of another object (`lines[key] = lines[key] + more`, `nodes[-1].text += piece`).

## When not
A few pieces outside a loop: there `+` is faster than a list and a join. A string that is read, compared or yielded
while it grows needs its value at each step, so the pieces cannot be joined later. Growth of `bytes` has the same cost
and another fix (`bytearray`).

If the loop ends with an exception, or returns early, the pieces must be joined there too.

An attribute that grows over many calls holds a list of the pieces instead, or becomes a property if it is public:
reading it joins them, every time. It no longer appears in `vars(…)` and in pickles as a string, a subclass or a mock
that sets it on the class hides the pieces, and a shallow copy of the object (`copy.copy`) shares the list, so that both
grow.

## Source
The Python FAQ, "What is the most efficient way to concatenate many strings together?". That attributes, globals and
f-strings miss CPython's optimization is measured with `BENCH`, as are the figures in `RULE`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from whet.engine.api import (
    TEXTS,
    Advise,
    Ask,
    Bench,
    BindingKind,
    Case,
    Context,
    Finding,
    Growth,
    Loop,
    Place,
    PlaceKind,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    Speed,
    Triggers,
    ask_target,
    collect_behind_property,
    collect_in_attribute,
    collect_in_loop,
    is_text,
    list_copying,
    list_growths,
    read_growth,
)

RULE = Rule(
    slug="str-concat",
    title="String concatenation in a loop",
    family="text",
    safety=Safety.OBSERVED,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Add, ast.JoinedStr, ast.Mod}), names=frozenset({"format", "join"})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
    figures={
        "3.11": {1000: 2.5, 10000: 5.5, 100000: 61.0, 300000: 180.0},
        "3.12": {1000: 2.4, 10000: 6.0, 100000: 55.0, 300000: 160.0},
        "3.13": {1000: 2.4, 10000: 6.0, 100000: 53.0, 300000: 140.0},
        "3.14": {1000: 2.5, 10000: 6.1, 100000: 53.0, 300000: 170.0},
    },
)

_SHORT = 1000
"""Characters below which the whole growth takes microseconds in any form."""


@dataclass(slots=True)
class _Accumulator:
    """A place and the statements of this function that extend it; ``copying`` are those that copy it."""

    place: Place
    steps: list[Growth] = field(default_factory=list)
    pieces: list[ast.expr] = field(default_factory=list)
    copying: str = ""
    """How the first copying step does it, in words; empty for the linear form."""
    first: Growth | None = None
    """The first copying step."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield one finding for each string that the function grows."""
    if context.is_dynamic:
        return
    grown: dict[str, _Accumulator] = {}
    covered: set[int] = set()
    for statement, target in list_growths(context):
        _note_growth(context, statement, target, grown)
    for accumulator in grown.values():
        if not _grows_again_and_again(context, accumulator) or not _is_text_place(context, accumulator):
            continue
        if _is_read_meanwhile(context, accumulator):
            continue
        if accumulator.copying or context.measured:
            covered.update(id(step) for step in accumulator.steps)
            yield _describe(context, accumulator)
    if context.measured:
        yield from _advise(context, covered)


def _advise(context: Context, covered: set[int]) -> Iterator[Finding]:
    """Yield each hot statement that copies a growing string and is left without an edit."""
    for copying in list_copying(context):
        statement, target = copying.statement, copying.target
        if id(statement) in covered or not copying.kinds & TEXTS or "builtins.str" not in copying.kinds:
            continue
        yield context.finding(
            statement,
            f"Every step copies all of {target.text}, which grows: append the pieces to a list where it is kept, and "
            '"".join them when the whole is read; a text that is written out goes to the file or an io.StringIO piece '
            "by piece.",
            safety=Safety.ADVICE,
            questions=(
                *ask_target(context, target, tuple(sorted(TEXTS)), _SHORT, needed=not copying.shown),
                context.ask_cost(statement),
            ),
            measured_gain=False,
        )


def _note_growth(context: Context, statement: Growth, target: ast.expr, grown: dict[str, _Accumulator]) -> None:
    step = read_growth(statement, target)
    place = context.place(target) if step is not None else None
    if step is None or place is None:
        return
    how, pieces = step
    local = place.kind in (PlaceKind.LOCAL, PlaceKind.PARAMETER)
    accumulator = grown.setdefault(place.name, _Accumulator(place))
    accumulator.steps.append(statement)
    accumulator.pieces.extend(pieces)
    how = how or ("" if local else _WHERE[place.kind])
    # What is added to a local once, before or after the loop, copies it once.
    if how and accumulator.first is None and (context.loops(statement) or not local):
        accumulator.copying, accumulator.first = how, statement


_WHERE = {
    PlaceKind.ATTRIBUTE: "it is an attribute, not a local",
    PlaceKind.GLOBAL: "it is a global, not a local",
    PlaceKind.ENCLOSING: "it is shared with another function",
}


def _grows_again_and_again(context: Context, accumulator: _Accumulator) -> bool:
    """Return whether the string grows in a loop that does not reset it, or over the calls of a hot function."""
    place, steps = accumulator.place, accumulator.steps
    if any(context.loops_over(step, place, steps) for step in steps):
        return True
    return place.kind is not PlaceKind.PARAMETER and context.outlives_calls(place, steps)


def _growing_loop(context: Context, accumulator: _Accumulator, step: Growth) -> Loop | None:
    """Return the outermost loop that repeats a step and does not reset the string."""
    growing = context.loops_over(step, accumulator.place, accumulator.steps)
    return growing[-1] if growing and isinstance(growing[-1], Loop) else None


def _is_text_place(context: Context, accumulator: _Accumulator) -> bool:
    """Return whether the source shows that this is a string: all initial values, or a piece that only fits a string."""
    started = False
    # A field takes anything, where + takes strings only: `note = f"{note} again"`.
    formatted = any(
        isinstance(step, ast.Assign) and isinstance(step.value, ast.JoinedStr) for step in accumulator.steps
    )
    for binding in accumulator.place.bindings:
        match binding.kind, binding.node:
            case BindingKind.AUGMENTED, ast.AugAssign(op=ast.Add()):
                continue
            case BindingKind.PARAMETER | BindingKind.DECLARED, _:
                hint = binding.annotation
                if formatted and (hint is None or context.resolve(hint) != "builtins.str"):
                    return False
                started = started or formatted
                continue
            case BindingKind.VALUE, _ if binding.value is not None:
                pass
            case _:
                return False
        if isinstance(binding.node, ast.Assign) and read_growth(binding.node, binding.node.targets[0]) is not None:
            continue
        if not is_text(context, binding.value):
            return False
        started = True
    return started or (not formatted and any(is_text(context, piece) for piece in accumulator.pieces))


def _is_read_meanwhile(context: Context, accumulator: _Accumulator) -> bool:
    """Return whether the function needs the string's value between two steps, so that the pieces cannot wait."""
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
    lines = context.lines_of(*steps)
    questions = (
        context.ask(place, Ask.TYPES, expects=("builtins.str",)),
        context.ask(place, Ask.LENGTH, at_least=_SHORT),
    )
    if not accumulator.copying:
        return context.finding(
            steps[0],
            f"{place.name} grows in place here, which CPython does without copying; collecting the pieces and joining "
            "them once can still be slightly faster, and does not depend on that optimization.",
            title="String built piece by piece",
            lines=lines,
            safety=Safety.ADVICE,
            speed=Speed.CONSTANT,
            # For a few pieces concatenation is faster.
            questions=(questions[0], context.ask(place, Ask.LENGTH, at_least=_SHORT, needed=True)),
            measured_gain=False,
        )
    order = ", in reverse order," if accumulator.copying.endswith("in front") else ""
    in_loop = _growing_loop(context, accumulator, steps[0]) is not None
    public = not in_loop and place.kind is PlaceKind.ATTRIBUTE and not _is_private(place)
    note = f" {place.name} becomes a property that joins them; it no longer appears in vars()." if public else ""
    note = note if in_loop else f"{note} Shallow copies of the object share the list."
    return context.finding(
        accumulator.first or steps[0],
        f"Every step copies all of {place.name} ({accumulator.copying}): append the pieces to a list and "
        f'"".join it{order} once, when the string is needed.{note}',
        lines=lines,
        questions=questions,
        safety=Safety.OBSERVED if in_loop else Safety.OFFER,
        rewrite=_rewrite(context, accumulator),
    )


def _rewrite(context: Context, accumulator: _Accumulator) -> Rewrite:
    """Return the edits: the pieces are collected in each growing loop, or over the calls in the attribute itself."""
    rewrite = context.rewrite()
    loops: dict[Loop, list[Growth]] = {}
    for step in accumulator.steps:
        loop = _growing_loop(context, accumulator, step)
        if loop is not None:
            loops.setdefault(loop, []).append(step)
    for loop, steps in loops.items():
        collect_in_loop(context, accumulator.place, loop, steps, rewrite)
    if not loops and accumulator.place.kind is PlaceKind.ATTRIBUTE:
        collect = collect_in_attribute if _is_private(accumulator.place) else collect_behind_property
        collect(context, accumulator.place, rewrite)
    return rewrite


def _is_private(place: Place) -> bool:
    return place.name.rpartition(".")[2].startswith("_")


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
        return "".join(self._text_parts)

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

ADVISE = (
    Advise(
        "a field of an f-string takes what is no string",
        "def f(note, tags):\n    for tag in tags:\n        note = f'{note} ({tag})'\n    return note\n",
    ),
    Advise("an item of a dict, grown in a loop",
           "def f(rows):\n    d = {}\n    for k, v in rows:\n        d[k] = d.get(k, '') + ',' + v\n    return d\n"),
    Advise("an attribute of an element, over the calls of a function",
           "def f(nodes, text):\n    nodes[-1].text += text.strip() + 'x'\n"),
    Advise("an item of a dict on self, read through the object",
           "class A:\n    def f(self, k, v):\n        self._d[k] = str(self[k]) + ',' + v\n"),
    Advise("padded to a column", "def f(rows):\n    for n in rows:\n        rows[0].s = rows[0].s + ' ' * n\n"),
    Advise("read while it grows",
           "def f(xs):\n    s = ''\n    for x in xs:\n        s = s + x + ','\n        if len(s) > 80:\n"
           "            break\n    return s\n"),
)  # fmt: skip

REFUSE = (
    Refuse("counted in an attribute, and in a dict",
           "from collections import defaultdict\nclass A:\n    def __init__(self):\n        self.n = 0\n"
           "        self.d = defaultdict(float)\n    def f(self, rows):\n        self.n += len(rows)\n"
           "        for row in rows:\n            self.d[row] += weigh(row)\n"),
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
)  # fmt: skip

BENCH = Bench(
    setup="class Box:\n    pass\nbox = Box()\npieces = ['x' * 19 + chr(10)] * (n // 20)",
    before="box.text = ''\nfor piece in pieces:\n    box.text += piece",
    after="parts = []\nfor piece in pieces:\n    parts.append(piece)\nbox.text = ''.join(parts)",
    sizes=(1000, 10_000, 100_000, 300_000),
    size_is="characters in the final string",
)
