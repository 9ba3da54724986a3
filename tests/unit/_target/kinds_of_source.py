"""Programs of all the kinds that a change of the syntax tree could bend; each logs something."""

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
