"""Which loop repeats what a line calls."""

import pytest

from whet.advise.source_loops import find_loop, parse_source

SOURCE = """\
def f(xs, db):
    for x in load(xs):
        y = x + 1
        use(find(y))
    else:
        use(None)
    while more(db):
        step(db)
    pairs = [find(x) for x in load(xs)]
    both = [load(x) for x in load(xs)]
    names = [
        x.owner.name
        for x in load(xs)
        if wanted(x)
    ]
    for x in xs:
        def inner():
            return find(x)
        class C:
            y = find(x)
    return [[find(y) for y in parts(x)] for x in xs]
find(1)
"""


@pytest.mark.parametrize(
    ("line", "called", "loop", "counted"),
    [
        (2, "load", None, None),
        (4, "find", 2, True),
        (6, "use", None, None),
        (7, "more", 7, False),
        (8, "step", 7, False),
        (9, "find", 9, True),
        (9, "load", None, None),
        (10, "load", None, None),
        (12, "__get__", 11, True),
        (13, "load", None, None),
        (14, "wanted", 11, True),
        (18, "find", None, None),
        (20, "find", None, None),
        (21, "find", 21, True),
        (21, "parts", 21, True),
        (22, "find", None, None),
        (99, "find", None, None),
    ],
)
def test_the_loop_around_a_call(line, called, loop, counted):
    found = find_loop(SOURCE, line, (called,))
    assert (found.line if found else None, found.is_counted if found else None) == (loop, counted)


def test_a_comprehension_with_a_frame_of_its_own_is_the_loop_of_what_it_calls():
    text = "total = sum(each.orders.count() for each in load())"
    assert find_loop(text, 1, ("manager_method",)) is None
    assert find_loop(text, 1, ("manager_method",), "f.<locals>.<genexpr>").line == 1
    assert find_loop(text, 1, ("manager_method", "count")).line == 1
    assert find_loop(text, 1, ("__next__",), "f.<locals>.<genexpr>") is None


@pytest.mark.parametrize("text", ["for x in", "\0", "(" * 500])
def test_a_source_that_does_not_parse_has_no_loops(text):
    assert find_loop(text, 1, ("f",)) is None


def test_what_the_interpreter_warns_of_in_a_source_is_not_whet_s_to_say(recwarn):
    assert parse_source('path = "\\d"\nx is 1000\n') is not None
    assert parse_source("x = (") is None
    assert not recwarn
