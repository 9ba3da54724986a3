r"""Go through a file line by line instead of reading all of it to split it.

## What
`file.read().split("\n")`, `file.read().splitlines()` and `path.read_text().splitlines()`: `for line in file` yields
one line at a time, without the line ends of the others in memory.

## Why
The whole text, the list and all lines are in memory at the same time, several times the size of the file, before the
first line is used.

## When not
Where the file is small, where it is changed or closed meanwhile, or where all lines are needed at once. Lines of a file
end in a line feed, which `rstrip("\n")` removes; `splitlines` also splits at form feeds and other separators, and
`split("\n")` gives an empty piece at the end. So it is advice, on hot lines only.

## Source
The Python tutorial, "Methods of File Objects": "For reading lines from a file, you can loop over the file object. This
is memory efficient, fast".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="whole-file",
    title="Whole file read to be split",
    family="io",
    safety=Safety.ADVICE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.Call}), words=frozenset({"read", "read_bytes", "read_text"})),
    asks=frozenset({Ask.SHARE}),
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each read of a whole file whose lines are gone through."""
    if not context.measured:
        return
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Call() as read, attr="splitlines"), args=[] | [_]):
                pass
            case ast.Call(func=ast.Attribute(value=ast.Call() as read, attr="split"), args=[mark]):
                if context.constant(mark) not in ("\n", b"\n", "\r\n", b"\r\n"):
                    continue
            case _:
                continue
        if not _reads_file(context, read) or not isinstance(context.facts.parent(call), ast.For | ast.comprehension):
            continue
        yield context.finding(
            call,
            "All of the file, and a list of all its lines, are in memory before the first is used: go through the file "
            "itself, which yields one line at a time.",
            questions=(context.ask_cost(call),),
        )


def _reads_file(context: Context, read: ast.Call) -> bool:
    match read:
        case ast.Call(func=ast.Attribute(attr="read_text" | "read_bytes")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Call(func=function), attr="read"), args=[]):
            return context.resolve(function) in ("builtins.open", "io.open", "gzip.open", "bz2.open", "lzma.open")
        case ast.Call(func=ast.Attribute(value=file, attr="read"), args=[]):
            return bool(context.type_of(file) & {"io.TextIOWrapper", "io.BufferedReader"})
        case _:
            return False


CASES = (
    Case(
        name="lines of a file",
        before="""
import os, tempfile
def count(text):
    path = os.path.join(tempfile.mkdtemp(), "x")
    with open(path, "w") as file:
        file.write(text)
    found = 0
    with open(path) as file:
        for line in file.read().splitlines():
            found += len(line)
    return found
""",
        after="""
import os, tempfile
def count(text):
    path = os.path.join(tempfile.mkdtemp(), "x")
    with open(path, "w") as file:
        file.write(text)
    found = 0
    with open(path) as file:
        for line in file:
            found += len(line.rstrip("\\n"))
    return found
""",
        call="count",
        inputs=("('a\\nbc\\n',)", "('',)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("all lines are kept",
           "def f(path):\n    with open(path) as file:\n        return file.read().splitlines()\n"),
    Refuse("not by lines",
           "def f(path):\n    with open(path) as file:\n        return [x for x in file.read().split(',')]\n"),
    Refuse("a text", "def f(s):\n    return [x for x in s.strip().splitlines()]\n"),
)  # fmt: skip

BENCH = None
