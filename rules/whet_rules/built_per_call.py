"""Make what is costly to construct once, not on every call.

## What
A constructor or compiler whose arguments do not change, called in a loop or a hot function: `string.Template(TEXT)`,
jinja2's `Template` and `Environment`, `jsonschema.Draft202012Validator(SCHEMA)` and `jsonschema.validate`, pydantic's
`TypeAdapter(T)`, `inspect.signature(f)`, `typing.get_type_hints(C)`, `struct.Struct`, `argparse.ArgumentParser()`,
`str.maketrans`, `requests.Session()` and the functions of `requests` and `httpx` that open a connection each, clients
of `boto3` and `httpx`, `ZoneInfo`, parsers of lark and Markdown. Construct it once, at module level, in `__init__` or
in a function with `functools.cache`, and reuse it.

## Why
The constructor is where the work is: it parses the template, checks the schema, reads the signature, opens the
connection. The same arguments give the same object.

## When not
Where the object holds state that calls must not share, or threads must not use it together. Nothing is edited: whether
one object can serve all calls, its documentation says.

## Source
The documentation of pydantic, "TypeAdapter instantiated once"; of `requests`: a session "will use urllib3's connection
pooling" and "can result in a significant performance increase"; of jinja2: templates are compiled once and cached by
the environment.
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
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    Scope,
    ScopeKind,
    Speed,
    Triggers,
)

_COSTLY = frozenset(
    (
        *("argparse.ArgumentParser", "ast.parse", "boto3.Session", "boto3.client"),
        *("boto3.resource", "bs4.UnicodeDammit", "compile", "builtins.compile", "configparser.ConfigParser"),
        *("email.policy.EmailPolicy", "fastjsonschema.compile", "gettext.translation", "httpx.AsyncClient"),
        *("httpx.Client", "inspect.getfullargspec", "inspect.getmembers", "inspect.getsource", "inspect.signature"),
        *("jinja2.Environment", "jinja2.Template", "jsonschema.validate", "jsonschema.validators.validator_for"),
        *("json.JSONDecoder", "json.JSONEncoder", "lark.Lark", "locale.localeconv", "mako.template.Template"),
        *("markdown.Markdown", "markdown.markdown", "mimetypes.MimeTypes", "pkg_resources.iter_entry_points"),
        *("importlib.metadata.entry_points", "importlib.metadata.version", "importlib.metadata.distribution"),
        *("importlib.resources.files", "pydantic.TypeAdapter", "pytz.timezone", "redis.Redis", "requests.Session"),
        *("ssl.create_default_context", "sqlalchemy.create_engine", "string.Formatter", "string.Template"),
        *("struct.Struct", "sqlite3.connect", "psycopg2.connect", "tiktoken.encoding_for_model"),
        *("tiktoken.get_encoding", "typing.get_type_hints", "zoneinfo.ZoneInfo", "yaml.safe_load", "json.loads"),
        *("fnmatch.translate", "shlex.split", "platform.platform", "platform.uname", "sysconfig.get_config_vars"),
    )
)
_CONNECTING = frozenset(
    f"{library}.{name}"
    for library in ("httpx", "requests")
    for name in ("get", "head", "patch", "post", "put", "request")
)
_ENDINGS = ("Validator",)
_REFLECTING = frozenset(
    (
        *("inspect.getfullargspec", "inspect.getmembers", "inspect.getsource", "inspect.signature"),
        *("typing.get_type_hints", "dataclasses.fields"),
    )
)
"""Their arguments are functions and classes, of which a program has few: they come again."""
_FEW = frozenset({"json.loads", "yaml.safe_load", "ast.parse", "builtins.compile", "shlex.split"})
"""Costly only where they are given a constant: elsewhere their argument is the data."""

RULE = Rule(
    slug="built-per-call",
    title="Same object constructed on every call",
    family="hoisting",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(
        names=frozenset(
            (
                *(name.rpartition(".")[2] for name in _COSTLY | _CONNECTING | _REFLECTING),
                *(f"*{ending}" for ending in _ENDINGS),
            )
        )
    ),
    asks=frozenset({Ask.SHARE}),
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each costly construction with arguments that do not change."""
    if not context.measured:
        return
    for call in context.nodes(ast.Call):
        name = next((name for name in sorted(context.origins(call.func)) if _is_costly(name)), "")
        if not name:
            continue
        loops = context.loops(call)
        if not loops and (context.function.kind is not ScopeKind.FUNCTION or _runs_once(context, context.function)):
            continue
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if name == "jsonschema.validate":
            arguments = arguments[1:]  # after what is validated
        if name in _CONNECTING:
            if not loops:
                continue
            say = f"{name} opens a connection for each request: use one session or client for all of them"
        elif _is_kept(context, call):
            continue
        elif name in _REFLECTING:
            say = (
                f"{name} looks at the same functions and classes again and again: keep what it returns in a dict, or "
                "call it through functools.cache"
            )
        elif all(_stays(context, one, bool(loops)) for one in arguments) and not (name in _FEW and not arguments):
            if name in _FEW and not all(context.constant(one) is not None for one in arguments[:1]):
                continue
            when = "in each iteration" if loops else f"on each call of {context.function.name}"
            say = (
                f"{name} gets the same arguments {when}: construct it once, at module level, in "
                "__init__ or in a function with functools.cache"
            )
        else:
            continue
        yield context.finding(call, f"{say}.", questions=(context.ask_cost(call),))


