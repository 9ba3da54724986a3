"""Traps of the rules about numbers, arrays and frames that their own cases do not show."""

import pytest

from whet.engine.check import examine
from whet.engine.loading import load_rules
from whet.engine.run import find_findings
from whet.model.finding import Ask, Safety
from whet.model.source import SourceFile

RULES = {module.rule.slug: module for module in load_rules()}


def find(slug, code, *, hot=True):
    return examine(RULES[slug], code, hot=hot)


def test_a_sum_asks_for_numbers_and_says_when_an_index_would_have_raised():
    (sure,) = find("vectorize", "def f(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n")
    assert sure.safety is Safety.OBSERVED
    assert {q.ask for q in sure.questions} == {Ask.TYPES, Ask.ELEMENTS}
    assert any("builtins.int" in q.expects for q in sure.questions)
    code = "def f(xs, a):\n    s = 0\n    for k in range(9):\n        s += xs[a + k]\n    return s\n"
    (unsure,) = find("vectorize", code)
    assert unsure.safety is Safety.OFFER
    assert "no longer raise" in unsure.message


def test_an_array_that_only_values_show_needs_them():
    code = "import numpy as np\ndef f(xs):\n    s = 0.0\n    for x in xs:\n        s += x * x\n    return s\n"
    (found,) = find("vectorize", code)
    assert [(q.name, q.expects, q.needed) for q in found.questions] == [("xs", ("numpy.ndarray",), True)]


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\ndef f(n):\n    a = np.zeros(9)\n    for i in range(n):\n        a[i] = i * a[i]\n",
        "import numpy as np\ndef f(n):\n    a = np.zeros(n)\n    for i in range(n):\n        a[i] = a[n - 1 - i]\n",
        "import numpy as np\ndef f(n, k):\n    a = np.zeros(n)\n    for i in range(k):\n        a[i] = a[i] * 2\n",
        "import numpy as np\ndef f(n):\n    a = np.zeros(n)\n    for i in range(n):\n        n = 3\n"
        "        a[i] = a[i] * n\n",
    ],
)
def test_loops_whose_turns_are_not_alike_stay(code):
    assert find("vectorize", code) == ()


def test_numba_is_advice_without_numba_and_for_methods():
    body = "(n):\n    s = 0\n    for i in range(n):\n        s += i * i\n    return s\n"
    (found,) = find("numba-candidate", f"def f{body}")
    assert found.safety is Safety.ADVICE
    assert "pip install numba" in found.message
    (found,) = find("numba-candidate", f"import numba\ndef f{body}")
    assert found.edits
    assert find("numba-candidate", f"def f{body}", hot=False) == ()


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("iterrows", "def f(df):\n    for i, row in df.iterrows():\n        row['a'] = 1\n"),
        ("iterrows", "def f(df):\n    for i, row in df.iterrows():\n        g(row['a b'])\n"),
        ("iterrows", "def f(df):\n    for i, row in df.iterrows():\n        g(row['count'])\n"),
        ("iterrows", "def f(df):\n    for i, row in df.iterrows():\n        g(row['a'])\n    return row\n"),
        ("apply-axis1", "def f(df):\n    return df.apply(lambda r: r['a'] + r['b'], axis=1)\n"),
        (
            "frame-concat-loop",
            "import pandas as pd\ndef f(a, xs):\n    for x in xs:\n        a = pd.concat([a, x])\n"
            "        print(len(a))\n",
        ),
        (
            "frame-concat-loop",
            "import pandas as pd\ndef f(xs):\n    a = pd.DataFrame()\n    try:\n        for x in xs:\n"
            "            a = pd.concat([a, x])\n    except ValueError:\n        pass\n    return a\n",
        ),
        (
            "np-append-loop",
            "import numpy as np\ndef f(xs):\n    a = np.array([])\n    for x in xs:\n        a = np.append(a, x)\n"
            "        if x:\n            return a\n",
        ),
        (
            "db-in-loop",
            "import sqlite3\ndef f(db, rows):\n    c = db.cursor()\n    for r in rows:\n"
            "        c.execute('insert into t values (?)', r)\n    return c.rowcount\n",
        ),
    ],
)
def test_what_cannot_be_rewritten_is_advice(slug, code):
    (found,) = find(slug, code)
    assert found.safety is Safety.ADVICE
    assert not found.edits
    assert "No edit is made" in found.message


COUNTING = "def f(n):\n    s = 0.0\n    for i in range(n):\n        s += i * 0.5\n    return s\n"


@pytest.mark.parametrize(
    ("libraries", "safety", "says"),
    [
        (("numba",), Safety.OFFER, ""),
        ((), Safety.ADVICE, "pip install numba"),
        (None, Safety.ADVICE, "pip install numba"),
    ],
)
def test_numba_is_tried_where_the_interpreter_has_it(libraries, safety, says):
    sources = {"a.py": SourceFile("a.py", "a.py", "", COUNTING)}
    (found,), _ = find_findings(sources, [RULES["numba-candidate"]], {"a.py": frozenset(range(9))}, libraries=libraries)
    assert found.safety is safety
    assert says in found.message
    assert bool(found.edits) is (safety is Safety.OFFER)


@pytest.mark.parametrize(
    ("libraries", "says"),
    [(("msgspec",), "msgspec can be imported"), ((), "pip install orjson"), (None, "pip install orjson")],
)
def test_a_serializer_that_is_there_is_named(libraries, says):
    sources = {"a.py": SourceFile("a.py", "a.py", "", "import json\ndef f(x):\n    return json.dumps(x)\n")}
    (found,), _ = find_findings(sources, [RULES["json-serializer"]], {"a.py": frozenset({3})}, libraries=libraries)
    assert says in found.message
