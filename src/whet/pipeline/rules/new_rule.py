"""A new rule of a project: a file that works as it is, to be changed piece by piece."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from whet.config import RULES_FOLDER
from whet.errors import StoreError, UsageError

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_SKELETON = '''\
"""Say in a line what to do.

## What
Which code this is about, and what to write in its place. As it stands: `min(sorted(values))`, of which only the
smallest is wanted.

## Why
What it costs, and why the other form costs less. `sorted` puts all values in order to find the first of them.

## When not
What looks alike and must stay. A `sorted` with a key or in reverse order is left alone.

## Source
Who says so: a documentation, a measurement (`BENCH` below).
"""

import ast

from whet.engine.api import Bench, Case, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="{slug}",
    title="All values are put in order to find the smallest",
    family="project",
    safety=Safety.SAFE,
    speed=Speed.FACTOR,
    # Only functions with such a node are looked at.
    triggers=Triggers(nodes=frozenset({{ast.Call}})),
)


def detect(context):
    """Yield a finding for each place; it is given one function at a time."""
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(func=outer, args=[ast.Call(func=inner, args=[values], keywords=[])], keywords=[]):
                if context.resolve(outer) == "builtins.min" and context.resolve(inner) == "builtins.sorted":
                    rewrite = context.rewrite()
                    rewrite.replace(call.args[0], rewrite.text(values))
                    yield context.finding(call, "Ask for the smallest itself.", rewrite=rewrite)


# Each is found before and not after, its edits give what stands after, and both sides do the same on all inputs.
CASES = (
    Case(
        name="the smallest of a list",
        before="def smallest(values):\\n    return min(sorted(values))\\n",
        after="def smallest(values):\\n    return min(values)\\n",
        call="smallest",
        inputs=("([3, 1, 2],)", "((),)", "(['b', 'a'],)"),
    ),
)

# Code that looks alike and is left alone.
REFUSE = (
    Refuse("the order has a key of its own", "def f(v, k):\\n    return min(sorted(v, key=k))\\n"),
    Refuse("another sorted", "from tools import sorted\\ndef f(v):\\n    return min(sorted(v))\\n"),
)

# What the gain is measured on, by `whet rules --bench {slug}`; put the figures into RULE.
BENCH = Bench(
    setup="import random\\nrandom.seed(1)\\nvalues = [random.random() for _ in range(n)]",
    before="min(sorted(values))",
    after="min(values)",
    sizes=(10, 1000),
    size_is="values",
)
'''


def write_new_rule(slug: str, root: Path, known: frozenset[str] = frozenset()) -> Path:
    """Write a rule called ``slug`` into the project at ``root`` and return its file.

    Raises :class:`UsageError` for a slug that is none or taken, :class:`StoreError` where the file exists already or
    cannot be written.
    """
    if _SLUG.fullmatch(slug) is None or keyword.iskeyword(slug):
        raise UsageError(f"{slug!r} is no slug", "write words in small letters with dashes between, as in my-own-rule")
    if slug in known:
        raise UsageError(f"there is a rule {slug} already", "choose another slug")
    path = root / RULES_FOLDER / f"{slug.replace('-', '_')}.py"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_SKELETON.format(slug=slug))
    except FileExistsError:
        raise StoreError(f"{path} exists already", "edit it, or choose another slug") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}", "check its folder's rights") from error
    return path
