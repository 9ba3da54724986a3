"""Test membership on a set, not on a list.

## What
`x in names` or `x not in names` where `names` is a list, in a loop or in a function that is called many times. The list
may be a local, a global, an attribute such as `self.seen`, or a parameter; it may grow while it is tested. Build a set
once, or keep one next to the list: each `append` is paired with an `add`. Lists in a dict that are only added to and
searched (`x in self.groups[key]`) become sets. Where the list cannot be replaced by an edit, and where one is built for
a single test (`x in [y.name for y in ys]`, `x in d.values()`), it is advice, on hot lines only; so it is for a
constant of another module that a run shows to be a list.

## Why
A list is searched from the start, element by element, so a loop of tests costs the product of both lengths. A set
finds an element in constant time on average, whatever its size.

## When not
A list of a few elements, or one where a match is usually among the first, is as fast as a set. A set needs hashable
elements and probes (`[] in {1}` raises), and an equality that agrees with the hash: an object whose `__eq__` is true
for different hashes is found in a list and not in a set. A parameter that is a list in the run may be a string in
another call, where `in` looks for substrings, or an object that `set()` cannot iterate over. Code that needs order or
duplicates keeps the list; a list that is popped, assigned to by index, passed to `heapq` or to unknown functions gets
no edit.

## Source
Python wiki, TimeComplexity: `x in s` is O(n) for a list and O(1) on average for a set. The figures in `RULE` are
measured with `BENCH`: a probe that is absent, on lists of the sizes shown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    UNHASHABLE,
    Advise,
    Ask,
    Bench,
    Binding,
    BindingKind,
    Case,
    Context,
    Finding,
    Place,
    PlaceKind,
    Question,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Target,
    Triggers,
    Use,
    adds_hashable,
    allows_list,
    ask_target,
    build_set_before_loop,
    find_parameter_behind,
    groups_may_be_sets,
    holds_hashable,
    keep_set_beside,
    list_class_bindings,
    makes_hashable_list,
    may_be_hashable,
    may_become_set,
    meets_again,
    methods_called,
    read_target,
    shown_types,
    turn_groups_into_sets,
    turn_into_set,
)

RULE = Rule(
    slug="list-membership",
    title="Membership test on a list",
    family="containers",
    safety=Safety.OBSERVED,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.In, ast.NotIn})),
    asks=frozenset({Ask.TYPES, Ask.ELEMENTS, Ask.LENGTH, Ask.SHARE}),
    figures={
        "3.11": {4: 2.4, 8: 4.3, 30: 14.0, 100: 45.0, 1000: 460.0, 10000: 4100.0},
        "3.12": {4: 3.1, 8: 6.1, 30: 21.0, 100: 72.0, 1000: 690.0, 10000: 5500.0},
        "3.13": {4: 3.1, 8: 5.0, 30: 16.0, 100: 51.0, 1000: 500.0, 10000: 5100.0},
        "3.14": {4: 2.3, 8: 3.7, 30: 11.0, 100: 38.0, 1000: 420.0, 10000: 3700.0},
    },
)

_SHORT = 8
"""Elements up to which a set gains little: the figures are for absent probes; an early match is as fast in a list."""
_WRITTEN = 12
"""Elements of a literal in the source up to which it is not reported without an edit."""
_SEARCHED = frozenset({"builtins.list", "builtins.tuple"})
_HARMLESS = frozenset({Use.BIND, Use.TEST, Use.ITERATE, Use.READ, Use.APPEND, Use.EXTEND, Use.ORDER, Use.RETURN})


def detect(context: Context) -> Iterator[Finding]:
    """Yield one finding for each list that the function tests repeatedly."""
    if context.is_dynamic:
        return
    tests: dict[str, tuple[Place, list[ast.Compare]]] = {}
    covered: set[int] = set()
    for compare in context.nodes(ast.Compare):
        operands = (compare.left, *compare.comparators)
        for probe, operator, container in zip(operands, compare.ops, compare.comparators, strict=False):
            if not isinstance(operator, ast.In | ast.NotIn):
                continue
            place = context.place(container)
            if (
                place is not None
                and context.facts.class_of_self(container) is None
                and (context.loops_over(compare, place) or context.outlives_calls(place))
                and may_be_hashable(context, probe)
                and not context.falls_back(compare, TypeError)  # where what is not hashable is met
            ):
                tests.setdefault(place.name, (place, []))[1].append(compare)
    for place, compares in tests.values():
        if _is_searchable(context, place, compares):
            covered.update(id(compare) for compare in compares)
            yield _describe(context, place, compares)
    for groups in _find_groups(context):
        covered.update(id(compare) for compare in context.nodes(ast.Compare) if compare.lineno in groups.lines)
        yield groups
    if context.measured:
        yield from _advise(context, covered)


def _advise(context: Context, covered: set[int]) -> Iterator[Finding]:
    """Yield each hot test on a list, in whatever form, for which no edit is made."""
    for compare in context.nodes(ast.Compare):
        if id(compare) in covered or len(compare.ops) != 1 or not isinstance(compare.ops[0], ast.In | ast.NotIn):
            continue
        container = compare.comparators[0]
        if not may_be_hashable(context, compare.left) or context.falls_back(compare, TypeError):
            continue
        made = _made_for_test(context, container)
        if made and (context.loops(compare) or _is_function(context)):
            yield context.finding(
                compare,
                f"{made} for one test: keep a set, or a dict, of what is searched for, next to where it changes.",
                safety=Safety.ADVICE,
                questions=(context.ask_cost(compare),),
                measured_gain=False,
            )
            continue
        if _is_elsewhere(context, container) and (context.loops(compare) or _is_function(context)):
            yield context.finding(
                compare,
                f"A list is searched from the start on every test: where {ast.unparse(container)} is one, make it a"
                " frozenset in the module that defines it.",
                safety=Safety.ADVICE,
                questions=(
                    context.ask(ast.unparse(container), Ask.TYPES, expects=tuple(sorted(_SEARCHED)), needed=True),
                    context.ask(ast.unparse(container), Ask.LENGTH, at_least=_SHORT + 1),
                    context.ask_cost(compare),
                ),
                measured_gain=False,
            )
            continue
        target = read_target(context, container)
        if target is None or context.facts.class_of_self(container) is not None:
            continue
        types = shown_types(context, container)
        if not types and isinstance(container, ast.Subscript) and "index" in methods_called(context, container):
            types = frozenset(("builtins.list",))  # dicts and sets have no index()
        if not types & _SEARCHED or not types <= _SEARCHED or not meets_again(context, compare, target):
            continue
        if _is_short_by_sight(context, target) or not _may_be_elements(context, target):
            continue
        yield context.finding(
            compare,
            f"{target.text} is a list and is searched from the start on every test: where its elements are hashable, "
            "keep a set of them next to it, changed together with it, and test membership on the set.",
            safety=Safety.ADVICE,
            questions=(
                *ask_target(context, target, tuple(sorted(_SEARCHED)), _SHORT + 1),
                context.ask_cost(compare),
            ),
            measured_gain=False,
        )


def _is_function(context: Context) -> bool:
    return context.function.kind is ScopeKind.FUNCTION


def _is_elsewhere(context: Context, container: ast.expr) -> bool:
    """Return whether a name is a constant's that another module defines: only a run shows what it is."""
    if not isinstance(container, ast.Name) or not container.id.isupper():
        return False
    owner = context.facts.lookup(container)
    if owner is None:
        return context.facts.module.star_import
    return owner is context.facts.module and all(
        binding.kind is BindingKind.IMPORT for binding in owner.bindings[container.id]
    )


