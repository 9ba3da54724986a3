"""A starter rule for a project: a working file, to be changed piece by piece."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from whet.config import RULES_FOLDER
from whet.errors import StoreError, UsageError

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_SKELETON = '''\
"""Summarize in one line what to write instead.

## What
Which code the rule finds, and what to write instead. This example: `min(sorted(values))`, which needs only the
minimum.

## Why
What the code costs, and why the replacement costs less. `sorted` sorts all values to find the smallest.

## When not
Similar code that must stay. A `sorted` with a key or in reverse order is left alone.

## Source
The reference: documentation, or a measurement (`BENCH` below).
"""

import ast

from whet.engine.api import Bench, Case, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="{slug}",
    title="Sort just to get the minimum",
    family="project",
    safety=Safety.SAFE,
    speed=Speed.FACTOR,
    # The rule only runs on functions with such a node.
    triggers=Triggers(nodes=frozenset({{ast.Call}})),
)


def detect(context):
    """Yield a finding for each place; called with one function at a time."""
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(func=outer, args=[ast.Call(func=inner, args=[values], keywords=[])], keywords=[]):
                if context.resolve(outer) == "builtins.min" and context.resolve(inner) == "builtins.sorted":
                    rewrite = context.rewrite()
                    rewrite.replace(call.args[0], rewrite.text(values))
                    yield context.finding(call, "min() needs no sorted input.", rewrite=rewrite)


# Each is found in `before` and not in `after`, its edits turn one into the other, and both behave the same.
CASES = (
    Case(
        name="the smallest of a list",
        before="def smallest(values):\\n    return min(sorted(values))\\n",
        after="def smallest(values):\\n    return min(values)\\n",
        call="smallest",
        inputs=("([3, 1, 2],)", "((),)", "(['b', 'a'],)"),
    ),
)

# Similar code that is left alone.
REFUSE = (
    Refuse("the order has a key of its own", "def f(v, k):\\n    return min(sorted(v, key=k))\\n"),
    Refuse("another sorted", "from tools import sorted\\ndef f(v):\\n    return min(sorted(v))\\n"),
)

# Measures the gain with `whet rules --bench {slug}`; put the figures into RULE.
BENCH = Bench(
    setup="import random\\nrandom.seed(1)\\nvalues = [random.random() for _ in range(n)]",
    before="min(sorted(values))",
    after="min(values)",
    sizes=(10, 1000),
    size_is="values",
)
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
