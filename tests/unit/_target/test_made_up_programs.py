"""Programs that are made up at random run as they do plainly, and what anchors claim of them is true."""

from __future__ import annotations

import textwrap

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit._target.anchored import FILE, compare

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
