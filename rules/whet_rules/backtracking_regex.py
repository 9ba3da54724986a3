r"""Write a regular expression so that it fails in linear time.

## What
A constant pattern that tries many ways to match the same characters: one that begins with an unlimited repeat and is
searched for (`re.sub(r"\s+$", "", text)`, `re.findall(r"(\d*)-(\d*)", text)`), two such repeats in a row that take
the same characters (`\s*(.*?)\s*$`), or a repeated group that is itself a repeat (`(\w+\s?)*$`). Use a string method
(`text.rstrip()`, `text.partition("-")`), anchor the pattern with `match` or a lookbehind, or make the repeat possessive
(`\d*+`, from Python 3.11 on). A pattern that another module matches with, or compiles, is named where it is written.

## Why
A search starts again at every character: on n characters that the repeat takes, without what must follow, it makes n²
steps. A repeat of a repeat makes 2ⁿ. Where the text comes from outside, that is a denial of service.

## When not
On short texts, and where a run of such characters cannot be long. It is advice, on hot lines only: which texts match is
for you to say.

## Source
The documentation of `re` on possessive quantifiers: they "do not allow back-tracking when the expression following it
fails to match".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from whet.engine.api import (
    FLAGS_AT,
    Advise,
    Ambiguity,
    Ask,
    Case,
    Context,
    Finding,
    Matching,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
    find_ambiguity,
    fold_text,
    list_matchings,
    read_compiled,
)

RULE = Rule(
    slug="backtracking-regex",
    title="Regex that backtracks over long runs",
    family="text",
    safety=Safety.ADVICE,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(
        nodes=frozenset({ast.Assign}),
        imports=frozenset({"re", "re.compile", "pygments.lexer"}),
        names=frozenset({"findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn"}),
    ),
    asks=frozenset({Ask.LENGTH, Ask.SHARE}),
)

_REPEATED_GROUP = re.compile(r"\)[*+{]")
_SHORT = 200
"""Characters up to which their square is not more than the rest of a call."""
_REASONS = {
    Ambiguity.RESTARTED: "a search starts again at every character of a run that its first repeat takes, without what"
    " must follow: n² steps",
    Ambiguity.POLYNOMIAL: "two repeats take the same characters, and every way to divide a run of them is tried: n²"
    " steps",
    Ambiguity.EXPONENTIAL: "a repeat is itself repeated, and every way to divide a run is tried: 2ⁿ steps",
}


def detect(context: Context) -> Iterator[Finding]:
    """Yield each hot call that matches a constant pattern which backtracks."""
    if not context.measured:
        return
    if context.function.kind in (ScopeKind.CLASS, ScopeKind.MODULE):
        yield from _list_definitions(context)
    for call in context.nodes(ast.Call):
        matching, why = next(_list_reasons(context, call), (None, ""))
        if matching is None:
            continue
        place = context.place(matching.text)
        seen = place is not None and place.kind is not PlaceKind.ENCLOSING
        asked = (context.ask(place, Ask.LENGTH, at_least=_SHORT),) if place is not None and seen else ()
        yield context.finding(
            call,
            _say(matching.pattern, why),
            questions=(*asked, context.ask_cost(call)),
        )


def _list_definitions(context: Context) -> Iterator[Finding]:
    """Yield each pattern of a module or class that no code here matches with: another module does, or compiles it.

    How it is matched is not seen, so what only a search makes slow is left out. Of raw strings that nothing here
    compiles, those count that take exponential time: other texts do not look like that.
    """
    for call in context.nodes(ast.Call):
        matching = read_compiled(context, call)
        if matching is not None and not _is_matched_here(context, call):
            yield from _tell(context, call, matching.pattern, _judge(matching.pattern, matching.flags))
    for statement in context.nodes(ast.Assign):
        for value in [statement.value, *_list_elements(statement.value)]:
            if any(_is_raw_repeat(context, part) for part in ast.walk(value) if isinstance(part, ast.Constant)):
                pattern = fold_text(context, value)
                if pattern is not None and _judge(pattern) is Ambiguity.EXPONENTIAL:
                    yield from _tell(context, value, pattern, Ambiguity.EXPONENTIAL)


def _judge(pattern: str | bytes, flags: int = 0) -> Ambiguity:
    return find_ambiguity(pattern, flags, anchored=True, whole=False)


def _tell(context: Context, node: ast.expr, pattern: str | bytes, ambiguity: Ambiguity) -> Iterator[Finding]:
    if ambiguity in (Ambiguity.POLYNOMIAL, Ambiguity.EXPONENTIAL):
        yield context.finding(node, _say(pattern, _REASONS[ambiguity]), questions=(context.ask_cost(node),))


def _is_matched_here(context: Context, call: ast.Call) -> bool:
    """Return whether the file itself matches with what ``call`` compiles."""
    match context.facts.parent(call):
        case ast.Assign(targets=[ast.Name(id=name)]):
            pass
        case _:
            return True
    methods = (context.facts.parent(one) for one in (*_list_names(context, name), *_list_attributes(context, name)))
    return any(
        (isinstance(above, ast.Attribute) and above.attr in FLAGS_AT) or isinstance(above, ast.Call)
        for above in methods
    )


def _list_names(context: Context, name: str) -> tuple[ast.Name, ...]:
    return context.facts.references(name, context.function)


def _list_attributes(context: Context, name: str) -> list[ast.Attribute]:
    return [one for one, _ in context.facts.attributes(name)]


def _list_elements(value: ast.expr) -> Iterator[ast.expr]:
    """Yield what displays hold, to any depth."""
    todo = [value]
    while todo:
        match todo.pop():
            case ast.List(elts=items) | ast.Tuple(elts=items):
                pass
            case ast.Dict(values=items):
                pass
            case _:
                continue
        todo.extend(items)
        yield from (item for item in items if isinstance(item, ast.Constant | ast.BinOp))


def _is_raw_repeat(context: Context, node: ast.Constant) -> bool:
    """Return whether a string is written as patterns are: raw, with a repeat of a group."""
    value = node.value
    if not isinstance(value, str) or not _REPEATED_GROUP.search(value):
        return False
    return context.source_of(node)[:2].lower().startswith(("r'", 'r"'))


def _list_reasons(context: Context, call: ast.Call) -> Iterator[tuple[Matching, str]]:
    """Yield the patterns of a call that backtrack, and how."""
    for matching in list_matchings(context, call):
        whole = matching.method == "fullmatch"
        anchored = whole or matching.method == "match"
        why = _REASONS.get(find_ambiguity(matching.pattern, matching.flags, anchored=anchored, whole=whole))
        if why is not None:
            yield matching, why


def _say(pattern: str | bytes, why: str) -> str:
    return (
        f"{_shorten(pattern)} backtracks: {why}. Use a string method, anchor the pattern, or make the repeat possessive"
        " (`*+`, from Python 3.11 on)."
    )


def _shorten(pattern: str | bytes) -> str:
    text = repr(pattern)
    return text if len(text) <= 60 else f"{text[:57]}..."


CASES = (
    Case(
        name="space at the end",
        before="""
