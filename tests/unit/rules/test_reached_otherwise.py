"""Values that other code reaches in ways that are easily overlooked: no rewrite that rests on them is safe."""

import pytest

from whet.engine.check import examine
from whet.engine.loading import load_rules
from whet.fix.edits import apply_edits
from whet.fix.select import rank, select
from whet.model.finding import Safety

RULES = load_rules()

PROGRAMS = {
    "a generator that runs during the loop": """
def f():
    queue = [1, 2, 3, 4]
    done = (queue.remove(job) for job in [1, 2, 3, 4])
    for job in list(queue):
        next(done)
        print(job)
""",
    "a generator that reads the list being built": """
def f():
    out = None
    sizes = (len(out) for _ in "abc")
    out = []
    for n in [1, 2]:
        out.append(next(sizes) + n)
    return out
""",
    "a generator that is copied, and reads the copy": """
def f():
    out = [1]
    pairs = ((n, len(out)) for n in [1, 2])
    out = []
    for pair in pairs:
        out.append(pair)
    return out
""",
    "eval by another name": """
def f():
    run = eval
    queue = [1, 2, 3, 4]
    for job in list(queue):
        run("queue.remove(job)")
        print(job)
""",
    "eval as an attribute": """
import builtins
def f():
    queue = [1, 2, 3, 4]
    for job in list(queue):
        builtins.eval("queue.remove(job)")
        print(job)
""",
    "an operator that keeps its operand": """
class Group:
    def __add__(self, other):
        self.other = other
    def drop(self):
        self.other.pop()
def f():
    group = Group()
    queue = [1, 2, 3, 4]
    group + queue
    for job in list(queue):
        group.drop()
        print(job)
""",
    "a comparison that keeps its operand": """
class Group:
    def __contains__(self, other):
        self.other = other
    def drop(self):
        self.other.pop()
def f():
    group = Group()
    queue = [1, 2, 3, 4]
    queue in group
    for job in list(queue):
        group.drop()
        print(job)
""",
    "nonlocal in a function that only sets the variable": """
def f():
    known = {1: 2}
    for key, _ in known.items():
        print(key)
    def reset():
        nonlocal _
        _ = 3
    reset()
""",
    "nonlocal in a function that does not use it": """
def f():
    out = []
    for n in [1]:
        out.append(n + 1)
    def g():
        nonlocal n
    return out
""",
    "a global that is replaced from outside": """
class Odd(dict):
    def keys(self):
        return [5]
TABLE = {1: 2}
def known(key):
    return key in TABLE.keys()
def f():
    known.__globals__["TABLE"] = Odd()
    return known(5)
""",
    "a name that a text binds": """
exec("list = tuple")
def f():
    return list(n for n in [1])
""",
    "a name that is put into the module": """
globals().update(list=tuple)
def f():
    return list(n for n in [1])
""",
    "a text that an object shows": """
import re
class Safe(str):
    def replace(self, old, new):
        return Safe(super().replace(old, f"[{new}]"))
    def startswith(self, start):
        print(start)
        return super().startswith(start)
class Field:
    def __str__(self):
        return Safe("a & b")
def f():
    texts = []
    for field in [Field(), Field()]:
        text = str(field)
        texts.append(re.sub("&", "and", text))
        texts.append(text.startswith("a") or text.startswith("b"))
        text = f"{field}"
        texts.append(re.sub("&", "and", text))
    return texts
""",
    "__setattr__ of a base class": """
class Loud(list):
    def append(self, value):
        print("append", value)
        super().append(value)
class Base:
    def __setattr__(self, name, value):
        object.__setattr__(self, name, Loud(value))
class Bag(Base):
    def __init__(self):
        self._items = []
    def fill(self):
        for n in 1, 2:
            self._items.append(n)
        return self._items
def f():
    return Bag().fill()
""",
    "an attribute that a subclass has of its own": """
class Loud(list):
    def append(self, value):
        print("append", value)
        super().append(value)
class Bag:
    _items = []
    def fill(self):
        for n in 1, 2:
            self._items.append(n)
        return self._items
class Other(Bag):
    _items = Loud()
def f():
    return Other().fill()
""",
    "a property of a base class": """
class Loud(list):
    def append(self, value):
        print("append", value)
        super().append(value)
class Base:
    @property
    def _items(self):
        return Loud()
    @_items.setter
    def _items(self, value):
        pass
class Bag(Base):
    def __init__(self):
        self._items = []
    def fill(self):
        for n in 1, 2:
            self._items.append(n)
        return self._items
def f():
    return Bag().fill()
""",
}


def run(code, capsys):
    names = {"__name__": "program"}
    exec(compile(code, "program.py", "exec", dont_inherit=True), names)
    result = names["f"]()
    return repr(result), capsys.readouterr().out


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("hot", [False, True])
def test_safe_rewrites_leave_the_program_as_it_is(name, hot, capsys):
    code = PROGRAMS[name]
    found = [finding for module in RULES for finding in examine(module, code, hot=hot) if finding.edits]
    safe = [finding for finding in found if finding.safety is Safety.SAFE]
    after = apply_edits(code, select(sorted(safe, key=rank), code).edits)
    assert run(after, capsys) == run(code, capsys)
