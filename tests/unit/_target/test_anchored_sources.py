"""Sources of all kinds mean with anchors what they mean plainly, and fail from the same places."""

from __future__ import annotations

import pytest
from tests.unit._target.anchored import FILE, compare, run, run_plainly
from tests.unit._target.kinds_of_source import SOURCES

from whet._target import placing
from whet._target.anchors import install_anchors


@pytest.mark.parametrize("text", SOURCES.values(), ids=SOURCES)
def test_kinds_of_source_keep_their_meaning(text: str):
    runs = compare(text)
    assert runs[0].failed == ""
    assert runs[0].log


@pytest.mark.parametrize(
    "text",
    [
        "def f(xs):\n    n = 0\n    for x in xs:\n        n += x['key'] + 1\n    return n\nf([{'key': 1}, {}])",
        "def f():\n    for x in (1, 0):\n        y = [\n            1,\n            2 // x,\n        ]\nf()",
        "class C:\n    for i in [1]:\n        missing.attribute[i](1)",
        "for x in undefined(1)[2]:\n    pass",
        "def f(a):\n    for x in a.b.c:\n        pass\nf(1)",
        "def g():\n    for i in range(2):\n        yield 1 // i\nlist(g())",
        "for x in 5:\n    pass",
        "for x in (\n    5\n):\n    pass",
        "for a, b in [(1, 2, 3)]:\n    pass",
        "def f():\n    raise ValueError('of its own')\nfor x in [1]:\n    f()",
    ],
)
def test_errors_come_from_the_same_places_to_the_column(text: str):
    (first, _) = compare(text)
    assert first.where


@pytest.mark.parametrize(
    "source",
    [
        b"# -*- coding: latin-1 -*-\nname = '\xe9'\nfor c in name:\n    log(c)\n",
        b"\xef\xbb\xbfname = '\xc3\xa9'\nfor c in name:\n    log(c)\n",
        b"def f():\r\n    for c in 'ab':\r\n        log(c)\r\nf()\r\n",
        b"\x0cdef f():\n\x0c    for c in 'ab':\n        log(c)\n\x0c\nf()\n",
        b"for c in 'ab':\n\tlog(c)\n\tlog(1)",
        "größe = 'ab'\nfor ſ in größe:\n    log(s + 'ﬁ')\n".encode(),
    ],
)
def test_sources_are_read_as_the_language_reads_them(source: bytes):
    plain = run(compile(source, FILE, "exec", dont_inherit=True))
    seen = run(install_anchors(*placing.compile_with_anchors(source, FILE, 100, togglable=True)))
    assert (seen.log, seen.events, seen.failed) == (plain.log, plain.events, "")
    assert plain.log


@pytest.mark.parametrize(
    "source",
    [b"def f(:\n", b"\xff\xfe", b"# coding: klingon\n", b"x = 1\0", b"return 1", b"def f():\n  x\n y", b"f() = 1"],
)
def test_what_does_not_compile_fails_as_it_does_plainly(source: bytes):
    with pytest.raises((SyntaxError, ValueError)) as plainly:
        compile(source, FILE, "exec")
    with pytest.raises((SyntaxError, ValueError)) as caught:
        placing.compile_with_anchors(source, FILE, 100, togglable=True)
    assert repr(caught.value) == repr(plainly.value)


@pytest.mark.parametrize(
    "text",
    [
        f"x = {'1 + ' * 1000}1\n",
        f"x = {'(' * 90}1{')' * 90}\n",
        f"x = {'[' * 80}1{']' * 80}\n",
        f"if 1:\n x = 1\n{''.join(f'elif 1:{chr(10)} x = {n}{chr(10)}' for n in range(1000))}",
        "x = [\n" + "".join(f"lambda: [{n} for _ in 'ab'],\n" for n in range(1000)) + "]\n",
    ],
    ids=["operators", "brackets", "lists", "branches", "functions"],
)
def test_deep_sources_compile_or_are_left_to_the_plain_path(text: str):
    source = f"{text}log(len(repr(x)) > 0)\n"
    try:
        placed = placing.compile_with_anchors(source, FILE, 100, togglable=True)
    except RecursionError:
        return
    assert run(install_anchors(*placed)).log == run_plainly(source).log == [True]