def _made_for_test(context: Context, container: ast.expr) -> str:
    """Return, in words, how a list that is made for the test alone is searched; empty for others."""
    match container:
        case ast.ListComp() | ast.GeneratorExp():
            return "All elements are visited, or a list of them is built,"
        case ast.Call(func=ast.Attribute(attr="values"), args=[], keywords=[]):
            return "All values are searched from the first on"
        case ast.Call(func=function, args=[ast.expr() as inner]) if not isinstance(inner, ast.Starred):
            name = context.resolve(function)
            if name in ("builtins.set", "builtins.frozenset"):
                return "A set of all elements is built"
            return "A list is built, and searched," if name in ("builtins.list", "builtins.sorted") else ""
        case _:
            return ""


def _is_short_by_sight(context: Context, target: Target) -> bool:
    """Return whether every value that the file shows is a short literal, and nothing is added to it."""
    place = target.place
    if place is not None and _stays_short(context, place, [*place.bindings]):
        return True
    values = [binding.value for binding in place.bindings] if place is not None else []
    if not values and isinstance(target.node, ast.Attribute):
        values = [binding.value for binding in list_class_bindings(context, target.node.attr)]
    if methods_called(context, target.node) & {"append", "extend", "insert"} or not values:
        return False
    return all(
        isinstance(value, ast.List | ast.Tuple)
        and len(value.elts) <= _WRITTEN
        and not any(isinstance(item, ast.Starred) for item in value.elts)
        for value in values
    )


