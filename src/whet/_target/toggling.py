"""Switches counters off where they cost too much, and on again for short phases.

Whether a counter's 25 ns show depends on how often it is passed, which only
running tells. So counters stand wherever they tell something, and one that is
passed too often has a jump written over its first instruction, in the
bytecode of the function that is there already: frames that run, closures and
generators included. (Giving functions another code object would do the same, but
from 3.13 on the interpreter never again specialises calls of such a function.)

The jump is written only while no thread can stand inside the counter's
instructions: there is no point among them where the interpreter gives way. And
only over an instruction that is the one that was compiled: what tracing has put
there is left alone. :func:`can_toggle` tries it all out before it is relied on.

What is counted in the short phases gives the rate for the rest: untraced code runs
at its own speed, so scaling by CPU time is right there.
"""

from __future__ import annotations

import dis
import opcode
import sys
import types
from collections.abc import Iterator
from math import hypot, sqrt
from time import perf_counter_ns

from .anchors import COUNTER_COST_NS, Anchor

# Not when it is needed: by then a module of the program's may have the name.
try:
    import ctypes
except ImportError:
    ctypes = None  # type: ignore[assignment]

COST_SHARE = 0.01
"""Part of the CPU time that all counters together may cost."""
FREE_COUNTS = 400_000
"""Counts that cost nothing worth saving (10 ms in all): short programs are counted whole."""
LEAST_PHASE_NS = 500_000
FEW = 30
"""Counts in all phases below which nothing is claimed."""
_JUMP = opcode.opmap["JUMP_FORWARD"]
_BASE = types.CodeType.__basicsize__
"""Where the bytecode stands in a code object."""
_EXTENDED = opcode.opmap["EXTENDED_ARG"]
_BEGINNINGS = frozenset(
    code for name, code in {**opcode.opmap, **getattr(opcode, "_specialized_opmap", {})}.items() if "LOAD_CONST" in name
) | {_EXTENDED, opcode.opmap["NOP"]}
"""Instructions that a counter begins with."""


class Toggle:
    """The place of one counter in the bytecode."""

    __slots__ = ("_low", "anchor", "code", "distance", "does", "is_on", "on_word")

    def __init__(self, anchor: Anchor, code: types.CodeType, start: int, end: int, does: str) -> None:
        assert ctypes is not None  # can_toggle
        self.anchor = anchor
        self.does = does
        """Which field of the anchor it counts (``n``, ``passed``), or what it has it do (``gate``, ``leave``)."""
        self.code = code
        self.distance = (end - start) // 2 - 1
        self._low = (ctypes.c_ubyte * 2).from_address(id(code) + _BASE + start)
        self.is_on = True
        self.on_word = (0, 0)

    def set(self, on: bool) -> None:
        """Switch the counter; leaves it as it is where something else stands in its place."""
        if on is self.is_on:
            return
        word = self._low
        if not on and word[0] in _BEGINNINGS:
            self.on_word = (word[0], word[1])
            # The argument first: tracing may replace the instruction, never its argument.
            word[1], word[0] = self.distance, _JUMP
            self.is_on = False
        elif on and word[0] == _JUMP and word[1] == self.distance:
            word[0], word[1] = self.on_word
            self.is_on = True


def find_toggles(code: types.CodeType) -> Iterator[Toggle]:
    """Yield the counters in ``code`` and in all code inside it."""
    todo = [code]
    while todo:
        one = todo.pop()
        todo += [each for each in one.co_consts if isinstance(each, types.CodeType)]
        if any(type(each) is Anchor for each in one.co_consts):
            yield from _find_own(one)


def _find_own(code: types.CodeType) -> Iterator[Toggle]:
    instructions = [each for each in dis.get_instructions(code) if each.opname not in ("EXTENDED_ARG", "CACHE")]
    ends = [each.offset for each in instructions]
    # Where an instruction begins, its prefixes included: where the one before it, with its caches, is over.
    begins = [_find_prefix(code.co_code, end) for end in ends]
    for at, each in enumerate(instructions):
        if "LOAD_CONST" not in each.opname or type(each.argval) is not Anchor:
            continue
        last, does = _find_last(instructions, at)
        first = at - 1 if does == "gate" else at
        if last + 1 < len(instructions) and 0 < (begins[last + 1] - begins[first]) // 2 - 1 < 256:
            yield Toggle(each.argval, code, begins[first], begins[last + 1], does)


