"""What the magics make of cells and of a measurement, without a kernel."""

from __future__ import annotations

import re
import types

import pytest

from whet.errors import UsageError
from whet.notebook import list_functions, list_verdicts, read_options, transform_cell, write_table
from whet.notebook_cells import list_cells
from whet.report.fakes import make_advice, make_hotspots, make_run
from whet.report.view import build_view


def test_the_first_line_of_a_cell_becomes_the_call_and_lines_keep_their_numbers():
    assert transform_cell(["%%whet --memory\n", "x = 1\n", "await f()\n"]) == [
        "get_ipython().run_line_magic('_whet_begin', '--memory')\n",
        "x = 1\n",
        "await f()\n",
    ]
    assert transform_cell(["%%whet\n"]) == ["get_ipython().run_line_magic('_whet_begin', '')\n"]
    compile(transform_cell(["%%whet ' \\ \"\n", "1\n"])[0], "cell", "exec")


@pytest.mark.parametrize("lines", [[], ["x = 1\n"], ["%%whether\n"], ["%whet f()\n"], ["\n", "%%whet\n"], ["%%time\n"]])
def test_other_cells_stay(lines):
    assert transform_cell(lines) == lines


def test_options():
    options = read_options("--memory --lines --rate 50")
    assert (options.memory, options.lines, options.prove, options.rate) == (True, True, False, 50)
    for wrong in ("--memry", "x", "--rate fast", "'"):
        with pytest.raises(UsageError):
            read_options(wrong)


def test_cells_are_named_by_number_and_first_line():
    import linecache

    linecache.cache["/tmp/ipykernel_1/5.py"] = (9, None, ["x = 1\n", "y = 2\n"], "/tmp/ipykernel_1/5.py")
    history = types.SimpleNamespace(input_hist_raw=["", "%%whet\nx = 1\ny = 2"])
    compiler = types.SimpleNamespace(_filename_map={"/tmp/ipykernel_1/5.py": 1, "/tmp/ipykernel_1/6.py": 2})
    try:
        found = list_cells(types.SimpleNamespace(history_manager=history, compile=compiler))
    finally:
        del linecache.cache["/tmp/ipykernel_1/5.py"]
    assert found == {"/tmp/ipykernel_1/5.py": ("In[1] x = 1", "x = 1\ny = 2\n")}


def test_functions_and_methods_of_the_notebook_are_counted():
    space: dict[str, object] = {"__name__": "__main__"}
    exec("def f(): pass\nclass A:\n  def g(self): pass\ndef _hidden(): pass\nfrom re import sub", space)
    exec("from functools import wraps\n@wraps(f)\ndef f(): pass", space)  # f is behind a decorator
    assert [each.__name__ for each in list_functions(space)] == ["f", "g"]


def test_a_table_needs_neither_scripts_nor_styles_and_its_text_is_harmless():
    hostile = "<script>alert(1)</script>\x1b[31m\u202e"
    view = build_view(make_run(hostile), make_hotspots(hostile), make_advice(hostile))
    table = write_table(view, "<p id='x'>report</p>")
    outside = re.sub(r'srcdoc="[^"]*"', "", table)
    assert "<script" not in outside
    assert not {"\x1b", "\u202e"} & set(outside)
    assert "41.2 %" in outside
    assert 'sandbox="allow-scripts"' in outside
    assert "<iframe" not in write_table(view, "x" * 5_000_000)


def test_verdicts_have_their_intervals():
    gain = {"speed": 2.0, "low": 1.9, "high": 2.1}
    rewrite = {"title": "T", "verdict": "faster", "gain": gain, "why": "", "diff": "--- a\n+++ b\n-old\n+new"}
    refuted = {"title": "U", "verdict": "different output", "gain": None, "why": "stdout differs", "diff": ""}
    proof = {
        "rewrites": [rewrite, refuted],
        "total": {"verdict": "faster", "gain": gain},
        "checked": {"is_checked": True},
    }
    assert list(list_verdicts(proof)) == [
        "1. T: faster 2× [1.9, 2.1]",
        "   -old",
        "   +new",
        "2. U: different output: stdout differs",
        "All together: faster 2× [1.9, 2.1], output identical",
    ]
