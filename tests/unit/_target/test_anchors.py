"""Programs run plainly and with anchors: what they do is the same, and what anchors claim is true."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FunctionType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whet._target import placing
from whet._target.anchors import Anchor, can_patch, install_anchors, patch

FILE = "/user/program.py"
_TOOL = 4


@dataclass
class Run:
    """What a program did: line events by (first line of the code object, line), log, how it failed and where."""

    events: Counter[tuple[int, int]] = field(default_factory=Counter)
    log: list[object] = field(default_factory=list)
    failed: str = ""
    where: list[tuple[object, ...]] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    names: dict[str, object] = field(default_factory=dict)


def run(code: CodeType, given: dict[str, object] | None = None) -> Run:
    """Run a program under the very events that line_profiler counts."""
    result = Run()
    result.names = {"__name__": "__main__", "log": result.log.append, **(given or {})}
    stop = _count_by_monitoring(result.events) if sys.version_info >= (3, 12) else _count_by_tracing(result.events)
    try:
        exec(code, result.names)
    except BaseException as error:
        result.failed = repr(error)
        result.where = _list_places(error)
    finally:
        stop()
    return result


def _count_by_tracing(events: Counter[tuple[int, int]]) -> Callable[[], None]:
    def trace(frame: object, event: str, _argument: object) -> object:
        code = frame.f_code  # type: ignore[attr-defined]
        if code.co_filename != FILE:
            return None
        if event == "line":
            events[code.co_firstlineno, frame.f_lineno] += 1  # type: ignore[attr-defined]
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    return lambda: sys.settrace(before)


def _count_by_monitoring(events: Counter[tuple[int, int]]) -> Callable[[], None]:
    monitoring = sys.monitoring  # type: ignore[attr-defined,unused-ignore]

    def count(code: CodeType, line: int) -> None:
        if code.co_filename == FILE:
            events[code.co_firstlineno, line] += 1

    def stop() -> None:
        monitoring.set_events(_TOOL, 0)
        monitoring.register_callback(_TOOL, monitoring.events.LINE, None)
        monitoring.free_tool_id(_TOOL)

    monitoring.use_tool_id(_TOOL, "tests")
    monitoring.register_callback(_TOOL, monitoring.events.LINE, count)
    monitoring.set_events(_TOOL, monitoring.events.LINE)
    return stop


def _list_places(error: BaseException) -> list[tuple[object, ...]]:
    """Return function, line and columns of all frames of a traceback."""
    places: list[tuple[object, ...]] = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if code.co_filename == FILE:
            places.append((code.co_qualname, step.tb_lineno, list(code.co_positions())[step.tb_lasti // 2]))
        step = step.tb_next
    return places


def run_plainly(text: str, **given: object) -> Run:
    return run(compile(textwrap.dedent(text), FILE, "exec", dont_inherit=True), given)


def run_with_anchors(text: str, *, togglable: bool = True, budget: int = 1000, **given: object) -> Run:
    """Run a program with anchors: wherever they tell something, or only where they cost nothing in comparison."""
    code, anchors = placing.compile_with_anchors(
        textwrap.dedent(text).encode(), FILE, budget, togglable=togglable, is_main=True
    )
    result = run(install_anchors(code, anchors), given)
    result.anchors = anchors
    return result


def list_wrong_claims(anchors: list[Anchor], events: Counter[tuple[int, int]]) -> list[str]:
    """Return the claims that line events refute."""
    wrong = []

    def check(anchor: Anchor, line: int, least: int, most: int) -> None:
        true = events[anchor.code_line, line]
        if not least <= true <= most:
            wrong.append(f"{anchor.kind} in {anchor.function}: line {line} ran {true} times, not {least} to {most}")

    for anchor in anchors:
        if not anchor.is_exact:
            continue
        for line in anchor.lines:
            check(anchor, line, anchor.n, anchor.n)
        if anchor.kind == "sized":
            if anchor.header:
                least = anchor.n + anchor.entries
                check(anchor, anchor.header, least, least if anchor.header_is_sure else events.total())
        else:
            for line in anchor.checked:
                check(anchor, line, anchor.passed, anchor.n)
            for line in anchor.likely:
                check(anchor, line, 0, anchor.n)
    return wrong


PRELUDE = """
    class Stop(BaseException): pass
    class Growing:
        def __init__(self, n): self.n = n
        def __getitem__(self, i):
            if i >= self.n: raise IndexError
            return i
    class Kind(list): pass
    class Box:
        def __init__(self, items): self.items = items
        def __enter__(self): return self
        def __exit__(self, kind, *_): return kind is not None and issubclass(kind, Exception) and len(self.items) % 2
    def count(n):
        for i in range(n):
            yield i
    fuel = [150]
    def tick():
        fuel[0] -= 1
        if fuel[0] < 0: raise Stop
    shared = [1, 2, 3]
    table = {1: 2, 3: 4}