def _find_prefix(bytecode: bytes, offset: int) -> int:
    while offset >= 2 and bytecode[offset - 2] == _EXTENDED:
        offset -= 2
    return offset


def _find_last(instructions: list[dis.Instruction], at: int) -> tuple[int, str]:
    """Return the last instruction of the counter that begins at ``at``, and what it does."""
    if instructions[at + 1].opname == "SWAP":
        return at + 2, "gate"
    for index in range(at + 1, len(instructions)):
        each = instructions[index]
        if each.opname == "STORE_ATTR":
            return index, each.argval
        if each.opname == "POP_TOP":
            return index, "leave"
    return len(instructions), ""


def can_toggle() -> bool:  # noqa: PLR0911
    """Tell whether this interpreter's bytecode lies as thought, by switching a counter of a made-up function."""
    try:
        from .anchors import can_patch, install_anchors
        from .placing import compile_with_anchors

        if not can_patch() or sys.implementation.name != "cpython" or _has_jit():
            return False
        text = (
            "def f(items):\n    total = 0\n    while items:\n        total += items.pop()\n"
            "    for _ in (total, total):\n        total += 1\n    return total\n"
        )
        code, found = compile_with_anchors(text, "<whet>", 10, togglable=True)
        namespace: dict[str, types.FunctionType] = {}
        exec(install_anchors(code, found), namespace)
        function = namespace["f"]
        toggles = list(find_toggles(function.__code__))
        if len(toggles) != 6 or _live(function.__code__) != function.__code__._co_code_adaptive:  # type: ignore[attr-defined]
            return False
        for on in (True, False, True, False):
            before = [_count(each) for each in toggles]
            for each in toggles:
                each.set(on)
                if each.is_on is not on:
                    return False
            # Often enough for the interpreter to specialise it.
            if any(function([1, 2, 3]) != 8 for _ in range(50)):
                return False
            grown = [_count(each) - was for each, was in zip(toggles, before, strict=True)]
            # The passes of the function and those that get through, of both loops, and the lengths and ends of one.
            if sorted(grown) != ([50, 50, 50, 100, 100, 150] if on else [0] * 6):
                return False
    except Exception:  # whatever it is, it is not as thought
        return False
    return True


def _count(toggle: Toggle) -> int:
    return toggle.anchor.passed if toggle.does == "passed" else toggle.anchor.n


def _live(code: types.CodeType) -> bytes:
    assert ctypes is not None  # can_toggle
    return ctypes.string_at(id(code) + _BASE, len(code.co_code))


def _has_jit() -> bool:
    """Whether machine code made of the bytecode may run in its place."""
    jit = getattr(sys, "_jit", None)
    return jit is not None and bool(jit.is_enabled())


def measure_cost() -> float:
    """Return what one count costs here, in nanoseconds."""
    from .anchors import install_anchors
    from .placing import compile_with_anchors

    text = "def f(n):\n    i = 0\n    while i < n:\n        i += 1\n"
    code, found = compile_with_anchors(text, "<whet>", 10, togglable=True)
    namespace: dict[str, types.FunctionType] = {}
    exec(install_anchors(code, found), namespace)
    function, rounds = namespace["f"], 5_000
    toggles = [each for each in find_toggles(function.__code__) if each.anchor.kind == "loop"]
    best = {True: float("inf"), False: float("inf")}
    for on in (True, False) * 6:
        for each in toggles:
            each.set(on)
        began = perf_counter_ns()
        function(rounds)
        best[on] = min(best[on], (perf_counter_ns() - began) / rounds)
    return min(60.0, max(5.0, best[True] - best[False]))


