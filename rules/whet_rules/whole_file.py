r"""Go through a file piece by piece instead of reading all of it at once.

## What
- `file.read().split("\n")`, `file.read().splitlines()` and `path.read_text().splitlines()`, in one expression or by way
  of locals that are used for nothing else: `for line in file` yields one line at a time, without the line ends of the
  others in memory.
- After `whet run --memory`, where a tenth of the peak or more is held there: `json.load`, and bytes of a file that are
  only searched, sliced or unpacked.

## Why
The whole text, the list and all lines are in memory at the same time, several times the size of the file, before the
first line is used. JSON takes several times its size as objects. `mmap` needs no copy of the file: what is searched and
sliced is read by the system as it is needed, and given back when memory is short.

## When not
Where the file is small, where it is changed or closed meanwhile, or where all lines are needed at once. Lines of a file
end in a line feed, which `rstrip("\n")` removes; `splitlines` also splits at form feeds and other separators, and
`split("\n")` gives an empty piece at the end. An empty file cannot be mapped, nor can a pipe. So it is advice, on hot
lines only.

## Source
The Python tutorial, "Methods of File Objects": "For reading lines from a file, you can loop over the file object. This
is memory efficient, fast". The reference of `mmap`: "You can use mmap objects in most places where bytearray are
expected; for example, you can use the re module to search through a memory-mapped file."
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Ask,
    Case,
    Context,
    Finding,
    Frees,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="whole-file",
    title="Whole file read to be split",
    family="io",
    safety=Safety.ADVICE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.Call}), words=frozenset({"read", "read_bytes", "read_text", "load"})),
    asks=frozenset({Ask.SHARE}),
)

_LINE_ENDS = ("\n", b"\n", "\r\n", b"\r\n")
_OPENERS = ("builtins.open", "io.open", "gzip.open", "bz2.open", "lzma.open")
_MAPPED = frozenset({"find", "rfind"})
"""Methods that bytes and `mmap` objects have in common, and which read them."""
_READING = frozenset(
    (*(f"re.{name}" for name in ("search", "match", "finditer", "findall", "fullmatch")), "builtins.memoryview",
     "builtins.len", "struct.unpack_from", "struct.iter_unpack")
)  # fmt: skip
"""Functions that read what is mapped as they read bytes."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each read of a whole file whose lines are gone through, each that is only searched, and each of JSON."""
    if not context.measured:
        return
    for call in context.nodes(ast.Call):
        if context.resolve(call.func) == "json.load":
            yield context.finding(
                call,
                "All of the file is in memory as objects, several times its size. If they are used one by one, read"
                " them so: ijson.items(file, …) yields each when it is parsed, a file of JSON lines one a line. With"
                " msgspec a typed Struct takes a fraction of a dict, and only the fields that are declared are kept.",
                title="Large JSON file loaded at once",
                frees=Frees(needed=True),
            )
        elif _reads_file(context, call):
            yield from _examine(context, call)


def _examine(context: Context, read: ast.Call) -> Iterator[Finding]:
    """Yield the finding at one read of a whole file."""
    value, steps = _follow(context, read)
    match context.facts.parent(value):
        case ast.Attribute(attr=name) as method if _splits(context, context.facts.parent(method), name):
            split = context.facts.parent(method)
            lines, more = _follow(context, split) if isinstance(split, ast.Call) else (value, [])
            if isinstance(split, ast.Call) and isinstance(context.facts.parent(lines), ast.For | ast.comprehension):
                yield context.finding(
                    read,
                    "All of the file, and a list of all its lines, are in memory before the first is used: go through"
                    " the file itself, which yields one line at a time.",
                    lines=context.lines_of(read, split),
                    questions=(context.ask_cost(read, split),) if not steps and not more else (),
                    frees=Frees(needed=bool(steps or more)),
                )
        case _:
            if _is_only_searched(context, read):
                yield context.finding(
                    read,
                    "All of the file is copied into memory, and then searched or sliced: mmap.mmap(file.fileno(), 0,"
                    " access=mmap.ACCESS_READ) can be searched and sliced in the same way, without the copy.",
                    title="Whole file read to be searched",
                    frees=Frees(needed=True),
                )


