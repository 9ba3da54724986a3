"""How sure a rewrite is: safe only where the source shows that nothing else can be meant."""

import pytest

from whet.engine.check import examine, run_side
from whet.engine.loading import load_rules
from whet.fix.edits import apply_edits
from whet.fix.select import select

RULES = {module.rule.slug: module for module in load_rules()}

SAFE = {
    "list-cast": ("def f(s):\n    xs = [1, 2]\n    for x in list(xs):\n        s(x)\n    return xs\n",),
    "list-copy": (
        "def f(n):\n    out = []\n    for x in range(n):\n        out.append(x)\n    return out\n",
        "def f(xs):\n    out = []\n    for x in (x + 1 for x in xs):\n        out.append(x)\n    return out\n",
        "def g(p):\n    out = []\n    for x in open(p):\n        out.append(x)\n    return out\n",
    ),
    "readlines": (
        "def f(p):\n    out = []\n    with open(p) as g:\n        for line in g.readlines():\n"
        "            out.append(line.strip())\n    return out\n",
        "def f(p):\n    g = open(p)\n    n = [len(line) for line in g.readlines() if line]\n    g.close()\n"
        "    return n\n",
    ),
    "map-lambda": ("def f(xs):\n    return list(map(lambda x: -x[0] + len(x), xs))\n",),
    "gen-in-ctor": (
        "import math\ndef f(xs):\n    return list(x + math.pi for x in xs if x)\n",
        "def f(s):\n    return list(x for x in s.next_one)\n",
    ),
    "keys-membership": ("def f(k):\n    d = dict(a=1)\n    return k in d.keys()\n",),
    "items-unused": ("def f(xs):\n    d = {x: x for x in xs}\n    return [k for k, _ in d.items()]\n",),
    "startswith-tuple": (
        "def f(xs):\n    for x in xs:\n        s = f'<{x}>'\n"
        "        if s.startswith('a') or s.startswith('b'):\n            print(x)\n",
    ),
    "append-extend": ("def f(x):\n    out = [1]\n    out.append(2)\n    for y in range(x):\n        out.append(y)\n",),
    "set-update": ("def f(x):\n    out = {1}\n    for y in range(x):\n        out.add(y)\n    return out\n",),
}
NOT_SAFE = {
    "list-cast": (
        "def f(xs: list[int]):\n    n = 0\n    for x in list(xs):\n        n += x\n    return n\n",
        "class A:\n    def __init__(self):\n        self._xs = []\n    def f(self):\n        xs = self._xs\n"
        "        for x in list(xs):\n            x.n += 1\n".replace("x.n += 1", "assert x.n"),
    ),
    "list-copy": (
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x)\n    return out\n",
        "def f(xs):\n    out = []\n    for x in reversed(xs):\n        out.append(x)\n    return out\n",
        "def f(xs: list[int]):\n    out = []\n    for x in xs:\n        out.append(x)\n    return out\n",
    ),
    "readlines": (
        "def f(g):\n    with open('a') as file:\n        for line in file.readlines():\n            g(line)\n",
        "def f(out):\n    with open('a') as file:\n        for line in file.readlines():\n            out[0] = line\n",
        "def f(out):\n    with open('a') as file:\n        for line in file.readlines():\n"
        "            out.append(line)\n",
        "def f(n):\n    with open('a') as file:\n        for line in file.readlines():\n            print(n)\n",
        "def f(n):\n    try:\n        for line in open('a').readlines():\n            n += 1\n    except ValueError:\n"
        "        pass\n    return n\n",
        "for line in open('a').readlines():\n    n = line\n",
        "def f(g):\n    n = 0\n    for line in open('a').readlines():\n        for x in g:\n            n += 1\n"
        "    return n\n",
    ),
    "map-lambda": (
        "def f(g, xs):\n    return list(map(lambda x: g(x), xs))\n",
        "def f(xs):\n    return list(filter(lambda x: x.head, xs))\n",
        "def f(xs, it):\n    return set(map(lambda x: it.__next__() + x, xs))\n",
    ),
    "gen-in-ctor": (
        "def f(g, xs):\n    return list(g(x) for x in xs)\n",
        "def f(xs):\n    return set(x for x in xs if x.head)\n",
        "def f(g, xs):\n    return dict((x, y) for x in xs for y in g(x))\n",
    ),
    "keys-membership": (
        "def f(d: dict[str, int], k):\n    return k in d.keys()\n",
        "class A:\n    def __init__(self):\n        self.d = {}\n    def f(self, k):\n"
        "        return k in self.d.keys()\n",
    ),
    "items-unused": ("def f(d: dict[str, int]):\n    return [v for _, v in d.items()]\n",),
    "startswith-tuple": (
        "def f(xs: list[str]):\n    return [s for s in xs if s.startswith('a') or s.startswith('b')]\n",
    ),
    "removeprefix": (
        "class A:\n    def __init__(self, n):\n        self._s = 'ab' * n\n    def f(self):\n"
        "        for _ in range(3):\n            if self._s.startswith('ab'):\n                self._s = self._s[2:]\n",
    ),
    "append-extend": (
        "def f(s: str):\n    out = [1]\n    out.append(2)\n    for x in s.split():\n        out.append(x)\n",
        "class A:\n    def __init__(self):\n        self.out = []\n    def f(self):\n        for x in range(3):\n"
        "            self.out.append(x)\n",
    ),
    "set-update": ("def f(xs: list[int]):\n    out = {1}\n    for x in xs:\n        out.add(x)\n    return out\n",),
    "re-to-str": ("import re\ndef f(s: str):\n    return [x for x in s if re.search('a', s)]\n",),
}


