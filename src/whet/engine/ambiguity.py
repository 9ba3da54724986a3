"""Which patterns take more than linear time: those whose automaton can read the same characters in several ways.

A pattern becomes a nondeterministic automaton. A text of one character, repeated, is read in exponentially many ways if
the states that read it form more than a simple cycle, and in quadratically many if one cycle leads to another. It is
tried in all of these ways where none of them ends in a match. A search adds a cycle in front, which reads anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from re import DOTALL, IGNORECASE, LOCALE
from typing import Any

from whet.engine.patterns import Item, parse_pattern

_SIGNS = frozenset(range(256))
_NEGATED = {"NOT_DIGIT": "DIGIT", "NOT_SPACE": "SPACE", "NOT_WORD": "WORD"}
_KINDS: dict[str, Callable[[str], bool]] = {
    "DIGIT": str.isdigit,
    "SPACE": str.isspace,
    "WORD": lambda sign: sign.isalnum() or sign == "_",
}
_COPIES = 8
"""Copies that stand for a counted repeat."""
_MOST_STATES = 400
_MOST_READING = 60
"""States that read one character; with more of them the pattern is left alone."""


class Ambiguity(StrEnum):
    """In how many ways, at most, a text that does not match is tried."""

    NONE = ""
    RESTARTED = "restarted"
    """Quadratic, because a search starts again within what a repeat has read."""
    POLYNOMIAL = "polynomial"
    EXPONENTIAL = "exponential"


@lru_cache(maxsize=256)
def find_ambiguity(pattern: str | bytes, flags: int, *, anchored: bool, whole: bool) -> Ambiguity:
    """Return how a pattern backtracks on a text of one repeated character; nothing of parts that are not understood.

    ``anchored``: it is tried at one position only, as by ``match``. ``whole``: the match must reach the end of the
    text. Characters above 255 are not looked at.
    """
    items = parse_pattern(pattern, flags)
    machine = _Automaton(flags)
    if not items or flags & LOCALE:
        return Ambiguity.NONE
    anchored = anchored or _starts_at_place(items)
    start = machine.add_state()
    if not anchored:
        machine.read(start, _SIGNS, start)
    try:
        accepting = machine.add_items(items, machine.skip_to_new(start))
    except _UnknownError:
        return Ambiguity.NONE
    if whole:
        accepting = machine.block(accepting)
    found = Ambiguity.NONE
    order = list(Ambiguity)
    for sign in machine.list_signs():
        one = machine.judge(sign, accepting, None if anchored else start)
        found = max(found, one, key=order.index)
    divided = (machine.fails_on(min(signs), accepting) for signs in _list_divided(items))
    return found if found or not any(divided) else Ambiguity.EXPONENTIAL


class _UnknownError(Exception):
    """The pattern has a part whose backtracking is not modelled, or too many parts."""


def _starts_at_place(items: Sequence[Item]) -> bool:
    """Return whether a pattern can match at some places only: at a boundary, or after what it looks back at."""
    if not items:
        return False
    name, argument = str(items[0][0]), items[0][1]
    if name == "SUBPATTERN":
        return _starts_at_place(argument[3])
    return name == "AT" or (name in ("ASSERT", "ASSERT_NOT") and argument[0] < 0)


def _is_atomic(item: Item, after: Item) -> bool:
    """Return whether two elements are an atomic group of Pythons before 3.11: what a lookahead found, read again."""
    ahead = str(item[0]) == "ASSERT" and item[1][0] > 0 and str(after[0]) == "GROUPREF"
    return ahead and any(str(name) == "SUBPATTERN" and part[0] == after[1] for name, part in item[1][1])


class _Automaton:
    """States by number, what each reads, and where each goes without reading."""

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.reads: list[list[tuple[frozenset[int], int]]] = []
        self.skips: list[list[int]] = []
        self.literals: set[int] = set()
        """States that read one character and no other."""

    def add_state(self) -> int:
        if len(self.reads) >= _MOST_STATES:
            raise _UnknownError
        self.reads.append([])
        self.skips.append([])
        return len(self.reads) - 1

    def skip_to_new(self, state: int) -> int:
        self.skips[state].append(new := self.add_state())
        return new

    def read(self, state: int, signs: frozenset[int], target: int) -> None:
        self.reads[state].append((signs, target))

    def block(self, state: int) -> int:
        """Return a state after ``state`` that no character leads to: the end of the text does."""
        self.read(state, frozenset(), new := self.add_state())
        return new

    def add_items(self, items: Sequence[Item], state: int) -> int:
        """Add the states of a sequence of elements after ``state``; return the last one."""
        if any(_is_atomic(item, after) for item, after in pairwise(items)):
            raise _UnknownError
        for item in items:
            state = self._add(item, state)
        return state

    def _add(self, item: Item, state: int) -> int:  # noqa: PLR0911 - one return a kind of element
        name, argument = str(item[0]), item[1]
        signs = signs_of(item, self.flags)
        if signs:
            state = self.skip_to_new(state)
            if name == "LITERAL":
                self.literals.add(state)
            self.read(state, signs, new := self.add_state())
            return new
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, body = argument
            return self._repeat(least, most, body, state)
        if name == "SUBPATTERN":
            return self.add_items(argument[3], state)
        if name == "BRANCH":
            ends = [self.add_items(branch, self.skip_to_new(state)) for branch in argument[1]]
            end = self.add_state()
            for each in ends:
                self.skips[each].append(end)
            return end
        if name == "AT":
            inside = "BOUNDARY" in str(argument)
            return state if inside else self.block(state)
        if name == "ASSERT" and argument[0] > 0:
            return self.add_items(argument[1], state)
        if name in ("ASSERT", "ASSERT_NOT", "GROUPREF"):
            return state
        raise _UnknownError

    def _repeat(self, least: int, most: object, body: Sequence[Item], state: int) -> int:
        for _ in range(min(least, _COPIES)):
            state = self.add_items(body, state)
        if str(most) == "MAXREPEAT":
            loop = self.skip_to_new(state)
            self.skips[self.add_items(body, self.skip_to_new(loop))].append(loop)
            return self.skip_to_new(loop)
        end = self.add_state()
        for _ in range(min(int(str(most)) - least, _COPIES)):
            self.skips[state].append(end)
            state = self.add_items(body, state)
        self.skips[state].append(end)
        return end

    def list_signs(self) -> list[int]:
        """Return one character of each kind that the automaton tells apart."""
        sets = {signs for reads in self.reads for signs, _ in reads}
        kinds: dict[tuple[bool, ...], int] = {}
        for sign in sorted(_SIGNS):
            kinds.setdefault(tuple(sign in signs for signs in sets), sign)
        return list(kinds.values())

    def _reach_by_skips(self, state: int) -> dict[int, int]:
        """Return the states that are reached without reading, each with the number of ways: 1, or 2 for more."""
        ways: dict[int, int] = {}
        stack: list[tuple[int, frozenset[int]]] = [(state, frozenset({state}))]
        for _ in range(4 * _MOST_STATES):
            if not stack:
                break
            here, path = stack.pop()
            ways[here] = min(2, ways.get(here, 0) + 1)
            stack += [
                (after, path | {after}) for after in self.skips[here] if after not in path and ways.get(after, 0) < 2
            ]
        return ways

    def judge(self, sign: int, accepting: int, restart: int | None) -> Ambiguity:
        """Return in how many ways a text of one repeated character is read without a match."""
        reading, edges, matches = self._list_readings(sign, accepting)
        if len(reading) > _MOST_READING:
            return Ambiguity.NONE
        reach = _close(edges)
        found = Ambiguity.NONE
        for at, state in enumerate(reading):
            cycle = [other for other in range(len(reading)) if reach[at] >> other & 1 and reach[other] >> at & 1]
            if not cycle or (reach[at] | 1 << at) & matches:
                continue
            inner = sum(ways for one in cycle for other, ways in edges[one].items() if other in cycle)
            if inner > len(cycle):
                return Ambiguity.EXPONENTIAL
            beyond = [
                other
                for other in range(len(reading))
                if reach[at] >> other & 1 and reach[other] >> other & 1 and not reach[other] >> at & 1
            ]
            if state == restart:
                first = [one for one in edges[at] if one != at]
                plain = all(reading[one] in self.literals for one in first)
                found = found or (Ambiguity.RESTARTED if beyond and not plain else found)
            elif beyond:
                found = Ambiguity.POLYNOMIAL
        return found

    def fails_on(self, sign: int, accepting: int) -> bool:
        """Return whether a run of a character can be read without end and without a match."""
        reading, edges, matches = self._list_readings(sign, accepting)
        if len(reading) > _MOST_READING:
            return False
        reach = _close(edges)
        return any(reach[at] >> at & 1 and not (reach[at] | 1 << at) & matches for at in range(len(reading)))

    def _list_readings(self, sign: int, accepting: int) -> tuple[list[int], list[dict[int, int]], int]:
        """Return the states that read a character, where each goes by it, in how many ways, and which reach a match.

        The states that are reached are positions in the list, and those that reach a match are bits.
        """
        reading = [at for at, reads in enumerate(self.reads) if any(sign in signs for signs, _ in reads)]
        number = {state: at for at, state in enumerate(reading)}
        edges: list[dict[int, int]] = [{} for _ in reading]
        matches = 0
        for at, state in enumerate(reading):
            for signs, target in self.reads[state]:
                if sign not in signs:
                    continue
                reached = self._reach_by_skips(target)
                if accepting in reached:
                    matches |= 1 << at
                for after, ways in reached.items():
                    if after in number:
                        edges[at][number[after]] = edges[at].get(number[after], 0) + ways
        return reading, edges, matches


def _close(edges: Sequence[dict[int, int]]) -> list[int]:
    """Return for each node the nodes that it leads to, as the bits of a number."""
    reach = [sum(1 << other for other in targets) for targets in edges]
    for middle in range(len(edges)):
        for at in range(len(edges)):
            if reach[at] >> middle & 1:
                reach[at] |= reach[middle]
    return reach


def _list_divided(items: Sequence[Item]) -> Iterator[frozenset[int]]:
    """Yield the single characters of each endless repeat of alternatives of which one is also made up of those."""
    for item in items:
        name, argument = str(item[0]), item[1]
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            body = argument[2]
            while len(body) == 1 and str(body[0][0]) == "SUBPATTERN":
                body = body[0][1][3]
            if str(argument[1]) == "MAXREPEAT" and len(body) == 1 and str(body[0][0]) == "BRANCH":
                yield from _find_divided(body[0][1][1])
            yield from _list_divided(argument[2])
        elif name == "SUBPATTERN":
            yield from _list_divided(argument[3])
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _list_divided(branch)


def _find_divided(branches: Sequence[Sequence[Item]]) -> Iterator[frozenset[int]]:
    single = frozenset().union(*(signs_of(branch[0]) for branch in branches if len(branch) == 1))
    if any(len(branch) > 1 and all(single & signs_of(one) for one in branch) for branch in branches):
        yield single


def signs_of(item: Item, flags: int = 0) -> frozenset[int]:
    """Return the characters up to 255 that an element is one of; none for elements that are not one character."""
    name, argument = str(item[0]), item[1]
    found: frozenset[int] = frozenset()
    if name == "LITERAL":
        found = frozenset({argument}) & _SIGNS
    elif name == "NOT_LITERAL":
        found = _SIGNS - {argument}
    elif name == "ANY":
        found = _SIGNS if flags & DOTALL else _SIGNS - {ord("\n")}
    elif name == "IN":
        found = _signs_of_class(argument)
    if flags & IGNORECASE:
        found |= {ord(other) for sign in found if len(other := chr(sign).swapcase()) == 1 and ord(other) in _SIGNS}
    return found


def _signs_of_class(parts: Sequence[tuple[Any, Any]]) -> frozenset[int]:
    found: set[int] = set()
    negated = False
    for kind, argument in parts:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                found |= {argument} & _SIGNS
            case "RANGE":
                found.update(range(argument[0], min(argument[1], 255) + 1))
            case "CATEGORY":
                name = str(argument).removeprefix("CATEGORY_")
                holds = _KINDS[_NEGATED.get(name, name)]
                signs = {code for code in _SIGNS if holds(chr(code))}
                found |= _SIGNS - signs if name in _NEGATED else signs
    return _SIGNS - found if negated else frozenset(found)
