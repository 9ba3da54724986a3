"""What anchors claim to have counted, and what they leave open."""

from __future__ import annotations

import textwrap

import pytest
from tests.unit._target.anchored import Run, compare, run_with_anchors


def list_counts(run: Run, kind: str = "sized") -> list[tuple[int, bool]]:
    """Return count and whether it is claimed to be exact, of the anchors of a kind."""
    return [(anchor.n, anchor.is_exact) for anchor in run.anchors if anchor.kind == kind]


@pytest.mark.parametrize(
    ("loop", "count", "exact"),
    [
        ("for x in [1, 2, 3]:\n    f(x)", 3, True),
        ("for x in range(5):\n    f(x)", 5, True),
        ("for x in 'abc':\n    f(x)", 3, True),
        ("for x, y in {1: 2, 3: 4}.items():\n    f(x)", 2, True),
        ("for x in xs:\n    f(x)", 2, True),
        ("for x in list(xs):\n    xs.append(x)", 2, True),
        ("for x in sorted(xs):\n    f(x)", 2, True),
        # The list grows, or shrinks, while it is iterated over.
        ("for x in xs:\n    xs.append(x) if len(xs) < 9 else None", 2, False),
        ("for x in xs:\n    xs.remove(x)", 2, False),
        ("for x in box[0]:\n    grow(box)", 2, False),
        ("for x in (ys := xs):\n    f(x)", 2, False),
        # Nobody can know whether f changes what the box holds.
        ("for x in box[0]:\n    f(x)", 2, False),
        ("for x in box[0]:\n    y = x + 1", 2, True),
        ("for x in box[0]:\n    total += x", 2, False),
        # The loop is left before its end.
        ("try:\n    for x in [1, 0, 2]:\n        1 / x\nexcept ZeroDivisionError: pass", 3, False),
        ("try:\n    for a, b in [(1, 2), 3]:\n        f(a)\nexcept TypeError: pass", 2, False),
        # A dictionary that loses and gains as much goes on, but who knows how often.
        ("d = {1: 2, 3: 4}\nfor x in d:\n    d[x + 9] = d.pop(x) if x < 5 else 0", 2, False),
        ("d = {1: 2, 3: 4}\nfor x in d:\n    d[x] = d[x] + 1", 2, True),
    ],
)
def test_a_length_is_a_count_only_if_nothing_came_in_between(loop: str, count: int, exact: bool):
    text = f"""
def f(*_): pass
def grow(box):
    if len(box[0]) < 5: box[0].append(1)
xs, box, total = [1, 2], [[1, 2]], 0
try:
{textwrap.indent(loop, "    ")}
except RuntimeError: pass
"""
    for seen in compare(text):
        assert list_counts(seen)[-1] == (count, exact)


def test_sums_in_a_function_leave_a_length_what_it_was():
    """Of a name that is bound to a number nothing but a number can be made; an unknown one might be a list."""
    text = """
        def f(box, other):
            total = 0
            for x in box[0]:
                total += x
            for x in box[0]:
                other += x
            return total
        f([[1, 2]], 3)
    """
    for seen in compare(text):
        assert sorted(list_counts(seen)) == [(2, False), (2, True)]


@pytest.mark.parametrize(
    "iterable", ["Sequence()", "Sub([1, 2])", "iter([1, 2])", "(x for x in 'ab')", "map(str, [1])", "Plain()"]
)
def test_what_is_no_container_of_the_languages_own_is_not_asked_for_its_length(iterable: str):
    text = f"""
        class Sequence:
            def __len__(self): raise AssertionError
            def __getitem__(self, i):
                if i > 1: raise IndexError
                return i
        class Sub(list):
            def __len__(self): raise AssertionError
        class Meta(type):
            def __hash__(self): raise AssertionError
        class Plain(metaclass=Meta):
            def __iter__(self): return iter([1, 2])
        for x in {iterable}:
            log(x)
    """
    for seen in compare(text):
        assert seen.failed == ""
        assert all(exact is False for _, exact in list_counts(seen))


def test_an_iterator_that_is_not_iterable_itself_can_be_looped_over():
    text = """
        class Steps:
            def __init__(self): self.n = 0
            def __next__(self):
                self.n += 1
                if self.n > 3: raise StopIteration
                return self.n
        class Source:
            def __iter__(self): return Steps()
        def f(source):
            for x in source:
                log(x)
        f(Source()); f([1]); f(Source())
        f(5)
    """
    (first, _) = compare(text)
    assert first.failed.startswith("TypeError")
    assert first.log == [1, 2, 3, 1, 1, 2, 3]


def test_a_generator_that_is_left_and_one_that_is_closed_count_what_they_did():
    text = """
        def numbers(n):
            first = 1
            for i in range(n):
                log(i)
            yield i
            last = 2
        made = [numbers(5) for _ in range(3)]
        for each in made:
            next(each)
        made[0].close()
        del made
        list(numbers(2))
    """
    for seen in compare(text):
        (entry,) = [anchor for anchor in seen.anchors if anchor.kind == "entry"]
        assert entry.n == 4
        assert 7 not in {*entry.lines, *entry.likely}


def test_of_passes_that_fail_those_are_told_that_do_not():
    text = """
        def parse(word):
            number = int(word)
            found = []
            for n in range(number):
                found.append(n)
            return found
        for word in "1 x 2 y 3".split():
            try:
                parse(word)
            except ValueError:
                pass
    """
    for seen in compare(text):
        (entry,) = [anchor for anchor in seen.anchors if anchor.kind == "entry"]
        assert (entry.n, entry.passed) == (5, 3)
        assert entry.lines == [3]
        assert entry.checked == [4, 7]


def test_a_module_that_stops_in_the_middle_claims_nothing_of_the_rest():
    text = "first = 1\nsecond = int('2')\nraise SystemExit\nthird = 3\n"
    for seen in compare(text):
        (module,) = [anchor for anchor in seen.anchors if anchor.kind == "once"]
        assert (module.n, module.lines) == (1, [1, 2])
        assert 4 not in {*module.checked, *module.likely}


def test_what_a_program_does_when_it_is_the_program_is_counted_apart():
    text = "def f(): pass\nif __name__ == '__main__':\n    f()\n    f()\n    log(1)\n"
    for seen in compare(text):
        assert [anchor.checked for anchor in seen.anchors if anchor.kind == "once" and anchor.lines == [3]] == [[4, 5]]


def test_there_are_no_more_anchors_than_the_budget_admits():
    text = "for x in [1]:\n    log(x)\nfor x in [2]:\n    log(x)\n"
    assert run_with_anchors(text, budget=0).anchors == []
    assert len(run_with_anchors(text, budget=2).anchors) == 2
