"""Functions that other compilers read as bytecode hold nothing of whet's."""

from __future__ import annotations

import textwrap
from types import CodeType

import pytest
from tests.unit._target.anchored import FILE

from whet._target.anchors import Anchor, install_anchors
from whet._target.code_tree import walk_code
from whet._target.counts import Count
from whet._target.placing import compile_with_anchors

FUNCTIONS = textwrap.dedent("""
    def plain(items):
        for item in items:
            print(item)
    @njit
    def decorated(items):
        def inside():
            while items:
                print(items.pop())
        for item in items:
            inside()
    def handed_over(items):
        for item in items:
            print(item)
    quick = njit(handed_over)
    class Kept:
        def method(self, items):
            for item in items:
                print(item)
    @jitclass
    class Compiled:
        def compiled_method(self, items):
            for item in items:
                print(item)
""")
ALL = {"plain", "decorated", "inside", "handed_over", "method", "compiled_method"}
READ = {"decorated", "inside", "handed_over", "compiled_method"}


def list_counted(text: str) -> set[str]:
    """Return the names of the functions that hold something of whet's."""
    code: CodeType = install_anchors(*compile_with_anchors(text, FILE, 100, togglable=True))
    counted = {
        one.co_name for one in walk_code(code) if any(isinstance(each, (Anchor, Count)) for each in one.co_consts)
    }
    plain = compile(text, FILE, "exec")
    for one, model in zip(walk_code(code), walk_code(plain), strict=True):
        if one.co_name not in counted:
            assert (one.co_code, one.co_linetable) == (model.co_code, model.co_linetable)
    return counted & ALL


def test_without_such_a_compiler_all_functions_are_counted():
    assert list_counted("from numbers import njit, jitclass\n" + FUNCTIONS) == ALL


@pytest.mark.parametrize(
    "head", ["from numba import njit", "import numba.experimental as n", "frame.apply(f, engine='numba')"]
)
def test_what_numba_is_given_is_left_alone(head: str):
    assert list_counted(head + "\n" + FUNCTIONS) == ALL - READ


def test_beside_pytorch_all_functions_are_left_alone():
    assert list_counted("import torch.nn as nn\n" + FUNCTIONS) == set()
    assert list_counted("'import torch'\n" + FUNCTIONS) == ALL
