"""Anchors as objects: what they keep alive, how they travel, and how they come into code."""

from __future__ import annotations

import copy
import gc
import pickle
from types import CodeType, FunctionType

import pytest
from tests.unit._target.anchored import FILE, compare
from tests.unit._target.kinds_of_source import SOURCES

from whet._target import placing
from whet._target.anchors import Anchor, can_patch, install_anchors, patch


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