def pairs(table):
    return [pytest.param(slug, code, id=f"{slug} {n}") for slug, codes in table.items() for n, code in enumerate(codes)]


@pytest.mark.parametrize(("slug", "code"), pairs(SAFE))
def test_what_the_source_shows_is_safe(slug, code):
    assert {str(finding.safety) for finding in examine(RULES[slug], code, hot=True)} == {"safe"}


@pytest.mark.parametrize(("slug", "code"), pairs(NOT_SAFE))
def test_what_it_does_not_show_is_observed_or_offered(slug, code):
    found = examine(RULES[slug], code, hot=True)
    assert found
    assert {str(finding.safety) for finding in found} <= {"observed", "offer"}


STOPPING = """
class Word:
    def __init__(self, text): self.text = text
    @property
    def first(self): return next(iter(self.text))
def by_map(words): return list(map(lambda word: word.first, words))
def by_generator(words): return list(word.first for word in words)
"""


@pytest.mark.parametrize(("slug", "call"), [("map-lambda", "by_map"), ("gen-in-ctor", "by_generator")])
def test_the_difference_that_the_offer_names_is_real(slug, call):
    (finding,) = examine(RULES[slug], STOPPING, hot=True)
    after = apply_edits(STOPPING, finding.edits)
    given = "([Word('ab'), Word(''), Word('c')],)"
    assert "StopIteration" in finding.message
    assert run_side(STOPPING, call, given) != run_side(after, call, given)
    assert "StopIteration" in run_side(after, call, given).result


def test_one_frame_that_is_filled_again_is_not_collected():
    head = "import pandas as pd\ndef f(rows, piece):\n    frame = pd.DataFrame()\n    part = pd.DataFrame({'a': [0]})\n"
    loop = "    for row in rows:\n        {}\n        frame = pd.concat([frame, {}])\n        {}\n    return frame\n"
    kept = ["part.loc[0, 'a'] = row", "part"], ["own = part.copy()", "own", "own['b'] = row"], ["", "part"]
    for before, piece, *after in ([*each, "pass"][:3] for each in kept):
        code = head + loop.format(before or "pass", piece, *after)
        (finding,) = examine(RULES["frame-concat-loop"], code, hot=True)
        assert not finding.edits, code
        assert "one frame several times" in finding.message
    for made, piece in (
        ("own = pd.DataFrame(row)", "own"),
        ("pass", "pd.DataFrame(row)"),
        ("row['n'] = 1", "pd.DataFrame([row])"),
        ("pass", "part[part.a == row]"),
    ):
        assert examine(RULES["frame-concat-loop"], head + loop.format(made, piece, "pass"), hot=True)[0].edits


def test_pieces_are_not_shared_with_a_shallow_copy():
    code = (
        "import copy\nclass Log:\n    def __init__(self):\n        self.{0} = ''\n    def add(self, x):\n"
        "        self.{0} += x\n    def read(self):\n        return self.{0}\n"
    )
    for name in ("text", "_text"):
        (finding,) = examine(RULES["str-concat"], code.format(name), hot=True)
        assert finding.edits
        assert "Shallow copies" in finding.message
        (refused,) = examine(
            RULES["str-concat"], code.format(name) + "def fork(log):\n    return copy.copy(log)\n", hot=True
        )
        assert not refused.edits


def test_a_read_of_the_pieces_leaves_them_to_who_appends():
    code = (
        "class Log:\n    def __init__(self):\n        self.text = ''\n    def add(self, x):\n        self.text += x\n"
    )
    after = apply_edits(code, select(examine(RULES["str-concat"], code, hot=True)).edits)
    names = {}
    exec(after, names)
    log = names["Log"]()
    log.add("a")
    pieces = log._text_parts
    assert log.text == "a"
    pieces.append("b")
    assert log.text == "ab"
    log.text = "c"
    log.add("d")
    assert log.text == "cd"