def _may_be_elements(context: Context, target: Target) -> bool:
    """Return whether nothing in the file shows elements that no set can hold, or that are equal in their own way."""
    if context.element_of(target.node) & set(UNHASHABLE):
        return False
    place = target.place
    if place is None:
        return True
    growing = [r for r in place.references if context.use(r) in (Use.APPEND, Use.EXTEND)]
    return holds_hashable(context, place) and all(adds_hashable(context, reference) for reference in growing)


def _find_groups(context: Context) -> Iterator[Finding]:
    """Yield one finding for each dict of lists, measured hot, one of which the function tests repeatedly."""
    found: dict[str, tuple[Place, list[ast.Compare]]] = {}
    for test in context.nodes(ast.Compare) if context.measured else ():
        match test:
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Subscript(value=groups)]):
                place = context.place(groups)
            case _:
                continue
        if place is not None and context.loops(test) and may_be_hashable(context, test.left):
            found.setdefault(place.name, (place, []))[1].append(test)
    for place, tests in found.values():
        if not groups_may_be_sets(context, place):
            continue
        rewrite = context.rewrite()
        turn_groups_into_sets(context, place, rewrite)
        yield context.finding(
            tests[0],
            f"The lists in {place.name} are only added to and searched, from the start on every test: use sets instead."
            " The elements must be hashable.",
            lines=context.lines_of(*tests),
            safety=Safety.OFFER,
            questions=(context.ask(place, Ask.TYPES, expects=("builtins.dict", "collections.defaultdict")),),
            measured_gain=False,
            rewrite=rewrite,
        )


def _is_searchable(context: Context, place: Place, tests: list[ast.Compare]) -> bool:
    """Return whether the source suggests a list of some length that nothing but the tests depends on."""
    if place.kind is PlaceKind.PARAMETER or find_parameter_behind(context, place) is not None:
        listed = all(_speaks_for_list(context, binding) for binding in place.bindings)
        listed = listed and not context.element_of(tests[0].comparators[-1]) & set(UNHASHABLE)
        listed = listed and not _is_indexed_by(context, place, tests)
    else:
        values = [binding for binding in place.bindings if binding.kind is not BindingKind.AUGMENTED]
        kinds = {binding.kind for binding in values}
        once = place.kind is PlaceKind.ATTRIBUTE or len(values) == 1
        listed = once and kinds <= {BindingKind.VALUE, BindingKind.DECLARED} and _are_lists(context, values)
        listed = listed and not _stays_short(context, place, values) and not any(map(_is_aliased, values))
    return listed and holds_hashable(context, place) and _uses_allow(context, place, tests)


def _is_indexed_by(context: Context, place: Place, tests: list[ast.Compare]) -> bool:
    """Return whether what is tested for is also an index, as in `tag in font and font[tag]`: a mapping."""
    probes = {ast.unparse(test.left) for test in tests}
    above = (context.facts.parent(reference) for reference in place.references)
    return any(isinstance(each, ast.Subscript) and ast.unparse(each.slice) in probes for each in above)


def _is_aliased(binding: Binding) -> bool:
    """Return whether the list gets two names in one assignment."""
    return isinstance(binding.node, ast.NamedExpr) or len(getattr(binding.node, "targets", ())) > 1


def _are_lists(context: Context, bindings: list[Binding]) -> bool:
    values = [binding.value for binding in bindings if binding.value is not None]
    return bool(values) and all(makes_hashable_list(context, value) for value in values)


def _stays_short(context: Context, place: Place, bindings: list[Binding]) -> bool:
    """Return whether the list is a short literal, and grows by an element here and there at most."""
    growing = [reference for reference in place.references if context.use(reference) in {Use.APPEND, Use.EXTEND}]
    if not all(place.kind is PlaceKind.LOCAL and _adds_one(context, reference) for reference in growing):
        return False
    return all(
        isinstance(binding.value, ast.List)
        and len(binding.value.elts) + len(growing) <= _SHORT
        and not any(isinstance(item, ast.Starred) for item in binding.value.elts)
        for binding in bindings
        if binding.value is not None
    )


def _adds_one(context: Context, reference: ast.expr) -> bool:
    """Return whether an `append` runs at most once per call of the function."""
    here = context.use(reference) is Use.APPEND and context.scope_of(reference) is context.function
    return here and not context.loops(reference)