def _splits(context: Context, call: ast.AST | None, name: str) -> bool:
    """Return whether a call of the method ``name`` makes lines."""
    match call:
        case ast.Call(func=ast.Attribute(), args=[] | [_]) if name == "splitlines":
            return True
        case ast.Call(func=ast.Attribute(), args=[mark]) if name == "split":
            return context.constant(mark) in _LINE_ENDS
        case _:
            return False


def _follow(context: Context, value: ast.expr) -> tuple[ast.expr, list[ast.Name]]:
    """Return the one place where a value is used: itself, or the local that it is kept in and used but once."""
    names = _list_uses(context, value)
    if len(names) == 1 and context.facts.loops(names[0]) == context.facts.loops(value):
        return names[0], names
    return value, []


def _list_uses(context: Context, value: ast.expr) -> list[ast.Name]:
    """Return where a local is used that holds ``value`` and nothing else."""
    match context.facts.parent(value):
        case ast.Assign(targets=[ast.Name() as name]) if context.function.kind is ScopeKind.FUNCTION:
            owner = context.facts.lookup(name)
            if owner is not context.function or context.facts.only_binding(name) is None:
                return []
            return [each for each in context.facts.references(name.id, owner) if each is not name]
        case _:
            return []


def _is_only_searched(context: Context, read: ast.Call) -> bool:
    """Return whether bytes of a file are only searched and sliced."""
    names = _list_uses(context, read)
    if not names or not _reads_bytes(context, read):
        return False
    return all(_searches(context, name) for name in names)


def _reads_bytes(context: Context, read: ast.Call) -> bool:
    """Return whether a read of an open file gives bytes, which can be mapped: not those of a packed file."""
    match read:
        case ast.Call(func=ast.Attribute(attr="read_bytes")):
            return True
        case ast.Call(func=ast.Attribute(value=file, attr="read")):
            return "io.BufferedReader" in context.type_of(file)
        case _:
            return False


def _searches(context: Context, name: ast.Name) -> bool:
    """Return whether a use of bytes would be the same with an `mmap` object."""
    match context.facts.parent(name):
        case ast.Attribute(attr=method) as found:
            parent = context.facts.parent(found)
            return method in _MAPPED and isinstance(parent, ast.Call) and parent.func is found
        case ast.Subscript(value=value, ctx=ast.Load()):
            return value is name
        case ast.Call(func=function, args=arguments) if any(name is each for each in arguments):
            return context.resolve(function) in _READING
        case _:
            return False


def _reads_file(context: Context, read: ast.Call) -> bool:
    match read:
        case ast.Call(func=ast.Attribute(attr="read_text" | "read_bytes")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Call(func=function), attr="read"), args=[]):
            return context.resolve(function) in _OPENERS
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

ADVISE = (
    Advise(
        "by way of locals",
        """
def f(path):
    text = open(path).read()
    lines = text.split("\\n")
    total = 0
    for line in lines:
        total += len(line)
    return total
""",
    ),
    Advise(
        "bytes that are searched",
        """
def f(path):
    with open(path, "rb") as file:
        data = file.read()
    at = data.find(b"x")
    while at >= 0:
        print(data[at : at + 4])
        at = data.find(b"x", at + 1)
""",
    ),
    Advise("a large document", "import json\ndef f(file):\n    return [x['a'] for x in json.load(file)]\n"),
)

REFUSE = (
    Refuse("all lines are kept",
           "def f(path):\n    with open(path) as file:\n        return file.read().splitlines()\n"),
    Refuse("not by lines",
           "def f(path):\n    with open(path) as file:\n        return [x for x in file.read().split(',')]\n"),
    Refuse("lines that are used twice",
           "def f(path):\n    lines = open(path).read().split('\\n')\n    for x in lines:\n"
           "        print(x, len(lines))\n"),
    Refuse("bytes that are kept",
           "def f(path):\n    with open(path, 'rb') as file:\n        data = file.read()\n    print(data[:4])\n"
           "    return data\n"),
    Refuse("split once for each of many",
           "def f(path, n):\n    text = open(path).read()\n    for i in range(n):\n"
           "        for x in text.splitlines():\n            print(x)\n"),
    Refuse("a text", "def f(s):\n    return [x for x in s.strip().splitlines()]\n"),
)  # fmt: skip

BENCH = None
