"""A look at values runs no code of the program, keeps nothing alive and leaves frames as they are."""

from __future__ import annotations

import gc
import sys
import textwrap
import types
import weakref

import pytest
from tests.unit.inprocess.agent.looking import FAR, HERE, is_user, named, run

from whet.inprocess.agent import values

pytestmark = pytest.mark.usefixtures("no_collection")


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
        "one = object.__new__(Hostile)\n    lambda: None if one else one.work() or one.plain",
        "one = Lazy()\n    two = OwnDict()\n    if not two: one.work(), two.work(), one.plain, two.plain",
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


def test_a_frame_in_garbage_of_ours_is_looked_at_again():
    glance = values.Values(is_user)

    def look() -> None:
        held: list[object] = []
        glance.begin(held)
        glance.look(sys._getframe(1), FAR)
        glance.leave(held, [each for each in held if isinstance(each, types.FrameType)])

    gc.disable()
    try:
        exec(compile("def work(x):\n    look()\n    look()\n    look()\nwork([1])", HERE, "exec"), {"look": look})
    finally:
        gc.enable()
    assert named(list(glance.rows()), "x")["samples"] == 3
    glance.hold = type
    gc.collect()
    glance.begin([])
    assert glance.left == []


def test_texts_are_not_kept_until_garbage_is_collected():
    glance = values.Values(is_user)
    held: list[object] = []
    glance.begin(held)
    module = "def work(text, rows):\n    look()\nwork('a' * 1000, [1])"
    exec(compile(module, HERE, "exec"), {"look": lambda: glance.look(sys._getframe(1), FAR)})
    flat = [each for item in held for each in (item if type(item) is list else [item])]
    assert [each for each in flat if isinstance(each, str) and len(each) == 1000] == []
    assert named(list(glance.rows()), "text")["lengths"] == [1000, 1000, 1000]


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