def _speaks_for_list(context: Context, binding: Binding) -> bool:
    """Return whether annotation and default allow a list; without them only observed values can show it."""
    if binding.kind not in (BindingKind.PARAMETER, BindingKind.VALUE):
        return False
    behind = context.facts.only_binding(binding.value) if isinstance(binding.value, ast.Name) else binding
    default = context.facts.default_of(behind.node) if behind is not None else None
    if isinstance(default, ast.Constant) and isinstance(default.value, str | bytes):
        return False
    return binding.annotation is None or allows_list(binding.annotation)


def _uses_allow(context: Context, place: Place, tests: list[ast.Compare]) -> bool:
    """Return whether a parallel set would hold the same elements: all growth is visible, nothing else changes it."""
    if any(context.use(stranger) not in (Use.TEST, Use.ITERATE, Use.READ) for stranger in place.strangers):
        return False
    last_test = max(test.end_lineno or test.lineno for test in tests)
    for reference in place.references:
        use = context.use(reference)
        if use in (Use.APPEND, Use.EXTEND) and not adds_hashable(context, reference):
            return False
        if use in _HARMLESS:
            continue
        if use is Use.ESCAPE and _comes_after(context, place, reference, last_test):
            continue
        return False
    return True


def _comes_after(context: Context, place: Place, reference: ast.expr, last_test: int) -> bool:
    """Return whether a local is passed on only after all tests."""
    local = place.kind in (PlaceKind.LOCAL, PlaceKind.PARAMETER)
    return local and reference.lineno > last_test and not context.loops(reference)


def _describe(context: Context, place: Place, tests: list[ast.Compare]) -> Finding:
    lines = context.lines_of(*tests)
    grows = any(context.use(reference) in (Use.APPEND, Use.EXTEND) for reference in place.references)
    unsure = place.kind is PlaceKind.PARAMETER or find_parameter_behind(context, place) is not None
    handed_out = any(context.use(reference) is Use.RETURN for reference in place.references)
    leaks = handed_out and place.kind is not PlaceKind.LOCAL
    # By convention a constant is not modified; any other global may be, as urllib.parse's lists are.
    public = place.kind is PlaceKind.GLOBAL and not place.name.startswith("_") and not place.name.isupper()
    if grows:
        advice = f"keep a set next to {place.name}: pair each append with an add, and test membership on the set"
    elif unsure and not context.loops(tests[0]):
        advice = f"pass a set, or build one where {place.name} is built"
    elif unsure:
        advice = f"build set({place.name}) once before the loop and test that"
    else:
        advice = f"make {place.name} a set, or keep a set of it if order or duplicates matter"
    note = "; callers that get the list must not modify it" if leaks else ""
    note = "; other modules must not modify it" if public else note
    called = unsure and any(context.runs_unknown_code(loop) for loop in context.loops(tests[0]))
    note = f"{note}; what the loop calls must not change it" if called else note
    unshown = unsure and not _is_annotated(place)
    note = f"{note}; a call that passes a string searches for substrings instead" if unshown else note
    return context.finding(
        tests[0],
        f"{place.name} is a list and is searched from the start on every test: {advice}{note}.",
        lines=lines,
        safety=Safety.OFFER if leaks or unsure or public else Safety.OBSERVED,
        questions=_questions(context, place, tests, unsure=unsure),
        rewrite=_rewrite(context, place, tests),
    )


def _is_annotated(place: Place) -> bool:
    return any(binding.annotation is not None for binding in place.bindings)


def _questions(context: Context, place: Place, tests: list[ast.Compare], *, unsure: bool) -> tuple[Question, ...]:
    questions = (
        context.ask(place, Ask.TYPES, expects=("builtins.list",), needed=unsure and not _is_annotated(place)),
        context.ask(place, Ask.LENGTH, at_least=_SHORT + 1, needed=unsure),
        context.ask(place, Ask.ELEMENTS, excludes=UNHASHABLE),
    )
    probes = dict.fromkeys(test.left.id for test in tests if isinstance(test.left, ast.Name))
    return (*questions, *(context.ask(probe, Ask.TYPES, excludes=UNHASHABLE) for probe in probes))


def _rewrite(context: Context, place: Place, tests: list[ast.Compare]) -> Rewrite:
    """Return the edits: a set built before the loop, a set instead of the list, or a set next to it."""
    rewrite = context.rewrite()
    if not context.has_builtin("set"):
        rewrite.refuse("`set` is shadowed in this file")
    elif context.may_be_none(place):
        rewrite.refuse(f"{place.name} may be None, and set(None) raises")
    elif place.kind is PlaceKind.PARAMETER:
        build_set_before_loop(context, place, tests[0], rewrite)
    elif may_become_set(context, place):
        turn_into_set(context, place, rewrite)
    else:
        keep_set_beside(context, place, rewrite)
    return rewrite