def _is_costly(name: str) -> bool:
    known = name in _COSTLY or name in _CONNECTING or name in _REFLECTING
    return known or ("." in name and name.endswith(_ENDINGS))


def _runs_once(context: Context, scope: Scope, above: tuple[Scope, ...] = ()) -> bool:
    """Return whether a function is there to be called once.

    ``main``, a constructor, one that is cached, or one that the file calls from such alone, and in no loop.
    """
    node = scope.node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return scope.kind is ScopeKind.MODULE
    cached = any("cache" in ast.unparse(decorator) for decorator in node.decorator_list)
    if cached or node.name in ("__init__", "__new__", "__init_subclass__", "__set_name__", "main", "setup"):
        return True
    if scope.parent is None or scope.parent.kind is not ScopeKind.MODULE or scope in above:
        return False
    uses = [name for name in context.facts.references(node.name, scope.parent) if isinstance(name.ctx, ast.Load)]
    return bool(uses) and all(_is_called_once(context, name, (*above, scope)) for name in uses)


def _is_called_once(context: Context, name: ast.Name, above: tuple[Scope, ...]) -> bool:
    call = context.facts.parent(name)
    is_called = isinstance(call, ast.Call) and call.func is name and not context.loops(name)
    return is_called and _runs_once(context, context.scope_of(name), above)


def _is_kept(context: Context, call: ast.Call) -> bool:
    """Return whether the result goes where the next call finds it: an attribute, an item, a global, a default."""
    here: ast.AST = call
    above = context.facts.parent(here)
    while isinstance(above, ast.expr):
        if isinstance(above, ast.Call) and isinstance(above.func, ast.Attribute) and above.func.attr == "setdefault":
            return True
        here, above = above, context.facts.parent(above)
    match above:
        case ast.Assign(targets=targets, value=value) if value is call:
            return any(_is_lasting(context, target) for target in targets)
        case ast.AnnAssign(target=target, value=value) if value is call:
            return _is_lasting(context, target)
        case _:
            return False


def _is_lasting(context: Context, target: ast.expr) -> bool:
    if isinstance(target, ast.Name):
        place = context.place(target)
        return place is not None and place.kind in (PlaceKind.GLOBAL, PlaceKind.ENCLOSING)
    return isinstance(target, ast.Attribute | ast.Subscript)