class Rate:
    """What was counted in short phases, carried over to the stretches between them.

    Each phase stands for the stretch before it, so its counts weigh as much as
    that stretch is longer. A loop is scaled by the entries of its function where
    those are counted throughout, since their ratio varies less than either.
    """

    __slots__ = ("bases", "counted", "counts", "residues", "spread", "was")

    def __init__(self) -> None:
        self.counted = 0
        self.counts = 0.0
        """Estimate for the stretches so far, by CPU time."""
        self.bases = 0.0
        """Estimate of the entries in them, by the same phases."""
        self.residues: list[tuple[float, float]] = []
        self.spread = 0.0
        self.was: float | None = None
        """Counts a nanosecond in the last phase."""

    def add(self, counted: int, entries: int, spent_ns: float, missed_ns: int) -> None:
        """Add a phase of ``spent_ns`` after a stretch of ``missed_ns`` without counting."""
        weight = missed_ns / spent_ns
        rate = counted / spent_ns
        self.counted += counted
        self.counts += counted * weight
        self.bases += entries * weight
        self.residues.append((counted * weight, entries * weight))
        if self.was is not None:
            # Where the rate changes, the stretch between may have had either.
            self.spread += (missed_ns * (rate - self.was)) ** 2 / 2
        self.was = rate

    def estimate(self, known: int, tail_ns: int) -> tuple[int, float]:
        """Return what ``known`` counts become with all stretches, and the relative standard error.

        ``tail_ns`` is the length of the last stretch, after which no phase came.
        """
        if self.was is None:
            return known, 1.0 if tail_ns else 0.0
        last = self.was * tail_ns
        missing = self.counts + last
        if self.counted < FEW:
            return round(known + missing), 1.0
        error = hypot(sqrt(self.spread), missing / sqrt(self.counted), last / 2)
        return round(known + missing), error / (known + missing)

    def estimate_by_entries(self, known: int, missed_entries: int) -> tuple[int, float] | None:
        """Return the same by the exact number of entries that were missed; ``None`` where too few were seen."""
        phases = sum(1 for _, entries in self.residues if entries)
        if self.counted < FEW or phases < 3 or not self.bases:
            return None
        ratio = self.counts / self.bases
        spread = sum((counts - ratio * entries) ** 2 for counts, entries in self.residues)
        missing = ratio * missed_entries
        unsure = (1 + 1 / (phases - 1)) * sqrt(spread * phases / (phases - 1)) / self.counts
        return round(known + missing), hypot(unsure, 1 / sqrt(self.counted)) * missing / max(known + missing, 1)


class _Off:
    """A counter that is mostly off."""

    __slots__ = (
        "before", "entries_at_first", "entries_before", "entries_in_phases", "entry", "missed_ns", "rate", "toggle"
    )  # fmt: skip

    def __init__(self, toggle: Toggle, entry: Toggle | None) -> None:
        self.toggle = toggle
        self.entry = entry
        """What a loop is scaled by: the counter of the loop around it, or of the function's entries."""
        self.forget()

    def forget(self) -> None:
        """Start from nothing."""
        self.rate = Rate()
        self.missed_ns = self.before = self.entries_before = self.entries_in_phases = 0
        self.entries_at_first = self.entry.anchor.n if self.entry is not None else 0

    def begin(self) -> None:
        """Count from now on."""
        self.toggle.set(True)
        self.before = self.toggle.anchor.n
        self.entries_before = self.entry.anchor.n if self.entry is not None else 0

    @property
    def counted(self) -> int:
        """What was counted since."""
        return self.toggle.anchor.n - self.before

    def end(self, spent_ns: float) -> None:
        """Note what was counted in so many CPU nanoseconds, counting itself left out."""
        if not self.toggle.is_on:
            return
        counted = self.counted
        self.toggle.set(False)
        if spent_ns < LEAST_PHASE_NS:
            # Cut short by a signal that was under way; what was counted stays part of the known count.
            return
        entries = self.entry.anchor.n - self.entries_before if self.entry is not None else 0
        self.entries_in_phases += entries
        self.rate.add(counted, entries, spent_ns, self.missed_ns)
        self.missed_ns = 0

    def estimate(self) -> tuple[int, float]:
        """Return count and relative standard error."""
        known = self.toggle.anchor.n
        if self.entry is not None and self.entry.is_on:
            missed = self.entry.anchor.n - self.entries_at_first - self.entries_in_phases
            told = self.rate.estimate_by_entries(known, missed)
            if told is not None:
                return told
        return self.rate.estimate(known, self.missed_ns)