CASES = (
    Case(
        name="a list that grows while it is tested",
        before="""
def distinct(items):
    seen = []
    for item in items:
        if item not in seen:
            seen.append(item)
    return seen
""",
        after="""
def distinct(items):
    seen = []
    seen_set = set()
    for item in items:
        if item not in seen_set:
            seen.append(item)
            seen_set.add(item)
    return seen
""",
        call="distinct",
        inputs=("([],)", "([1, 2, 1, True, 'a', None, 1.0],)", "(['b', 'a', 'b'],)", "(3,)"),
    ),
    Case(
        name="a list on self, tested in a loop of another method",
        before="""
class Feed:
    def __init__(self):
        self.seen = []
    def take(self, batch):
        for key in batch:
            if key not in self.seen:
                self.seen.append(key)
def run(batches):
    feed = Feed()
    for batch in batches:
        feed.take(batch)
    return sorted(feed.seen)
""",
        after="""
class Feed:
    def __init__(self):
        self.seen = []
        self._seen_set = set()
    def take(self, batch):
        for key in batch:
            if key not in self._seen_set:
                self.seen.append(key)
                self._seen_set.add(key)
def run(batches):
    feed = Feed()
    for batch in batches:
        feed.take(batch)
    return sorted(feed.seen)
""",
        call="run",
        inputs=("([[1, 2], [2, 3], []],)", "([['a'], ['a']],)", "([],)"),
    ),
    Case(
        name="a list on self, tested once a call of a hot method",
        before="""
class Once:
    def __init__(self):
        self._names = list()
    def add(self, name):
        if name not in self._names:
            self._names.append(name)
def run(names):
    once = Once()
    for name in names:
        once.add(name)
    return sorted(once._names)
""",
        after="""
class Once:
    def __init__(self):
        self._names = list()
        self._names_set = set()
    def add(self, name):
        if name not in self._names_set:
            self._names.append(name)
            self._names_set.add(name)
def run(names):
    once = Once()
    for name in names:
        once.add(name)
    return sorted(once._names)
""",
        call="run",
        inputs=("(['b', 'a', 'b'],)", "([],)"),
        hot=True,
    ),
    Case(
        name="a comprehension, tested in a comprehension",
        before="""
def common(left, right):
    names = [name.lower() for name in left]
    return [name for name in right if name.lower() in names]
""",
        after="""
def common(left, right):
    names = {name.lower() for name in left}
    return [name for name in right if name.lower() in names]
""",
        call="common",
        inputs=("(['A', 'b'], ['B', 'c', 'a'])", "([], ['a'])", "(['a'], [1])"),
    ),
    Case(
        name="a list of the module",
        before="""
STOP = ["a", "an", "and", "as", "at", "by", "for", "in", "of", "on", "or", "the", "to"]
def content(words):
    return [word for word in words if word not in STOP]
""",
        after="""
STOP = ["a", "an", "and", "as", "at", "by", "for", "in", "of", "on", "or", "the", "to"]
_STOP_SET = set(STOP)
def content(words):
    return [word for word in words if word not in _STOP_SET]
""",
        call="content",
        inputs=("(['the', 'cat', 'on', 1],)", "([],)"),
    ),
    Case(
        name="a parameter; values seen decide",
        before="""
def pick(rows, wanted):
    return sum(1 for row in rows if row in wanted)
""",
        after="""
def pick(rows, wanted):
    wanted_set = set(wanted)
    return sum(1 for row in rows if row in wanted_set)
""",
        call="pick",
        inputs=("([1, 2, 3, 2], [2, 3])", "([], [1])", "(['a'], [])"),
    ),
    Case(
        name="nothing but tests and growth: the list becomes a set",
        before="""
class Graph:
    def __init__(self, edges):
        self._done = []  # what was visited
        self.edges = edges
    def walk(self, start):
        self._done.clear()
        todo = [start]
        order = []
        while todo:
            here = todo.pop()
            if here in self._done: continue
            self._done.append(here)
            order.append(here)
            todo.extend(self.edges.get(here, ()))
        return order
def run(edges, start):
    return Graph(edges).walk(start)
""",
        after="""
class Graph:
    def __init__(self, edges):
        self._done = set()  # what was visited
        self.edges = edges
    def walk(self, start):
        self._done.clear()
        todo = [start]
        order = []
        while todo:
            here = todo.pop()
            if here in self._done: continue
            self._done.add(here)
            order.append(here)
            todo.extend(self.edges.get(here, ()))
        return order
def run(edges, start):
    return Graph(edges).walk(start)
""",
        call="run",
        inputs=("({1: [2, 3], 2: [1]}, 1)", "({}, 'a')"),
    ),
    Case(
        name="grown by several at once, by an expression, and emptied",
        before="""
def run(rows):
    known = [0]
    fresh = []
    for row in rows:
        for item in row:
            if item not in known:
                known += [item, -item]; fresh.append(item)
        known.extend(value + 1 for value in row)
        known.append(len(known))
        if len(known) > 20: known.clear()
    return fresh, known
""",
        after="""
def run(rows):
    known = [0]
    known_set = set(known)
    fresh = []
    for row in rows:
        for item in row:
            if item not in known_set:
                added = [item, -item]
                known += added; known_set.update(added); fresh.append(item)
        added_2 = list(value + 1 for value in row)
        known.extend(added_2)
        known_set.update(added_2)
        added_3 = len(known)
        known.append(added_3)
        known_set.add(added_3)
        if len(known) > 20: known.clear(); known_set.clear()
    return fresh, known
""",
        call="run",
        inputs=("([[1, 2, 1], [3, 4], [2, 9, 5], [7] * 9, [1, 2]],)", "([],)", "([[1, 'a']],)"),
    ),
    Case(
        name="the lists of a dict",
        before="""
from collections import defaultdict

class Links:
    def __init__(self):
        self._ends = defaultdict(list)
        self._starts = {}

    def add(self, start, end):
        self._ends[start].append(end)
        self._starts.setdefault(end, []).append(start)

    def both(self, pairs):
        return [(a, b) for a, b in pairs if b in self._ends[a] and a in self._starts[b]]

def links(pairs):
    made = Links()
    for start, end in pairs[::2]:
        made.add(start, end)
    return made.both([pair for pair in pairs if pair in pairs[::2]])
""",
        after="""
from collections import defaultdict

class Links:
    def __init__(self):
        self._ends = defaultdict(set)
        self._starts = {}

    def add(self, start, end):
        self._ends[start].add(end)
        self._starts.setdefault(end, set()).add(start)

    def both(self, pairs):
        return [(a, b) for a, b in pairs if b in self._ends[a] and a in self._starts[b]]

def links(pairs):
    made = Links()
    for start, end in pairs[::2]:
        made.add(start, end)
    return made.both([pair for pair in pairs if pair in pairs[::2]])
""",
        call="links",
        inputs=("([('a', 'b'), ('b', 'c'), ('a', 'c')],)", "([],)"),
        hot=True,
    ),
    Case(
        name="a parameter, tested in a loop behind an elif",
        before="""
def run(rows, wanted, mode):
    found = []
    if mode == 1:
        found = rows
    elif mode == 2:
        found = list(wanted)
    elif any(row in wanted for row in rows):
        found = [1]
    return found
""",
        after="""
def run(rows, wanted, mode):
    found = []
    wanted_set = set(wanted)
    if mode == 1:
        found = rows
    elif mode == 2:
        found = list(wanted)
    elif any(row in wanted_set for row in rows):
        found = [1]
    return found
""",
        call="run",
        inputs=("([1], [1], 1)", "([1], [2], 2)", "([1], [1], 3)", "([1], [2], 3)"),
    ),
)

