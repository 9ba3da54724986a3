"""Import where it is needed a module that most runs do not need.

## What
A top-level import that is measured to take a large part of the run, and whose names only a few functions use: move it
into those functions. On Python 3.15 and later, however many functions use it: `lazy import`.

## Why
An import executes the whole module, and everything that the module imports. A run that never calls those functions
then does not pay for it.

## When not
If the functions are called in every run, the cost is only moved: nothing is said where this run was seen in one of
them. A function that is called very often pays a lookup for
each import in it. Code elsewhere that uses the name from this module (`from this import json`, or a test that patches
`this.json`) no longer finds it, and an error in the imported module occurs later. What is imported from the file's own
package with `from` is often used that way: there it is advice only. Nothing is said of `__init__.py` and of modules
named `compat`, which import for others.

## Source
`python -X importtime` shows what each import takes; PEP 690 and PEP 810 on lazy imports.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePath

from whet.engine.api import (
    Ask,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="lazy-import",
    title="Top-level import used by few functions",
    family="start-up",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Import, ast.ImportFrom})),
    asks=frozenset({Ask.SHARE}),
)

_LOADED = frozenset(
    (
        *("abc", "builtins", "codecs", "errno", "io", "itertools", "marshal", "math", "os", "os.path", "posix", "site"),
        *("stat", "sys", "time", "types", "warnings"),
    )
)
"""Modules that the interpreter has loaded before the program starts, or that are part of it."""
_HOOKS = frozenset({"__import__", "exec_module", "find_spec", "meta_path", "path_hooks"})
"""Names in a file that takes part in importing: an import inside its functions would call them again, for ever."""
_WORTH = 0.01
"""Fraction of the run that the import must take: a module's name does not show its cost."""
_MOST = 3
"""Functions that an import is moved into; if more use it, most runs need it."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each import at the top of a module on hot lines that only a few functions use."""
    file = PurePath(context.file.replace("\\", "/"))
    for_others = file.name == "__init__.py" or "compat" in file.stem
    if not context.measured or context.function.kind is not ScopeKind.MODULE or for_others:
        return
    if not _HOOKS.isdisjoint(context.facts.words):
        return
    imports: list[ast.Import | ast.ImportFrom] = [*context.nodes(ast.Import), *context.nodes(ast.ImportFrom)]
    for node in imports:
        if getattr(node, "is_lazy", 0):  # `lazy import json` of Python 3.15 already waits for its first use
            continue
        users = _find_users(context, node) if context.facts.parent(node) is context.tree else []
        has_keyword = context.python is not None and context.python >= (3, 15)
        if not users or (len(users) > _MOST and not has_keyword):
            continue
        # A run that was in one of these functions needs the import: its cost would only move.
        bodies = [line for user in users for line in range(user.lineno, (user.end_lineno or user.lineno) + 1)]
        asked = (
            context.ask_lines(Ask.SHARE, context.lines_of(node), least=_WORTH, needed=True),
            context.ask_lines(Ask.SHARE, bodies, most=0.0),
        )
        rewrite = context.rewrite()
        if has_keyword:
            rewrite.replace(node, f"lazy {rewrite.text(node)}")
            yield context.finding(
                node,
                "Only functions need this import: with the keyword `lazy`, runs that use none of its names do not pay "
                "for it. An error in the module is then raised at the first use.",
                rewrite=rewrite,
                questions=asked,
            )
            continue
        names = " and ".join(function.name for function in users)
        why = (
            f"Only {names} need{'s' if len(users) == 1 else ''} this import: moved there, runs that do not call "
            f"{'it' if len(users) == 1 else 'them'} do not pay for it. The name is then no attribute of this module"
        )
        if _is_of_own_package(context, node):
            yield context.finding(
                node,
                f"{why}, and other modules of the package may import it from here: look for them first.",
                safety=Safety.ADVICE,
                questions=asked,
            )
            continue
        text = rewrite.text(node)
        for function in users:
            first = function.body[0]
            documented = (
                isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(function.body) > 1
            )
            rewrite.insert_before(function.body[1] if documented else first, text)
        rewrite.delete(node)
        yield context.finding(node, f"{why}.", rewrite=rewrite, questions=asked)


def _is_of_own_package(context: Context, node: ast.Import | ast.ImportFrom) -> bool:
    """Return whether names are imported from the package that the file is in: who wants them may ask this module."""
    if not isinstance(node, ast.ImportFrom):
        return False
    top = (node.module or "").partition(".")[0]
    return node.level > 0 or top in PurePath(context.file.replace("\\", "/")).parts[:-1]