def _stays(context: Context, node: ast.expr, looped: bool) -> bool:
    """Return whether an argument is the same in each call: a constant, a global, an attribute of ``self``.

    In a loop also what the loop does not write.
    """
    for part in ast.walk(node):
        if not isinstance(part, ast.Name) or not isinstance(part.ctx, ast.Load):
            if isinstance(part, ast.Call | ast.Await | ast.Yield | ast.NamedExpr):
                return False
            continue
        owner = context.facts.lookup(part)
        if owner is None or owner is context.facts.module or context.facts.class_of_self(part) is not None:
            continue
        written = (context.written_in(loop) for loop in context.loops(node))
        if not looped or any(part.id in names for names in written):
            return False
    return True


CASES = (
    Case(
        name="in a helper that a function of the file calls",
        before="""
from string import Template
def make():
    return Template("$name has $count")
def show(name, count):
    return make().substitute(name=name, count=count)
""",
        after="""
from functools import cache
from string import Template
@cache
def make():
    return Template("$name has $count")
def show(name, count):
    return make().substitute(name=name, count=count)
""",
        call="show",
        inputs=("('a', 1)",),
        hot=True,
    ),
    Case(
        name="a template of the module",
        before="""
from string import Template
TEXT = "$name has $count"
def show(name, count):
    return Template(TEXT).substitute(name=name, count=count)
""",
        after="""
from string import Template
TEXT = "$name has $count"
TEMPLATE = Template(TEXT)
def show(name, count):
    return TEMPLATE.substitute(name=name, count=count)
""",
        call="show",
        inputs=("('a', 1)",),
        hot=True,
    ),
    Case(
        name="a signature in a loop",
        before="""
import inspect
def call(function, rows):
    found = []
    for row in rows:
        found.append(len(inspect.signature(function).parameters) + row)
    return found
""",
        after="""
import inspect
from functools import cache
signature = cache(inspect.signature)
def call(function, rows):
    found = []
    for row in rows:
        found.append(len(signature(function).parameters) + row)
    return found
""",
        call="call",
        inputs=("(len, [1, 2])", "(len, [])"),
        hot=True,
    ),
)

ADVISE = (
    Advise("imported from where it is found",
           "try:\n    from inspect import getfullargspec as spec\nexcept ImportError:\n"
           "    from inspect import getargspec as spec\ndef f(g, *args):\n    return g(*args[: len(spec(g).args)])\n"),
    Advise("imported if it is there",
           "try:\n    import jinja2\nexcept ImportError:\n    jinja2 = None\ndef f(x):\n"
           "    return jinja2.Template('{{ x }}').render(x=x)\n"),
)  # fmt: skip

REFUSE = (
    Refuse("one of the file's own, where it cannot be imported",
           "try:\n    from inspect import signature\nexcept ImportError:\n    signature = len\n"
           "def f(g):\n    return signature(g)\n"),
    Refuse("other arguments each time",
           "from string import Template\ndef f(texts):\n    return [Template(text) for text in texts]\n"),
    Refuse("kept on the object",
           "from string import Template\nclass A:\n    def f(self):\n        if self.t is None:\n"
           "            self.t = Template('$x')\n        return self.t\n"),
    Refuse("cached",
           "from functools import cache\nfrom string import Template\n@cache\ndef f():\n    return Template('$x')\n"),
    Refuse("the argument is the data", "import json\ndef f(line):\n    return json.loads(line)\n"),
    Refuse("once, at import", "from string import Template\nT = Template('$x')\n"),
    Refuse("in a function that main calls",
           "import argparse\ndef make():\n    return argparse.ArgumentParser()\ndef read(words):\n"
           "    return make().parse_args(words)\ndef main():\n    return read([])\n"),
    Refuse("in a function that is called at import",
           "from string import Template\ndef make():\n    return Template('$x')\nT = make()\n"),
    Refuse("in the constructor",
           "from string import Template\nclass A:\n    def __init__(self):\n        t = Template('$x')\n"
           "        self.u = t.x\n"),
)  # fmt: skip

BENCH = None