import re
def clean(lines):
    return [re.sub(r"[ \\t]+$", "", line) for line in lines]
""",
        after="""
def clean(lines):
    return [line.rstrip(" \\t") for line in lines]
""",
        call="clean",
        inputs=("(['a  b \\t', '', ' '],)", "([],)"),
        hot=True,
    ),
    Case(
        name="a pattern of the module, searched for",
        before="""
import re
_RANGE = re.compile(r"(\\d+)-(\\d+)")
def find(text):
    return [(int(a), int(b)) for a, b in _RANGE.findall(text)]
""",
        after="""
import re
_RANGE = re.compile(r"(?<!\\d)(\\d+)-(\\d+)")
def find(text):
    return [(int(a), int(b)) for a, b in _RANGE.findall(text)]
""",
        call="find",
        inputs=("('1-2, 30-4, 5',)", "('',)"),
        hot=True,
    ),
    Case(
        name="a repeat of a repeat, of a class",
        before="""
import re
class Words:
    pattern = re.compile(r"(\\w+,?)*$")
    def fits(self, text):
        return self.pattern.match(text) is not None
def run(text):
    return Words().fits(text)
""",
        after="""
import re
class Words:
    pattern = re.compile(r"(?!,)(?:\\w|(?<=\\w),)*$")
    def fits(self, text):
        return self.pattern.match(text) is not None
def run(text):
    return Words().fits(text)