def _find_users(context: Context, node: ast.Import | ast.ImportFrom) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the functions that use what an import binds; none if anything else does too, or may."""
    module = context.facts.module
    if isinstance(node, ast.ImportFrom):
        cheap = node.module == "__future__" or (node.module in _LOADED and not node.level)
    else:
        cheap = all(alias.name in _LOADED for alias in node.names)
    if module.star_import or cheap:
        return []
    found: dict[ast.FunctionDef | ast.AsyncFunctionDef, None] = {}
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        bindings = module.bindings.get(name, [])
        if len(bindings) != 1 or name in context.facts.texts or alias.asname == alias.name:
            return []
        references = context.facts.references(name, module)
        for reference in references:
            scope = context.scope_of(reference)
            if (
                not isinstance(scope.node, ast.FunctionDef | ast.AsyncFunctionDef)
                or scope.kind is not ScopeKind.FUNCTION
            ):
                return []
            if _runs_at_import(context, scope.node):
                return []
            found.setdefault(scope.node)
        if not references:
            return []
    return sorted(found, key=lambda function: function.lineno)


def _runs_at_import(context: Context, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether the module itself calls the function, as in `main()` at its end, or decorates with it."""
    if context.facts.parent(function) is not context.tree:
        return False
    references = context.facts.references(function.name, context.facts.module)
    return any(context.scope_of(reference) is context.facts.module for reference in references)


CASES = (
    Case(
        name="one function needs it",
        before="""
import sys
import json

VERSION = sys.version_info

def write(rows, plain):
    \"\"\"Return the rows as a text.\"\"\"
    if plain:
        return repr(rows)
    return dump(rows)

def dump(rows):
    # Keys in any order.
    return json.dumps(rows)
""",
        after="""
import sys

VERSION = sys.version_info

def write(rows, plain):
    \"\"\"Return the rows as a text.\"\"\"
    if plain:
        return repr(rows)
    return dump(rows)

def dump(rows):
    import json
    # Keys in any order.
    return json.dumps(rows)
""",
        call="write",
        inputs=("([1], False)", "([1], True)", "([{1}], False)"),
        hot=True,
    ),
    Case(
        name="two names, two functions, one of them a method with a docstring",
        before="""
from decimal import Decimal as Number, ROUND_UP

class Till:
    def round(self, text):
        \"\"\"Return the amount.\"\"\"
        return Number(text).quantize(Number(1), ROUND_UP)

def total(texts):
    return str(sum((Number(text) for text in texts), Till().round("0")))
""",
        after="""

class Till:
    def round(self, text):
        \"\"\"Return the amount.\"\"\"
        from decimal import Decimal as Number, ROUND_UP
        return Number(text).quantize(Number(1), ROUND_UP)

def total(texts):
    from decimal import Decimal as Number, ROUND_UP
    return str(sum((Number(text) for text in texts), Till().round("0")))
""",
        call="total",
        inputs=("(['1.5', '2'],)", "([],)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("the module uses it too", "import json\nA = json.dumps(1)\ndef f(x):\n    return json.dumps(x)\n"),
    Refuse("a default value uses it", "import json\ndef f(x, d=json.dumps):\n    return json.loads(d(x))\n"),
    Refuse("an annotation uses it",
           "import decimal\ndef f(x: decimal.Decimal):\n    return decimal.Decimal(x)\n"),
    Refuse("a class body uses it", "import json\nclass A:\n    dump = json.dumps\n"),
    Refuse("it is exported", "import json\n__all__ = ['json', 'f']\ndef f(x):\n    return json.dumps(x)\n"),
    Refuse("nothing here uses it: it may be for others, or for its effect", "import json\ndef f(x):\n    return x\n"),
    Refuse("the module calls the function", "import json\ndef main(x):\n    return json.dumps(x)\nmain(1)\n"),
    Refuse("it is loaded anyhow", "import sys, os\ndef f(x):\n    return sys.argv, os.sep\n"),
    Refuse("imported here and there",
           "try:\n    import json\nexcept ImportError:\n    json = None\ndef f(x):\n    return json.dumps(x)\n"),
    Refuse("bound again", "import json\nif not json:\n    json = None\ndef f(x):\n    return json.dumps(x)\n"),
    Refuse("it changes how the file is read", "from __future__ import annotations\ndef f(x):\n"
           "    return annotations\n"),
    Refuse("exported by its alias", "from json import dumps as dumps\ndef f(x):\n    return dumps(x)\n"),
    Refuse("a class body uses it, before its own method of the same name",
           "import token\nclass A:\n    kinds = {token.NAME}\n    def token(self):\n        return token.NAME\n"),
    Refuse("the module takes part in importing",
           "import sys, json\nclass Finder:\n    def find_spec(self, name, path, target=None):\n"
           "        return json.loads(name)\nsys.meta_path.append(Finder())\n"),
    Refuse("most functions use it",
           "import re\n" + "".join(f"def f{n}(x):\n    return re.escape(x)\n" for n in range(5))),
)  # fmt: skip
