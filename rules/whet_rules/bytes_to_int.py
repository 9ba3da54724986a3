"""Make one integer of bytes at once, not byte by byte.

## What
`number = number << 8 | byte` in a loop over bytes: `int.from_bytes(data, "big")`. `bytes(a ^ b for a, b in zip(x, y))`,
a mask or a key: the two as integers, combined by one `^`, and back by `to_bytes`. `number, byte = divmod(number, 256)`
in a loop: `number.to_bytes((number.bit_length() + 7) // 8, "big")`.

## Why
Each step makes a new integer as long as all before it: n bytes cost O(n²). `int.from_bytes` reads them all in C, and
one operation on long integers works on 30 bits at a time.

## When not
Where there are only a few bytes each time: it is advice on hot lines only. Where the loop ends early, or does something
else with each byte.

## Source
Python's documentation of `int.from_bytes`: "Return the integer represented by the given array of bytes."
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="bytes-to-int",
    title="Integers computed byte by byte",
    family="arrays",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.BitXor, ast.LShift, ast.Mult}), names=frozenset({"divmod"})),
)

_LEAVES = (ast.Break, ast.Continue, ast.Return, ast.Raise, ast.Yield, ast.If)


def detect(context: Context) -> Iterator[Finding]:
    """Yield loops that put an integer together from bytes, and bytes that are combined one by one."""
    if not context.measured:
        return
    for loop in context.nodes(ast.For):
        if isinstance(loop.target, ast.Name) and not any(isinstance(part, _LEAVES) for part in ast.walk(loop)):
            for step in loop.body:
                if _adds_byte(step, loop.target.id, loop.body):
                    yield context.finding(
                        step,
                        "The integer is made of bytes one by one, each time as a new one that is longer:"
                        f" int.from_bytes({ast.unparse(loop.iter)}, ...) makes it at once.",
                    )
    for taking in context.nodes(ast.While):
        steps = [step for step in taking.body if _takes_byte(step)]
        if steps and not any(isinstance(part, _LEAVES) for part in ast.walk(taking)):
            yield context.finding(
                steps[0],
                "The integer is taken apart byte by byte, each time as a new one that is hardly shorter: to_bytes makes"
                " all bytes at once.",
            )
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(
                args=[ast.GeneratorExp(elt=ast.BinOp(op=ast.BitXor())) | ast.ListComp(elt=ast.BinOp(op=ast.BitXor()))]
            ):
                if context.resolve(call.func) in ("builtins.bytes", "builtins.bytearray"):
                    yield context.finding(
                        call,
                        "Bytes are combined one by one: int.from_bytes of both sides, one ^ of the two integers, and"
                        " to_bytes do it at once.",
                    )
            case _:
                pass


def _takes_byte(step: ast.stmt) -> bool:
    """Return whether a statement divides an integer by 256 and keeps both parts."""
    match step:
        case ast.Assign(
            targets=[ast.Tuple(elts=[ast.Name(id=left), ast.Name()])],
            value=ast.Call(func=ast.Name(id="divmod"), args=[ast.Name(id=number), ast.Constant(value=256)]),
        ):
            return left == number
        case _:
            return False


def _adds_byte(step: ast.stmt, byte: str, body: list[ast.stmt]) -> bool:
    """Return whether a statement shifts an integer by a byte and adds ``byte``, or adds it at a power that grows."""
    match step:
        case ast.Assign(
            targets=[ast.Name(id=number)],
            value=ast.BinOp(left=shifted, op=ast.BitOr() | ast.Add(), right=ast.Name(id=added)),
        ):
            return added == byte and _shifts(shifted, number)
        case ast.AugAssign(
            target=ast.Name(),
            op=ast.Add(),
            value=ast.BinOp(left=ast.Name(id=one), op=ast.Mult(), right=ast.Name(id=two)),
        ) if byte in (one, two):
            power = two if one == byte else one
            return any(_grows(other, power) for other in body)
        case _:
            return False


def _grows(step: ast.stmt, power: str) -> bool:
    match step:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name == power and _shifts(value, power)
        case ast.AugAssign(target=ast.Name(id=name), op=ast.LShift(), value=ast.Constant(value=8)):
            return name == power
        case ast.AugAssign(target=ast.Name(id=name), op=ast.Mult(), value=ast.Constant(value=256)):
            return name == power
        case _:
            return False


def _shifts(value: ast.expr, number: str) -> bool:
    match value:
        case ast.BinOp(left=ast.Name(id=name), op=ast.LShift(), right=ast.Constant(value=8)):
            return name == number
        case ast.BinOp(left=ast.Name(id=name), op=ast.Mult(), right=ast.Constant(value=256)):
            return name == number
        case _:
            return False


CASES = (
    Case(
        name="shifted by a byte each",
        before="""
def read(data):
    number = 0
    for byte in data:
        number = (number << 8) | byte
    return number
""",
        after="""
def read(data):
    return int.from_bytes(data, "big")
""",
        call="read",
        inputs=("(b'\\x01\\x02\\xff',)", "(b'',)"),
        hot=True,
    ),
    Case(
        name="at powers that grow",
        before="""
def read(data):
    power, number = 1, 0
    for byte in reversed(data):
        number += power * byte
        power = power << 8
    return number
""",
        after="""
def read(data):
    return int.from_bytes(data, "big")
""",
        call="read",
        inputs=("(b'\\x01\\x02\\xff',)", "(b'',)"),
        hot=True,
    ),
    Case(
        name="taken apart",
        before="""
def write(number):
    data = []
    while number > 0:
        number, byte = divmod(number, 256)
        data.append(byte)
    return bytes(reversed(data))
""",
        after="""
def write(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
""",
        call="write",
        inputs=("(0,)", "(66_051,)"),
        hot=True,
    ),
    Case(
        name="masked",
        before="""
def mask(data, key):
    return bytes(a ^ b for a, b in zip(data, key))
""",
        after="""
def mask(data, key):
    size = min(len(data), len(key))
    both = int.from_bytes(data[:size], "big") ^ int.from_bytes(key[:size], "big")
    return both.to_bytes(size, "big")
""",
        call="mask",
        inputs=("(b'abc', b'xyz')", "(b'', b'q')", "(b'ab', b'q')"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("by bits", "def f(data):\n    n = 0\n    for bit in data:\n        n = (n << 1) | bit\n    return n\n"),
    Refuse("of another number",
           "def f(data, m):\n    n = 0\n    for b in data:\n        n = (m << 8) | b\n    return n\n"),
    Refuse("a loop that ends early",
           "def f(data):\n    n = 0\n    for b in data:\n        if b > 9:\n            break\n"
           "        n = (n << 8) | b\n    return n\n"),
    Refuse("a sum", "def f(data, p):\n    n = 0\n    for b in data:\n        n += p * b\n    return n\n"),
    Refuse("in tens",
           "def f(n):\n    d = []\n    while n:\n        n, one = divmod(n, 10)\n        d.append(one)\n"
           "    return d\n"),
    Refuse("integers", "def f(data, key):\n    return list(a ^ b for a, b in zip(data, key))\n"),
)  # fmt: skip

BENCH = None