""",
        call="run",
        inputs=("('a,b,cd',)", "('a,,b',)", "('',)", "(',a',)"),
        hot=True,
    ),
)

ADVISE = (
    Advise("two repeats of the same characters",
           "import re\ndef f(s):\n    return re.match(r'\\s*(.*?)\\s*$', s)\n"),
    Advise("repeats with an optional one between",
           "import re\nP = re.compile(r'(\\d+)\\s*(\\S+) ')\ndef f(s):\n    return P.match(s)\n"),
    Advise("an alternative that others make up",
           "import re\ndef f(s):\n    p = re.compile(r'(?:[\\w-]|\\w-\\w)*;')\n    return p.match(s)\n"),
    Advise("put together of constants",
           "import re\nEND = '.'\nP = re.compile('(.*?)((?:%s)*)$' % '|'.join(map(re.escape, (END, '&gt;'))))\n"
           "def f(s):\n    return P.match(s)\n"),
    Advise("put together of names, in bytes, of a class by its name",
           "import re\nX = b'[a-z]'\nY = X + b'+'\nclass A:\n    P = re.compile(Y + b';')\n"
           "    def f(self, s):\n        return A.P.search(s)\n"),
    Advise("below a star import",
           "from os.path import *\nimport re\nP = re.compile('%s+;' % re.escape('x'))\ndef f(s):\n"
           "    return P.search(s), re.search('[a-z]+;', s)\n"),
    Advise("formatted by names, with braces of its own",
           "import re\nX = r'\\s*'\nP = re.compile('{{?{x}{end}{0}'.format(X + ';', x=X, end=X))\n"
           "def f(s):\n    return P.match(s)\n"),
    Advise("filled from a display of names, of a class",
           "import re\nclass A:\n    word = r'[^\\W\\d]+'\n    form = r'%(word)s[.]%%'\n"
           "    def f(self, s):\n        return re.search(self.form % {'word': self.word}, s)\n"),
    Advise("chosen from two",
           "import re\ntry:\n    P = re.compile('x')\nexcept re.error:\n    P = re.compile('[a-z]+;')\n"
           "STRICT = re.compile(r'(\\w+,?)*$')\ndef f(s, strict):\n    chosen = STRICT if strict else P\n"
           "    return chosen.match(s)\n"),
    Advise("chosen by and, or",
           "import re\nP = re.compile('x')\nQ = re.compile('[a-z]+;')\nSTRICT = True\ndef f(s):\n"
           "    p = STRICT and P or Q\n    return p.search(s)\n"),
    Advise("of a long sum, of a class",
           "import re\nclass A:\n    space = b'[ ]*'\n    line = space + b'[ ]+' + space\n"
           "    P = re.compile(b'a' + b'b' + b'c' + b'd' + b'e' + b'f' + b'g' + b'h' + b'i' + b'j' + line + b'k')\n"
           "    def f(self, s):\n        return self.P.search(s, 3)\n"),
    Advise("compiled for another module", "import re\nWORDS = re.compile(r'(\\w+,?)*;')\n"),
    Advise("data that another module compiles",
           "from pygments.lexer import RegexLexer\nclass Lexer(RegexLexer):\n    tokens = {'root': [\n"
           "        (r'\"(\\\\\\\\|\\\\\"|[^\"])*\"', 'string'),\n"
           "        (r'[a-z]+', 'name')]}\n"),
    Advise("data, put together of several texts",
           "import re\nSIGN = '[a-z]'\nclass Inline:\n    EMPHASIS = r'[*](?:' + SIGN + r'|[^*])*' + '[*]'\n"),
    Advise("by name", "from re import search\ndef f(s):\n    return search('[a-z]+[.]html', s)\n"),
)  # fmt: skip

REFUSE = (
    Refuse("compiled for another module, which may anchor it", "import re\nDIGITS = re.compile(r'[0-9]+;')\n"),
    Refuse("data that takes linear time", "import re\nTOKENS = [(r'\"([^\"\\\\]|\\\\.)*\"', 'string')]\n"),
    Refuse("a text that is no pattern", "import re\nTEXT = ['a (b)* c', r'a\\b(c)*']\n"),
    Refuse("it is matched at the start", "import re\ndef f(s):\n    return re.match(r'\\d+-', s)\n"),
    Refuse("anchored", "import re\ndef f(s):\n    return re.search(r'^\\s+x', s)\n"),
    Refuse("nothing must follow", "import re\ndef f(s):\n    return re.findall(r'\\w+', s)\n"),
    Refuse("what follows is of the same", "import re\ndef f(s):\n    return re.findall(r'\\d+\\w', s)\n"),
    Refuse("possessive", "import re\ndef f(s):\n    return re.match(r'\\s*+\\s*x', s)\n"),
    Refuse("a limited repeat", "import re\ndef f(s):\n    return re.search(r'\\d{1,3}-', s)\n"),
    Refuse("repeats of different characters", "import re\ndef f(s):\n    return re.match(r'\\d*\\s*x', s)\n"),
    Refuse("separated groups", "import re\ndef f(s):\n    return re.match(r'([^,]*,)*$', s)\n"),
    Refuse("alternatives that begin otherwise",
           "import re\ndef f(s):\n    return re.match(r'(?:[a-z]|\\d-\\d)*;', s)\n"),
    Refuse("an alternative between quotes", "import re\ndef f(s):\n    return re.match(r'(?:[^\"]|\"\\w*\")*$', s)\n"),
    Refuse("put together of what varies",
           "import re\ndef f(s, end):\n    return re.match('(.*?)(%s)*$' % end, s)\n"),
    Refuse("a field with a width, or of what is not known",
           "import re\nX = r'\\s*'\nP = re.compile('{:9}{}'.format(X, X))\nQ = re.compile('%9s%s' % (X, X))\n"
           "def f(s, y):\n    return P.match(s), Q.match(s), re.match(f'{X!r}{X}', s), \\\n"
           "        re.match('{}{y}'.format(X, y=y), s)\n"),
    Refuse("chosen from what is right, or from what is not known",
           "import re\nP = re.compile('^a+b')\nQ = re.compile('b+$') if P else g()\n"
           "def f(s, p=re.compile('[a-z]+;')):\n    return (P if s else re.compile('c')).search(s), \\\n"
           "        Q.search(s), p.search(s)\n"),
    Refuse("a name that is put together of itself", "import re\nA = A + 'x*'\ndef f(s):\n    return re.search(A, s)\n"),
    Refuse("the pattern varies", "import re\ndef f(p, s):\n    return re.search(p, s)\n"),
    Refuse("no pattern", "import re\ndef f(s):\n    return re.search('(', s)\n"),
)  # fmt: skip

BENCH = None
