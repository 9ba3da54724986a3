from __future__ import annotations

import gc
import sys
import textwrap
import time
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator

import pytest

from whet._target import values

HERE = "/user/program.py"
FAR = 2**63
"""A deadline that is never reached."""
Row = dict[str, object]


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """A look ends before one, wherever this process may stand."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def _room() -> Iterator[None]:
    """Let no collection be near, before which nothing is looked at."""
    was_on = gc.isenabled()
    gc.disable()
    yield
    if was_on:
        gc.enable()


def is_user(file: str) -> bool:
    return file == HERE


def run(text: str, **more: object) -> tuple[list[Row], dict[str, object]]:
    """Run a program that calls ``look()`` where it likes; return what was seen, and its namespace."""
    glance = values.Values(is_user)
    namespace = {"__name__": "__main__", "look": lambda: glance.look(sys._getframe(1), FAR), **more}
    exec(compile(textwrap.dedent(text), HERE, "exec"), namespace)
    return list(glance.rows()), namespace


def named(rows: list[Row], name: str) -> Row:
    (row,) = [row for row in rows if row["name"] == name]
    return row


def test_locals_are_seen_with_types_lengths_and_elements():
    rows, _ = run("""
        def work(given, *more, flag=None):
            numbers = [1, 2.5, 3]
            table = {"a": 1}
            late = "text"
            look()
            return given
        work((1, 2), 3)
    """)
    numbers = named(rows, "numbers")
    assert numbers["types"] == {"builtins.list": 1}
    assert numbers["elements"] == {"builtins.int": 1, "builtins.float": 1}
    assert numbers["lengths"] == [3, 3, 3]
    assert (numbers["file"], numbers["function"], numbers["line"], numbers["samples"]) == (HERE, "work", 2, 1)
    assert named(rows, "given")["elements"] == {"builtins.int": 1}
    assert named(rows, "more")["lengths"] == [1, 1, 1]
    assert named(rows, "flag")["types"] == {"builtins.NoneType": 1}
    assert named(rows, "table")["elements"] == {"builtins.str": 1}
    assert named(rows, "late")["lengths"] == [4, 4, 4]


def test_names_that_are_not_bound_yet_are_passed_over():
    rows, _ = run("""
        def work():
            early = 1
            look()
            later = 2
            del early
            look()
        work()
    """)
    assert named(rows, "early")["samples"] == 1
    assert named(rows, "later")["samples"] == 1


def test_closures_attributes_of_self_and_globals_that_a_function_names_are_seen():
    rows, _ = run("""
        KNOWN = {1, 2}
        LIMIT = 3
        class Keeper:
            def __init__(self):
                self.items = [1]
                self.unnamed = [2]
                self.nothing = None
            def keep(self):
                captured = b"abc"
                def inside():
                    look()
                    return captured
                inside()
                return self.items, self.nothing, KNOWN, LIMIT
        Keeper().keep()
    """)
    names = {(row["function"], row["name"]) for row in rows}
    assert ("Keeper.keep.<locals>.inside", "captured") in names
    assert ("Keeper.keep", "captured") in names
    assert ("Keeper.keep", "self.items") in names
    assert ("Keeper.keep", "KNOWN") in names
    assert not {"self.unnamed", "self.nothing"} & {name for _, name in names}
    # Of globals that a function names only containers are worth a look.
    assert [function for function, name in names if name == "LIMIT"] == ["<module>"]
    assert named(rows, "self")["types"] == {"__main__.Keeper": 1}


def test_a_modules_own_names_are_seen_but_neither_functions_nor_modules_nor_classes():
    rows, _ = run("""
        import os
        def function(): return os
        class Kind: pass
        unused_elsewhere = [1]
        bound = unused_elsewhere.append
        look()
    """)
    assert {row["name"] for row in rows} == {"unused_elsewhere"}
    assert named(rows, "unused_elsewhere")["function"] == "<module>"


def test_of_a_recursive_function_the_innermost_frame_is_enough():
    rows, _ = run("""
        def down(n):
            local = [0] * n
            down(n - 1) if n else look()
        down(30)
    """)
    assert named(rows, "local")["samples"] == 1
    assert named(rows, "local")["lengths"] == [0, 0, 0]


def test_frames_of_others_are_walked_through_and_not_looked_at():
    foreign: dict[str, Callable[..., object]] = {}
    exec(compile("def call(f):\n    theirs = [1]\n    return f()\n", "/lib/other.py", "exec"), foreign)
    rows, _ = run("""
        def work():
            mine = [1]
            call(look_here)
        def look_here():
            look()
        work()
    """, call=foreign["call"])  # fmt: skip
    assert named(rows, "mine")["samples"] == 1
    assert not [row for row in rows if row["name"] == "theirs"]


def test_frames_and_their_search_are_bounded():
    text = "\n".join(f"def f{n}():\n    here = [{n}]\n    return f{n + 1}()" for n in range(60))
    rows, _ = run(f"{text}\ndef f60():\n    look()\nf0()\n")
    # The innermost has no variables.
    assert {row["function"] for row in rows} == {f"f{n}" for n in range(61 - values.MAX_FRAMES, 60)}
    rows, _ = run("""
        def outermost():
            here = [1]
            down(500)
        outermost()
    """, down=make_deep_foreign())  # fmt: skip
    assert rows == []


def make_deep_foreign() -> Callable[[int], object]:
    glance = values.Values(is_user)
    namespace: dict[str, object] = {"look": lambda: glance.look(sys._getframe(1), FAR)}
    exec(compile("def down(n):\n    return down(n - 1) if n else look()\n", "/lib/o.py", "exec"), namespace)
    return namespace["down"]  # type: ignore[return-value]


def test_names_attributes_places_kinds_and_lengths_are_bounded():
    many = "\n    ".join(f"n{number} = [{number}]" for number in range(60))
    rows, _ = run(f"def work():\n    {many}\n    look()\nwork()\n")
    assert len(rows) == values.MAX_NAMES
    stores = "\n        ".join(f"self.a{number} = [{number}]" for number in range(60))
    rows, _ = run(f"class C:\n    def work(self):\n        {stores}\n        look()\nC().work()\n")
    assert len(rows) == values.MAX_ATTRIBUTES + 1
    kinds = "[type(f'K{n}', (), {})() for n in range(30)]"
    rows, _ = run(f"def work(x, y):\n    look()\nfor k in {kinds}: work(k, [k])\n")
    assert len(named(rows, "x")["types"]) == len(named(rows, "y")["elements"]) == values.MAX_KINDS  # type: ignore[arg-type]
    glance = values.Values(is_user)
    for number in range(400):
        code = compile(f"def f{number}():\n  a = b = c = d = e = g = h = i = j = k = l = 1\n  look()", HERE, "exec")
        namespace: dict[str, object] = {"look": lambda: glance.look(sys._getframe(1), FAR)}
        exec(code, namespace)
        namespace[f"f{number}"]()  # type: ignore[operator]
    assert glance.places == len(list(glance.rows())) == values.MAX_PLACES


def test_of_many_lengths_some_are_kept_evenly():
    rows, _ = run("""
        def work(value):
            look()
        for n in range(1000):
            work("x" * n)
    """)
    row = named(rows, "value")
    # After the first it is looked at more seldom.
    looks = values.ENOUGH_SAMPLES + (1000 - values.ENOUGH_SAMPLES) // values.LATER_PART
    assert row["samples"] == looks
    low, middle, high = row["lengths"]  # type: ignore[misc]
    assert 890 - values.MAX_LENGTHS * values.LATER_PART <= low < middle < high == 999


@pytest.mark.parametrize(
    ("value", "elements"),
    [(deque([1, "a"]), {"builtins.int": 1}), (range(5), {}), (frozenset(("a",)), {"builtins.str": 1}), ([], {})],
)
def test_elements_of_containers(value: object, elements: dict[str, int]):
    rows, _ = run("def work(value):\n    look()\nwork(given)\n", given=value)
    row = named(rows, "value")
    assert row["elements"] == elements
    assert row["lengths"] == [len(value)] * 3  # type: ignore[arg-type]


HOSTILE = """
    def trap(*words, **more):
        called.append(len(words))
        raise BaseException("user code ran")

    class Meta(type):
        __getattribute__ = __instancecheck__ = __subclasscheck__ = __hash__ = __eq__ = __len__ = __repr__ = trap
        __name__ = __dict__ = __class__ = property(trap)

    class Hostile(metaclass=Meta):
        __slots__ = ()
        __getattribute__ = __len__ = __eq__ = __hash__ = __iter__ = __getitem__ = __bool__ = __repr__ = trap
        __str__ = __format__ = __instancecheck__ = __contains__ = __index__ = __next__ = trap
        __class__ = __dict__ = property(trap)

    class HostileList(list):
        __len__ = __iter__ = __getitem__ = __bool__ = __class__ = trap

    class HostileKeys(dict):
        __len__ = __iter__ = __getitem__ = get = keys = trap

    class Lazy:
        def __getattr__(self, name): trap(name)
        @property
        def dear(self): trap()
        def work(self, ask=False):
            look()
            return ask and (self.dear, self.missing, self.plain)

    class OwnDict:
        @property
        def __dict__(self): trap()
        def work(self, ask=False):
            look()
            return ask and self.plain

    class Text(str):
        __str__ = __format__ = __hash__ = __eq__ = __repr__ = trap

    class Odd: pass
    Odd.__module__ = Text("m")
    class Odder: pass
    Odder.__qualname__ = Text("q")
    class Bare: pass
    Bare.__module__ = 5

    class ndarray:
        shape = dtype = property(trap)
    ndarray.__module__ = "numpy"