"""
ITERABLES = (
    "xs", "xs", "xs", "box.items", "range(n)", "(1, 2, 3)", "'abc'", "list(xs)", "sorted(xs)", "xs[1:]", "dict(table)",
    "table", "table.items()", "count(n)", "Growing(n)", "Kind(xs)", "[k + 1 for k in xs]", "set(xs)", "shared",
    "bytearray(n)", "frozenset(xs)", "xs + [4]", "xs or [1]", "(xs if n else shared)", "enumerate(xs)", "[]",
    "[\n1, 2]", "sorted(\nxs\n)", "5", "(ys := xs)",
)  # fmt: skip
STATEMENTS = (
    "v += 1", "v = v * 2 % 7", "v = len(xs)", "log(v)", "log(v); v += 2", "v = 1 // (v % 4)", "xs = list(xs)",
    "xs.append(v) if len(xs) < 6 else 0", "xs.pop() if xs else 0", "box.items.append(v) if len(box.items) < 6 else 0",
    "shared.append(1) if len(shared) < 5 else 0", "xs[:1] = []", "del xs[0]", "table[v % 5] = v", "table.pop(v % 5, 0)",
    "pass", "'text'", "...", "w: int", "w: int = 3", "assert v % 5, v", "ys = [k for k in xs if k]",
    "v = sum(k for k in xs)", "v = {k: 1 for k in xs} and 3", "v = max(1,\n v)", "import math",
    "v = (lambda a: a + 1)(v)", "xs += [v] if len(xs) < 5 else []", "if v % 2: v += 1", "if [k for k in xs]: v += 1",
    "while v % 3: v += 1", "for k in xs: v += k", "tick()", "raise ValueError(v)", "(v := v + 1)", "a, b = v, 1",
    "v, *w = xs", "type(v)", "xs = box.items",
)  # fmt: skip
LOOP_TESTS = ("tick() is None and v % 4", "True", "xs and tick() is None", "(v := v + 1) % 4")
BRANCH_TESTS = ("v % 2", "xs", "v > 3", "not n", "1", "0")
CAUGHT = ("ValueError", "Exception", "(TypeError, IndexError)")
YIELDS = ("yield v", "v = (yield v) or 1", "if (yield v): v += 1", "yield from xs")


@st.composite
def blocks(draw: st.DrawFn, depth: int, in_loop: bool, in_generator: bool, called: int) -> list[str]:
    """Make up the lines of a block."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        lines += draw(statements(depth, in_loop, in_generator, called))
    return lines


