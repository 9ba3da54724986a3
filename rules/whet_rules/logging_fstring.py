"""Let logging format the message.

## What
`log.debug(f"read {name}")`: write `log.debug("read %s", name)`.

## Why
An f-string is formatted before the call, even if the level is disabled. Given the template and the values separately,
logging formats only the messages that it emits.

## When not
The message is formatted later, by the handler, or never: a record that is kept, or waits in a `MemoryHandler` or a
queue, shows what an object has become by then; an error in `__repr__` or `__str__` is printed by logging instead of
raised. If the message is emitted, the template costs slightly more. Handlers that group by template now see the
template, and filters see `record.args`. Calls and other expressions with side effects are not moved: they are evaluated
as before. A value is formatted by `str`,
where the f-string used `format`: so only values whose type the source shows, or that are marked `!s` or `!r`, are
rewritten.

## Source
Python documentation, "Logging HOWTO", Optimization: "Formatting of message arguments is deferred until it cannot be
avoided". The figures in `RULE` are measured with `BENCH`: a disabled level.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Bench, Case, Context, Finding, Refuse, Rule, Safety, ScopeKind, Speed, Triggers

RULE = Rule(
    slug="logging-fstring",
    title="f-string in a logging call",
    family="io",
    safety=Safety.OFFER,
    speed=Speed.CONSTANT,
    triggers=Triggers(
        nodes=frozenset({ast.JoinedStr}), imports=frozenset({"logging"}), words=frozenset({"debug", "info"})
    ),
    ruff="G004",
    figures={
        "3.11": {10: 1.8, 1000: 1.9},
        "3.12": {10: 2.0, 1000: 2.1},
        "3.13": {10: 2.2, 1000: 2.1},
        "3.14": {10: 2.0, 1000: 2.0},
    },
)

_PLAIN = {"builtins.str", "builtins.int", "builtins.float", "builtins.bool", "builtins.NoneType"}
"""Types whose `format(x, "")` is `str(x)`."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each f-string that is the message of `debug` or `info`, in a loop or in a function that is called often."""
    for text in context.nodes(ast.JoinedStr):
        call = context.facts.parent(text)
        match call:
            case ast.Call(func=ast.Attribute(value=logger, attr="debug" | "info"), args=[only]) if only is text:
                pass
            case _:
                continue
        often = context.loops(call) or (context.measured and context.function.kind is not ScopeKind.MODULE)
        if not often or not _is_logger(context, logger) or not all(_keeps(keyword) for keyword in call.keywords):
            continue
        made = _split(context, text)
        if made is None:
            continue
        template, values = made
        rewrite = context.rewrite()
        rewrite.replace(text, template)
        rewrite.add_argument(call, text, ", ".join(rewrite.text(value) for value in values))
        yield context.finding(
            text,
            "The message is formatted even when its level is disabled: pass the template and the values instead.",
            rewrite=rewrite,
        )


def _keeps(keyword: ast.keyword) -> bool:
    return keyword.arg in ("exc_info", "stack_info", "stacklevel", "extra")


def _is_logger(context: Context, node: ast.expr) -> bool:
    if context.resolve(node) == "logging":
        return True
    place = context.place(node)
    return (
        place is not None
        and len(place.bindings) == 1
        and isinstance(place.bindings[0].value, ast.Call)
        and context.resolve(place.bindings[0].value.func) in ("logging.getLogger", "logging.Logger")
    )


def _split(context: Context, text: ast.JoinedStr) -> tuple[str, list[ast.expr]] | None:  # noqa: PLR0911
    """Return the source of the template, and the values that it formats."""
    source = context.source_of(text)
    if source[:2] not in ('f"', "f'") or "\n" in source or source[1:4] in ('"""', "'''"):
        return None
    quote = source[1]
    template = ""
    values: list[ast.expr] = []
    for part in text.values:
        match part:
            case ast.Constant(value=str(words)):
                if any(ord(c) < 32 or c in "\\\"'" for c in words):
                    return None
                template += words.replace("%", "%%")
            case ast.FormattedValue(value=value, conversion=conversion, format_spec=None):
                sure = context.type_of(value)
                if conversion == -1 and not (sure and sure <= _PLAIN):
                    return None
                if not isinstance(value, ast.Name | ast.Attribute) or quote in context.source_of(value):
                    return None
                template += "%r" if conversion == ord("r") else "%s" if conversion in (-1, ord("s")) else ""
                if conversion == ord("a"):
                    return None
                values.append(value)
            case _:
                return None
    return (f"{quote}{template}{quote}", values) if values else None


CASES = (
    Case(
        name="a logger of the module, in a loop",
        before="""
import logging

log = logging.getLogger(__name__)

def read(count):
    done = 0
    for number in range(count):
        done += 1
        log.debug(f"100% of {number}, {done!r}", exc_info=False)
    return done
""",
        after="""
import logging

log = logging.getLogger(__name__)

def read(count):
    done = 0
    for number in range(count):
        done += 1
        log.debug("100%% of %s, %r", number, done, exc_info=False)
    return done
""",
        call="read",
        inputs=("(3,)", "(0,)"),
    ),
    Case(
        name="the message in parentheses, with a comma, and over two lines",
        before="""
import logging

log = logging.getLogger("case")

def note(things):
    for thing in things:
        log.info((f"{thing!s}"),)
        log.info(
            (f"{thing!r} again"), stacklevel=2
        )
    return len(things)
""",
        after="""
import logging

log = logging.getLogger("case")

def note(things):
    for thing in things:
        log.info(("%s"), thing,)
        log.info(
            ("%r again"), thing, stacklevel=2
        )
    return len(things)
""",
        call="note",
        inputs=("([1, 'a', (2, 3), {'b': 1}],)", "([],)"),
    ),
    Case(
        name="the module's own function, and a type from an annotation",
        before="""
import logging

def name(who: str, things):
    for thing in things:
        logging.info(f'{who} has {thing!s}')
""",
        after="""
import logging

def name(who: str, things):
    for thing in things:
        logging.info('%s has %s', who, thing)
""",
        call="name",
        inputs=("('me', [1, 2])",),
    ),
)

REFUSE = (
    Refuse("a call is never moved",
           "import logging\ndef f(xs):\n    for x in xs:\n        logging.debug(f'{g(x)!s}')\n"),
    Refuse("a format of its own",
           "import logging\ndef f(xs):\n    for x in xs:\n        logging.debug(f'{x:>5}')\n"),
    Refuse("the type may format itself in another way",
           "import logging\ndef f(xs):\n    for x in xs:\n        logging.debug(f'{x}')\n"),
    Refuse("written in most programs",
           "import logging\ndef f(xs):\n    for x in xs:\n        logging.error(f'{x!r}')\n"),
    Refuse("not `logging`",
           "import logging\ndef f(console, xs):\n    for x in xs:\n        console.debug(f'{x!r}')\n"),
    Refuse("nothing in it", "import logging\ndef f(xs):\n    for x in xs:\n        logging.debug(f'done')\n"),
    Refuse("arguments for the template already",
           "import logging\ndef f(xs):\n    for x in xs:\n        logging.debug(f'{x!r} %s', x)\n"),
    Refuse("at start-up", "import logging\nx = 1\nlogging.debug(f'{x!r}')\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import logging\nlog = logging.getLogger('whet.bench')\nlog.setLevel(logging.ERROR)\nvalues = list(range(n))",
    before="for value in values:\n    log.debug(f'value {value!r} of {n!r}')",
    after="for value in values:\n    log.debug('value %r of %r', value, n)",
    sizes=(10, 1000),
    size_is="messages below the level",
)