ADVISE = (
    Advise("a constant that another module defines",
           "from names import FIRST\ndef f(token):\n    return token in FIRST\n"),
    Advise("a constant that another module may define",
           "from names import *\ndef f(tokens):\n    return [token for token in tokens if token not in FIRST]\n"),
    Advise("a list on another object",
           "class B:\n    def __init__(self):\n        self.seen = []\n        self.seen.extend(make())\n"
           "def f(b, x):\n    return x in b.seen\n"),
    Advise("a constant of the class",
           "class A:\n    KNOWN = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm']\n"
           "    def f(self, x):\n        return x in A.KNOWN\n"),
    Advise("an item of another module's table, which is searched by index() too",
           "from tables import ORDERS\ndef f(language, text):\n    for x in text:\n        if x in ORDERS[language]:\n"
           "            print(ORDERS[language].index(x))\n"),
    Advise("a list that is made for the test", "def f(x, ys):\n    return x in [y.name for y in ys]\n"),
    Advise("popped: a twin set would keep what is gone",
           "def f(xs):\n    todo = list(xs)\n    while todo:\n        x = todo.pop()\n"
           "        if x in todo:\n            return x\n"),
    Advise("written by index",
           "def f(xs):\n    ring = [0] * 99\n    for i, x in enumerate(xs):\n        if x in ring:\n"
           "            return x\n        ring[i % 99] = x\n"),
    Advise("an alias may change it",
           "def f(xs, ys):\n    known = list(ys)\n    other = known\n    for x in xs:\n"
           "        if x in known:\n            other.append(x)\n"),
    Advise("two names from the start",
           "def f(xs, ys):\n    other = known = list(ys)\n    for x in xs:\n        if x in known:\n"
           "            other.append(x)\n"),
    Advise("an unknown function may change it during the loop",
           "def f(xs, ys, note):\n    known = list(ys)\n    for x in xs:\n        if x in known:\n"
           "            note(known)\n"),
    Advise("deleted in between",
           "def f(xs, ys):\n    known = list(ys)\n    for x in xs:\n        if x in known:\n"
           "            del known\n"),
    Advise("the lists of a dict are returned, too",
           "def f(pairs, groups):\n    found = {}\n    for a, b in pairs:\n        found.setdefault(a, []).append(b)\n"
           "    print([a for a, b in pairs if b in found[a]])\n    return found\n"),
    Advise("one of the lists of a dict is iterated over",
           "def f(pairs):\n    found = {}\n    for a, b in pairs:\n        found.setdefault(a, []).append(b)\n"
           "    print([x for a, b in pairs if b in found[a] for x in found[a]])\n"),
    Advise("elements are removed while it is tested",
           "def f(xs, ys):\n    known = list(ys)\n    for x in xs:\n        if x in known:\n"
           "            known.remove(x)\n"),
)  # fmt: skip