@st.composite
def statements(draw: st.DrawFn, depth: int, in_loop: bool, in_generator: bool, called: int) -> list[str]:
    kinds = ["simple"] * 6 + (["leave"] if in_loop else []) + ["return"] + (["yield"] * 2 if in_generator else [])
    kinds += ["call"] if called else []
    kinds += ["for", "for", "for", "while", "if", "try", "with", "match", "define"] if depth else []
    kind = draw(st.sampled_from(kinds))

    def block(inside: bool = in_loop) -> list[str]:
        return [f"    {line}" for line in draw(blocks(depth - 1, inside, in_generator, called))]

    match kind:
        case "simple":
            return draw(st.sampled_from(STATEMENTS)).split("\n")
        case "leave":
            leave = draw(st.sampled_from(["break", "continue"]))
            return [f"if v % {draw(st.integers(1, 4))} == 0: {leave}"] if draw(st.booleans()) else [leave]
        case "return":
            return [f"if v % {draw(st.integers(2, 5))} == 0: return v"]
        case "yield":
            return [draw(st.sampled_from(YIELDS))]
        case "call":
            return [f"f{draw(st.integers(0, called - 1))}(xs, v % 3, box)"]
        case "for":
            iterable = draw(st.sampled_from(ITERABLES))
            lines = [*f"for x in {iterable}:".split("\n"), *block(True)]
            if draw(st.integers(0, 3)) == 0:
                lines += ["else:", *block()]
            return lines
        case "while":
            return [f"while {draw(st.sampled_from(LOOP_TESTS))}:", "    tick()", *block(True)]
        case "if":
            lines = [f"if {draw(st.sampled_from(BRANCH_TESTS))}:", *block()]
            return [*lines, "else:", *block()] if draw(st.booleans()) else lines
        case "try":
            lines = ["try:", *block(), f"except {draw(st.sampled_from(CAUGHT))}:", *block()]
            return [*lines, "finally:", "    log('finally')"] if draw(st.booleans()) else lines
        case "with":
            return [f"with {draw(st.sampled_from(['box', 'box as w', 'Box(xs)']))}:", *block()]
        case "match":
            inside = [f"    {line}" for line in block()]
            return ["match v % 3:", "    case 0:", *inside, "    case k:", "        v += k"]
        case _:
            return ["def inner(xs, n, box):", "    v = n", *block(False), "inner(xs, v % 3, box)"]


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Make up a program of a few functions, generators and statements of its own."""
    lines = textwrap.dedent(PRELUDE).strip().split("\n")
    for number in range(draw(st.integers(1, 3))):
        generates = draw(st.integers(0, 3)) == 0
        name = f"f{number}"
        lines += [f"def {name}(xs, n, box):"]
        if draw(st.booleans()):
            lines += ['    """What it does."""']
        lines += ["    tick()", "    v = n"]
        lines += [f"    {line}" for line in draw(blocks(2, False, generates, number))]
        if generates:
            taken = draw(st.sampled_from(["for _ in made: pass", "next(made, 0)", "list(zip(range(2), made))"]))
            lines += [f"def use_{name}(xs, n, box):", f"    made = {name}(xs, n, box)", f"    {taken}"]
    lines += [f"for n in range({draw(st.integers(1, 4))}):", "    xs, box, v = [1, 2, n], Box([n, 1]), n"]
    for number in reversed(range(3)):
        for name in (f"use_f{number}", f"f{number}"):
            if f"def {name}(xs, n, box):" in lines:
                lines += [
                    "    try:",
                    f"        log({name}(xs, n, box).__class__)",
                    "    except (Stop, Exception) as e:",
                ]
                lines += ["        log(repr(e))"]
                break
    lines += [f"v, n, xs, box = 1, 2, {draw(st.sampled_from(['[1, 2]', 'shared', '(1, 2)']))}, Box([1])"]
    lines += draw(blocks(2, False, False, 1).map(lambda block: [line for line in block if "return" not in line]))
    return "\n".join(lines) + "\n"


def compare(text: str, **given: object) -> list[Run]:
    """Run a program plainly and with anchors in both ways; check that nothing differs, and that claims are true."""
    plain = run_plainly(text, **given)
    runs = [run_with_anchors(text, togglable=togglable, **given) for togglable in (False, True)]
    for seen in runs:
        assert seen.log == plain.log
        assert seen.failed == plain.failed
        assert seen.where == plain.where
        assert seen.events == plain.events
        assert list_wrong_claims(seen.anchors, plain.events) == []
    return runs


def compiles(text: str) -> bool:
    """Say whether a program is one: some that are made up have two stars or yield where they must not."""
    try:
        compile(text, FILE, "exec")
    except SyntaxError:
        return False
    return True


@settings(max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(programs().filter(compiles))
def test_whatever_a_program_does_it_does_with_anchors_too_and_their_claims_are_true(text: str):
    compare(text)


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


SOURCES = {
    "future first": "from __future__ import annotations\ndef f(x: Unknown): return x\nlog((f(1), __name__))",
    "docstrings": '''"""The module."""
class C:
    """The class."""
    def f(self):
        """The function."""
    def g(self):
        "only"
        for x in [1]: pass
log((__doc__, C.__doc__, C.f.__doc__, C.g.__doc__))''',
    "no docstring": '''
def f():
    for x in "ab":
        log(x)
log(f.__doc__)
class C:
    for x in "ab":
        y = x
log(C.__doc__)''',
    "text first": '''
def f():
    x = "not a docstring"
    for y in x:
        log(y)
f()
log(f.__doc__)''',
    "one-line suites": '''
def f(): return 1
class C: x = 1
for x in "ab": log(x)
while x: x = ""
if not x: log("no")
log(f())''',
    "headers over lines": '''
def f(a,
      b=2): return a
for x in (1,
          2): log(x)
for y in [
    1, 2
]: log(y)
while (x and
       y): y = 0
class C(
    object): x = 1''',
    "global and nonlocal": '''
n = 0
def f():
    global n
    n += 1
    k = 0
    def g():
        nonlocal k
        for _ in "ab":
            k += 1
    g()
    return k
log((f(), n))''',
    "async": '''
import asyncio
async def numbers():
    for i in range(3):
        yield i
async def f():
    async for i in numbers():
        log(i)
    async with asyncio.Lock():
        log("in")
    return [i async for i in numbers()]
log(asyncio.run(f()))''',
    "classes": '''
class C:
    items = []
    for i in range(3):
        items.append(i)
    def __init_subclass__(cls): log(cls.__name__)
class D(C): pass
log(sorted(k for k in vars(C) if not k.startswith("__")))''',
    "decorators": '''
import functools
@functools.cache
def f(n):
    total = 0
    for i in range(n):
        total += i
    return total
log((f(4), f(4), f.cache_info()))''',
    "locals": '''
def f(a):
    for b in range(a):
        c = b
    return sorted(locals())
log(f(2))
log([n for n in dir() if n[0] != "_"])''',
    "names of code": '''
def f(a):
    for b in a:
        c = len(b)
    return c
code = f.__code__
log((code.co_varnames, code.co_cellvars, code.co_freevars, code.co_argcount, code.co_flags, code.co_firstlineno))
log((code.co_name, code.co_qualname, code.co_filename, "len" in code.co_names))''',
    "walrus and match": '''
while (n := len("abc")) and (k := n - 1):
    match [n, k]:
        case [a, *rest]:
            log((a, rest))
    break''',
    "try star": '''
try:
    raise ExceptionGroup("g", [ValueError(1), TypeError(2)])
except* ValueError as e:
    log(len(e.exceptions))
except* TypeError:
    log("type")''',
    "unpacking and del": '''
for a, *b in [(1, 2), (3,)]:
    log((a, b))
    del a
d = {}
for d["k"] in (1, 2):
    log(d)''',
    "loop else": '''
for x in "ab":
    log(x)
else:
    log("done")
for x in "ab":
    break
else:
    log("no")
while x != "b":
    x = "b"
else:
    log("out")''',
    "returning from finally": '''
def f():
    for i in range(3):
        try:
            if i == 1: return i
        finally:
            log(i)
log(f())''',
    "recursion": '''
def f(n):
    for x in [n]:
        if x: return f(x - 1)
    return "end"
log(f(200))''',
    "rebinding what is iterated over": '''
def f(xs):
    for x in xs:
        xs = None
        log(x)
    return xs
log(f([1, 2]))''',
    "deleting what is iterated over": '''
def f(xs):
    for x in xs:
        if x == 1: del xs
        log(x)
f([1, 2])
ys = [1, 2]
for y in ys:
    if y == 1: del ys
    log(y)''',
    "deleting it from elsewhere": '''
def drop():
    global ys
    del ys
ys = [1]
for y in ys:
    drop()
log("ys" in globals())
def outer():
    zs = [1]
    def drop():
        nonlocal zs
        del zs
    for z in zs:
        drop()
outer()''',
    "annotations": '''
def f():
    x: int
    y: str
log(f())
class C:
    x: int
for i in [1, 2]:
    z: int
log(C.__annotations__)''',
    "a set of constants": "for x in {3, 1, 2}:\n    log(x)\nfor x in {*'ab'} & {'a'}:\n    log(x)",
    "marks of its own": "for x in ['\\0whet anchor', 1]:\n    log(x)",
}  # fmt: skip


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


def test_an_anchor_keeps_nothing_alive():
    text = """
        import weakref
        class Held: pass
        def make():
            one = Held()
            weakref.finalize(one, log, "made")
            return [one]
        def f():
            for each in make():
                each = None
            log("after the loop")
        def g():
            xs = [Held()]
            weakref.finalize(xs[0], log, "raised")
            for x in xs:
                raise ValueError
        f()
        try:
            g()
        except ValueError:
            log("caught")
        log("after the error")
    """
    gc.disable()
    try:
        (first, _) = compare(text)
    finally:
        gc.enable()
    assert first.log == ["made", "after the loop", "caught", "raised", "after the error"]


def test_functions_pickled_by_value_take_a_stand_in_along():
    source = b"def f(xs):\n    for x in xs:\n        log(x)\n"
    code, found = placing.compile_with_anchors(source, FILE, 9, togglable=True)
    (function,) = [each for each in install_anchors(code, found).co_consts if isinstance(each, CodeType)]
    copied = iter(pickle.loads(pickle.dumps([each for each in function.co_consts if isinstance(each, Anchor)])))
    constants = tuple(next(copied) if isinstance(each, Anchor) else each for each in function.co_consts)
    assert constants != function.co_consts
    assert not any(isinstance(each, Anchor) for each in constants)
    log: list[int] = []
    FunctionType(function.replace(co_consts=constants), {"log": log.append})([1, 2])
    assert log == [1, 2]
    assert not isinstance(copy.deepcopy(found[0]), Anchor)


@pytest.mark.parametrize("text", SOURCES.values(), ids=SOURCES)
def test_an_anchor_is_described_and_made_again(text: str):
    before = None
    for anchor in placing.compile_with_anchors(text, FILE, 100, togglable=True)[1]:
        before = again = Anchor.of(pickle.loads(pickle.dumps(anchor.describe())), before)
        assert again.describe() == anchor.describe()
        assert again.check is anchor.check
        assert (again.twin is None) == (anchor.twin is None)
        assert again.n == 0


@pytest.mark.skipif(not can_patch(), reason="constants lie elsewhere here")
def test_marks_can_be_exchanged_in_code_that_runs_already():
    text = "begin()\ndef f(xs):\n    for x in xs:\n        log(x)\nf([1, 2, 3])\n"
    tree_starts = [placing.compile_with_anchors(text.removeprefix("begin()\n"), FILE, 100, togglable=True)]
    code, found = tree_starts[0]
    log: list[int] = []
    patch(code, found)
    exec(code, {"log": log.append})
    assert log == [1, 2, 3]
    counts = {anchor.kind: anchor.n for anchor in found}
    assert counts == {"once": 1, "entry": 1, "sized": 3, "loop": 3}