class Toggles:
    """All counters of the process that can be switched."""

    def __init__(self) -> None:
        self.cost_ns = measure_cost()
        self.on: list[Toggle] = []
        self.before: list[int] = []
        self.off: list[_Off] = []
        self.of_code: dict[int, list[Toggle]] = {}
        """Counters by the identity of their code, which they keep alive."""
        self.ends: dict[int, Toggle] = {}
        """What counts the passes that get through, by the identity of the anchor."""
        self.sized: list[tuple[Anchor, list[Toggle]]] = []
        """What asks for the lengths of loops."""
        self.passed = 0
        self.counting = False
        self.began = 0

    def add(self, code: types.CodeType) -> None:
        """Take note of a module's counters."""
        every = list(find_toggles(code))
        sized: dict[int, tuple[Anchor, list[Toggle]]] = {}
        for each in every:
            if each.anchor.kind == "sized":
                sized.setdefault(id(each.anchor), (each.anchor, []))[1].append(each)
            elif each.does == "passed":
                self.ends[id(each.anchor)] = each
        self.sized += sized.values()
        found = [each for each in every if each.anchor.kind != "sized" and each.does == "n"]
        for each in found:
            self.of_code.setdefault(id(each.code), []).append(each)
        self.on += found
        self.before += [each.anchor.n for each in found]

    def begin_gap(self, cpu_ns: int) -> None:
        """Begin a stretch without tracing."""
        self.began = cpu_ns
        self.before = [each.anchor.n for each in self.on]

    def end_gap(self, cpu_ns: int) -> None:
        """Switch off what was passed too often since the gap began."""
        spent = cpu_ns - self.began
        if spent <= 0:
            return
        for each in self.off:
            each.missed_ns += spent
        self._switch_off_short_loops()
        passed = [
            (toggle.anchor.n - before, index)
            for index, (toggle, before) in enumerate(zip(self.on, self.before, strict=True))
            if toggle.anchor.n != before
        ]
        passed.sort(reverse=True)
        total = sum(count for count, _ in passed)
        self.passed += total
        allowed = COST_SHARE * spent / COUNTER_COST_NS if self.passed > FREE_COUNTS else total
        gone: set[int] = set()
        for count, index in passed:
            toggle = self.on[index]
            twin = toggle.anchor.twin
            superfluous = twin is not None and twin.is_promising
            if total <= allowed and not superfluous:
                continue
            toggle.set(False)
            if not toggle.is_on:
                gone.add(index)
                total -= count
                self._give_up_end(toggle)
                if superfluous:
                    toggle.anchor.exact = False
                else:
                    self.off.append(_Off(toggle, self._find_base(toggle)))
        if gone:
            self.on = [each for index, each in enumerate(self.on) if index not in gone]
        # What comes until the next gap is told to begin belongs to none, and nothing is taken twice.
        self.begin_gap(cpu_ns)

    def _switch_off_short_loops(self) -> None:
        """Ask no longer for lengths where that costs too much: what the anchors found out, or cannot tell."""
        if all(anchor.exact for anchor, _ in self.sized):
            return
        for anchor, toggles in self.sized:
            if not anchor.exact:
                for each in toggles:
                    each.set(False)
        self.sized = [each for each in self.sized if each[0].exact]

    def _give_up_end(self, toggle: Toggle) -> None:
        """Count no longer which passes get through, where passes themselves are not all counted any more."""
        toggle.anchor.checked = []
        end = self.ends.pop(id(toggle.anchor), None)
        if end is not None:
            end.set(False)

    def _find_base(self, toggle: Toggle) -> Toggle | None:
        """Return the counter of the next loop around this one that is on, else that of the function."""
        inner = toggle.anchor
        around = [
            each
            for each in self.of_code[id(toggle.code)]
            if each is not toggle and each.is_on and each.anchor.line <= inner.line <= each.anchor.end_line
        ]
        return min(around, key=lambda each: each.anchor.end_line - each.anchor.line, default=None)

    def begin_counting(self, cpu_ns: int) -> None:
        """Begin a short phase in which everything is counted."""
        self.counting = True
        for each in self.off:
            each.begin()
        self.began = cpu_ns

    def end_counting(self, cpu_ns: int) -> None:
        """End that phase."""
        self.counting = False
        spent = max(1, cpu_ns - self.began)
        # Short loops run at half their speed while they are counted; rates are to be those of the uncounted program.
        own = self.cost_ns * sum(each.counted for each in self.off if each.toggle.is_on)
        for each in self.off:
            each.end(max(spent - own, spent / 4))

    def forget(self) -> None:
        """Start from nothing, in a forked child."""
        self.counting = False
        self.began = 0
        for each in self.off:
            each.forget()

    def estimates(self) -> dict[int, tuple[int, float]]:
        """Return count and error of the anchors that did not count throughout, by their identity."""
        return {id(each.toggle.anchor): each.estimate() for each in self.off}
