"""A starter rule for a project: a working file, to be changed piece by piece."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from whet.config import RULES_FOLDER
from whet.errors import StoreError, UsageError

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_SKELETON = '''\
"""Leave out list() around sorted().

## What
`list(sorted(values))`: write `sorted(values)`.

## Why
`sorted()` returns a new list; `list()` copies it and throws the first one away.

## When not
Where `list` or `sorted` is another function in this file, or `list()` has more than one argument.

## Source
Python's documentation of `sorted()`: "Return a new sorted list from the items in iterable."
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="{slug}",
    title="list() around sorted()",
    family="project",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({{ast.Call}}), words=frozenset({{"sorted"}})),
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield a finding with its rewrite for each place; called with one function at a time."""
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(func=outer, args=[ast.Call(func=inner) as kept], keywords=[]):
                if context.resolve(outer) == "builtins.list" and context.resolve(inner) == "builtins.sorted":
                    rewrite = context.rewrite()
                    rewrite.replace(call, rewrite.text(kept))
                    yield context.finding(call, "sorted() already returns a new list.", rewrite=rewrite)


CASES = (
    Case(
        name="the values in order",
        before="def order(values):\\n    return list(sorted(values, reverse=True))\\n",
        after="def order(values):\\n    return sorted(values, reverse=True)\\n",
        call="order",
        inputs=("([3, 1, 2],)", "((),)", "(['b', 'a'],)", "([1, 'a'],)"),
    ),
)

REFUSE = (Refuse("another sorted", "from tools import sorted\\ndef f(v):\\n    return list(sorted(v))\\n"),)
'''


def write_new_rule(slug: str, root: Path, known: frozenset[str] = frozenset()) -> Path:
    """Write a rule named ``slug`` into the project at ``root`` and return its file.

    Raises :class:`UsageError` for an invalid or existing slug, :class:`StoreError` if the file already exists or
    cannot be written.
    """
    if _SLUG.fullmatch(slug) is None or keyword.iskeyword(slug):
        raise UsageError(f"{slug!r} is not a valid slug", "use lower-case words joined by dashes, such as my-own-rule")
    if slug in known:
        raise UsageError(f"the rule {slug} already exists", "choose another slug")
    path = root / RULES_FOLDER / f"{slug.replace('-', '_')}.py"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_SKELETON.format(slug=slug))
    except FileExistsError:
        raise StoreError(f"{path} already exists", "edit it, or choose another slug") from None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}", "check the permissions of its folder"
        ) from error
    return path