REFUSE = (
    Refuse("two elements, and one more at most",
           "def f(a, b, c, names):\n    known = ['x', 'y']\n    if c:\n        known.append('z')\n"
           "    return [name for name in names if name not in known]\n"),
    Refuse("a mapping, as it is indexed by what is tested for",
           "def f(tags, font):\n    return [font[tag] for tag in tags if tag in font]\n"),
    Refuse("lists as elements, as a loop over them shows",
           "def f(xs, ys):\n    rows = list(ys)\n    for row in rows:\n        row.append(0)\n"
           "    return [x for x in xs if x in rows]\n"),
    Refuse("lists are looked for, as a numbered loop over them shows",
           "def f(rows, known):\n    for i, row in enumerate(rows):\n        row[0] = i\n"
           "    return [row for row in rows if row in known]\n"),
    Refuse("already a set", "def f(xs, ys):\n    known = set(ys)\n    return [x for x in xs if x in known]\n"),
    Refuse("a text: '' in 'abc' is true",
           "def f(xs):\n    text = 'abc' * 9\n    return [x for x in xs if x in text]\n"),
    Refuse("annotated as a text", "def f(xs, text: str):\n    return [x for x in xs if x in text]\n"),
    Refuse("annotated as a dict", "def f(xs, d: dict[str, int]):\n    return [x for x in xs if x in d]\n"),
    Refuse("`list` is shadowed",
           "def f(xs, ys, list):\n    known = list(ys)\n    return [x for x in xs if x in known]\n"),
    Refuse("`sorted` may come from a star import",
           "from tools import *\ndef f(xs, ys):\n    known = sorted(ys)\n"
           "    return [x for x in xs if x in known]\n"),
    Refuse("one test does not pay for a set", "def f(x, ys):\n    known = list(ys)\n    return x in known\n"),
    Refuse("built anew for each test",
           "def f(rows):\n    for row in rows:\n        cells = list(row)\n        if 3 in cells:\n"
           "            yield row\n"),
    Refuse("written out and short", "def f(xs):\n    ends = [1, 2, 3]\n    return [x for x in xs if x in ends]\n"),
    Refuse("a loop that is short by sight",
           "def f(ys):\n    known = list(ys)\n    return [x for x in (1, 2, 3) if x in known]\n"),
    Refuse("a heap",
           "import heapq\ndef f(xs):\n    heap = []\n    for x in xs:\n        if x not in heap:\n"
           "            heapq.heappush(heap, x)\n    return heap\n"),
    Refuse("bound twice: the second may be no list",
           "def f(xs, ys):\n    known = list(ys)\n    known = frozenset(known)\n"
           "    return [x for x in xs if x in known]\n"),
    Refuse("elements are lists, which no set holds",
           "def f(xs, ys):\n    known = [[y] for y in ys]\n    return [x for x in xs if x in known]\n"),
    Refuse("appended elements are lists",
           "def f(xs):\n    known = []\n    for x in xs:\n        if x not in known:\n"
           "            known.append([x])\n"),
    Refuse("the probe is a list: [] in {1} raises",
           "def f(xs, ys):\n    known = list(ys)\n    return [x for x in xs if [x] in known]\n"),
    Refuse("elements that a variable holds are lists",
           "def f(rows):\n    seen = []\n    for row in rows:\n        cells = row.split(',')\n"
           "        if cells not in seen:\n            seen.append(cells)\n    return seen\n"),
    Refuse("elements are sets by annotation",
           "def f(groups: list[set[int]]):\n    seen = []\n    for group in groups:\n        if group not in seen:\n"
           "            seen.append(group)\n    return seen\n"),
    Refuse("elements of a parameter are lists by annotation",
           "def f(rows: list[list[int]], xs):\n    return [x for x in xs if x in rows]\n"),
    Refuse("elements are frames",
           "import pandas as pd\ndef f(xs, probes):\n    frames = []\n    for x in xs:\n"
           "        frame = pd.DataFrame(x)\n        frames.append(frame)\n"
           "    return [probe in frames for probe in probes]\n"),
    Refuse("elements are changed, as dicts are",
           "def f(rows):\n    seen = []\n    for row in rows:\n        row['n'] = 1\n        if row not in seen:\n"
           "            seen.append(row)\n    return seen\n"),
    Refuse("elements are of a dataclass, which has no hash",
           "from dataclasses import dataclass\n@dataclass\nclass At:\n    x: int\ndef f(xs):\n    seen = []\n"
           "    for x in xs:\n        at = At(x)\n        if at not in seen:\n            seen.append(at)\n"
           "    return seen\n"),
    Refuse("the list of what is not hashable",
           "def f(xs):\n    rest = []\n    for x in xs:\n        try:\n            hash(x)\n"
           "        except TypeError:\n            if x not in rest:\n                rest.append(x)\n"
           "    return rest\n"),
    Refuse("a text unless the caller says otherwise",
           "def f(xs, known=''):\n    return [x for x in xs if x in known]\n"),
    Refuse("an attribute that is a text unless the caller says otherwise",
           "class A:\n    def __init__(self, known=''):\n        self.known = known\n"
           "    def f(self, xs):\n        return [x for x in xs if x in self.known]\n"),
    Refuse("elements with an equality of their own",
           "class P:\n    def __eq__(self, o):\n        return True\n    def __hash__(self):\n"
           "        return id(self)\ndef f(xs):\n    known = []\n    for x in xs:\n"
           "        if x not in known:\n            known.append(P(x))\n"),
    Refuse("names reached by locals()",
           "def f(xs, ys):\n    known = list(ys)\n    locals()['known'].clear()\n"
           "    return [x for x in xs if x in known]\n"),
    Refuse("an attribute of the same name is changed through another object",
           "class A:\n    def __init__(self):\n        self.seen = []\n    def f(self, xs):\n"
           "        return [x for x in xs if x in self.seen]\ndef g(a):\n    a.seen.pop()\n"),
    Refuse("the attribute is a set in another method",
           "class A:\n    def __init__(self):\n        self.seen = []\n    def freeze(self):\n"
           "        self.seen = set()\n    def f(self, xs):\n"
           "        return [x for x in xs if x in self.seen]\n"),
    Refuse("self is asked itself: its class says what it contains",
           "class A:\n    def f(self, xs):\n        return [x for x in xs if x in self]\n"),
    Refuse("a static method has no self",
           "class A:\n    seen = []\n    @staticmethod\n    def f(self, xs):\n"
           "        return [x for x in xs if x in self.seen]\n"),
    Refuse("a class's name is not its methods' name",
           "class A:\n    known = list(range(99))\n    def f(self, xs):\n"
           "        return [x for x in xs if x in known]\n"),
    Refuse("the loop variable of a comprehension",
           "def f(rows):\n    return [row for row in rows for x in row if x in row]\n"),
    Refuse("global, and bound again in a function",
           "KNOWN = list(range(99))\ndef reset():\n    global KNOWN\n    KNOWN = {}\ndef f(xs):\n"
           "    return [x for x in xs if x in KNOWN]\n"),
    Refuse("the dict holds texts",
           "def f(pairs):\n    found = {'a': 'abc'}\n    print([b for a, b in pairs if b in found[a]])\n"),
)  # fmt: skip

BENCH = Bench(
    setup="known = [f'key-{i}' for i in range(n)]\nfast = set(known)\nprobe = 'key-absent'",
    before="probe in known",
    after="probe in fast",
    sizes=(4, 8, 30, 100, 1000, 10000),
    size_is="elements in the list",
)