"""


@pytest.mark.parametrize(
    "work",
    [
        "one = object.__new__(Hostile)\n    kind = Hostile",
        "one = [object.__new__(Hostile)]\n    two = {1: 2, 3: object.__new__(Hostile)}",
        "one = HostileList()\n    two = HostileKeys()\n    three = [HostileList()]",
        "one = Odd()\n    two = [Odder()]\n    three = Odder()\n    four = Bare()",
        "one = ndarray()\n    two = [ndarray()]",
    ],
)
def test_a_look_runs_no_code_of_the_program(work: str):
    called: list[object] = []
    text = textwrap.dedent(HOSTILE) + f"\ndef work():\n    {work}\n    look()\n    return None\n"
    rows, _ = run(f"{text}\nwork()\nlook()\n", called=called)
    assert [row for row in rows if row["function"] == "work"]
    assert called == []


@pytest.mark.parametrize(("kind", "attributes"), [("Lazy", {"self.plain"}), ("OwnDict", set())])
def test_attributes_of_self_are_read_from_a_plain_dictionary_or_not_at_all(kind: str, attributes: set[str]):
    called: list[object] = []
    text = f"{textwrap.dedent(HOSTILE)}\none = {kind}()\nobject.__setattr__(one, 'plain', [1])\none.work()\n"
    rows, _ = run(text, called=called)
    assert called == []
    assert {row["name"] for row in rows if str(row["name"]).startswith("self.")} == attributes


def test_globals_of_a_kind_of_their_own_are_not_asked():
    called = []

    class Globals(dict):  # type: ignore[type-arg]
        def get(self, *words: object) -> object:
            called.append(words)
            return None

        __getitem__ = __contains__ = get  # type: ignore[assignment]

    glance = values.Values(is_user)
    names = Globals({"__builtins__": __builtins__, "KNOWN": [1]})
    module = compile("def work(look):\n    here = [1]\n    look()\n    return lambda: KNOWN\n", HERE, "exec")
    code = next(each for each in module.co_consts if isinstance(each, types.CodeType))
    types.FunctionType(code.replace(co_names=(*code.co_names, "KNOWN")), names)(
        lambda: glance.look(sys._getframe(1), FAR)
    )
    assert called == []
    assert named(list(glance.rows()), "here")["samples"] == 1


class Held:
    """Something whose end can be seen."""


@pytest.mark.parametrize("place", ["local", "attribute", "closure", "module", "elements"])
def test_no_object_is_kept_alive(place: str):
    glance = values.Values(is_user)
    ends: list[str] = []

    def make(name: str) -> Held:
        held = Held()
        weakref.finalize(held, ends.append, name)
        return held

    namespace = {
        "__name__": "__main__",
        "look": lambda: glance.look(sys._getframe(1), FAR),
        "make": make,
        "ends": ends,
    }
    text = {
        "local": """
            def work():
                it = make("it")
                look()
                it = None
                return list(ends)
            seen = work()
        """,
        "attribute": """
            class Owner:
                def work(self):
                    self.it = make("it")
                    look()
                    self.it = None
                    return list(ends)
            seen = Owner().work()
        """,
        "closure": """
            def outer():
                it = make("it")
                def work():
                    nonlocal it
                    look()
                    it = None
                    return list(ends)
                return work()
            seen = outer()
        """,
        "module": """
            it = make("it")
            look()
            it = None
            seen = list(ends)
        """,
        "elements": """
            def work():
                all = [make("it")]
                look()
                del all[0]
                return list(ends)
            seen = work()
        """,
    }[place]
    gc.disable()
    try:
        exec(compile(textwrap.dedent(text), HERE, "exec"), namespace)
    finally:
        gc.enable()
    assert list(glance.rows())
    # At once, without the garbage collector: as in a run without whet.
    assert namespace["seen"] == ["it"]


def test_a_type_made_at_run_time_is_not_kept_alive():
    glance = values.Values(is_user)
    namespace = {"look": lambda: glance.look(sys._getframe(1), FAR), "weakref": weakref}
    exec(
        compile(
            textwrap.dedent("""
                def work():
                    kind = type("Passing", (), {})
                    it = kind()
                    look()
                    return weakref.ref(kind)
                reference = work()
            """),
            HERE,
            "exec",
        ),
        namespace,
    )
    gc.collect()
    assert namespace["reference"]() is None  # type: ignore[operator]
    assert named(list(glance.rows()), "it")["types"]


@pytest.mark.parametrize(
    "work",
    [
        # What a function keeps of its own locals() is not refreshed by a look.
        "kept = locals()\n    later = 1\n    look()\n    return sorted(kept)",
        "kept = vars()\n    later = 1\n    look()\n    return sorted(kept)",
        # Before 3.13 names that exec made stay in the frame's snapshot.
        "exec('made = 41')\n    look()\n    return eval('locals().get(\"made\")')",
        "exec('made = 41')\n    look()\n    exec('made2 = locals().get(\"made\")')\n    return eval('1')",
    ],
)
def test_snapshots_that_the_program_took_stay_as_they_were(work: str):
    text = f"def work():\n    {work}\nresult = work()\n"
    plain: dict[str, object] = {"look": lambda: None}
    exec(text, plain)
    _, namespace = run(text)
    assert namespace["result"] == plain["result"]


def test_a_frame_that_somebody_else_works_with_is_left_alone_before_3_13():
    """What a trace function is shown is written back when it returns: a snapshot that was cleared would undo all."""
    glance = values.Values(is_user)
    namespace = {"look": lambda: glance.look(sys._getframe(1), FAR), "get_frame": lambda: sys._getframe(1)}
    text = """
        def work():
            x = 1
            frame = get_frame()
            look()
            del frame
            look()
        work()
    """
    held: list[object] = []
    glance.begin(held)
    exec(compile(textwrap.dedent(text), HERE, "exec"), namespace)
    # What was held at the first look counts at the second.
    assert bool(list(glance.rows())) is (sys.version_info >= (3, 13))
    held.clear()
    glance.begin([])
    exec(
        compile(
            textwrap.dedent(text.replace("frame = get_frame()", "pass").replace("del frame", "pass")), HERE, "exec"
        ),
        namespace,
    )
    assert named(list(glance.rows()), "x")["samples"] > 0


def test_a_look_ends_at_its_deadline():
    glance = values.Values(is_user)
    namespace = {"look": lambda: glance.look(sys._getframe(1), time.perf_counter_ns() - 1)}
    exec(compile("def work(x):\n    look()\nwork([1])", HERE, "exec"), namespace)
    assert list(glance.rows()) == []


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("zeros(3)", "float64"),
        ("zeros(3, dtype=int8)", "int8"),
        ("array([True])", "bool"),
        ("array([1j])", "complex128"),
        ("array(['a', None], dtype=object)", "object"),
        ("array(['abc'])", "str"),
        ("array([], dtype='M8[s]')", "M"),
    ],
)
def test_arrays_have_the_dtype_as_the_type_of_their_elements(made: str, name: str):
    numpy = pytest.importorskip("numpy")
    array = eval(made, vars(numpy))
    rows, _ = run("def work(value):\n    look()\nwork(given)\n", given=array)
    row = named(rows, "value")
    assert row["elements"] == {name: 1}
    assert row["lengths"] == [len(array)] * 3


@pytest.mark.parametrize("value", [int, type(None), types.FunctionType, dict, type])
def test_types_are_named_as_people_know_them(value: type):
    assert values.name_of_type(value) == f"{value.__module__}.{value.__qualname__}"


def test_attributes_of_things_without_a_dictionary():
    class Slots:
        __slots__ = ("a",)

    class Plain:
        pass

    plain = Plain()
    plain.a = 1  # type: ignore[attr-defined]
    assert values.plain_attributes(Slots()) is None
    assert values.plain_attributes(1) is None
    assert values.plain_attributes(plain) == {"a": 1}


def test_a_look_ends_before_a_garbage_collection() -> None:
    seen = []
    for threshold, is_on in ((gc.get_count()[0] + values.ROOM // 2, True), (0, True), (1, False)):
        before = gc.get_threshold()
        gc.set_threshold(threshold, *before[1:])
        try:
            if is_on:
                gc.enable()
            rows, _ = run("def work(x):\n    look()\nwork([1])")
        finally:
            gc.disable()
            gc.set_threshold(*before)
        seen.append(bool(rows))
    assert seen == [False, True, True]
