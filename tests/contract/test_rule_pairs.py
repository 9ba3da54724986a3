"""Two rules on one file: their edits, made together in either order, give a module that can be imported."""

import ast
import builtins
import itertools

import pytest

from whet.engine.check import examine
from whet.engine.facts import Facts
from whet.engine.loading import load_rules
from whet.engine.run import examine_source
from whet.fix.apply import fix_text
from whet.fix.edits import apply_edits
from whet.fix.select import select
from whet.model.finding import Safety
from whet.model.source import SourceFile

RULES = load_rules()
PAIRS = list(itertools.combinations(RULES, 2))
KNOWN = {*dir(builtins), "__file__", "__name__", "__annotations__", "__class__", "__module__", "__qualname__"}

SHARED = '''
import re
import json
import logging
from dataclasses import dataclass, field

MARKS = [f"m{n}" for n in range(20)]
log = logging.getLogger("shared")

@dataclass
class Row:
    name: str
    parts: list = field(default_factory=list)

class Index:
    """Names in order."""

    kind = re.compile("plain")

    def __init__(self, name):
        self.name = name
        self.seen = []
        self.text = ""

    def add(self, rows):
        for row in rows:
            if row.name not in self.seen:
                self.seen.append(row.name)
                self.text += f"{row.name}"
                self.text += ","
            log.debug(f"{row!r}")

    def parse(self, lines):
        found = []
        for line in lines:
            if re.search("a+b", line) or line in MARKS:
                found.append(json.loads(line))
        return found

def main(lines):
    made = [Index(line) for line in lines]
    rows = []
    for line in lines:
        row = Row(line.split(",")[0])
        rows.append(row)
        for one in made:
            one.add([row])
    return rows, json.dumps([one.text for one in made])
'''


def join(one, other):
    """Return the code of two cases as one module, the names of the second one's definitions its own."""
    future = "from __future__ import annotations\n"
    head = future if future in one or future in other else ""
    return head + one.replace(future, "") + "\n" + other.replace(future, "")


def find_missing(code):
    """Return the names that the module's own level loads and nothing binds there: importing it would fail."""
    facts = Facts.of(code)
    if facts.module.star_import:
        return set()
    names = {
        node.id
        for scope in facts.functions
        if scope.kind in ("module", "class")
        for node in scope.nodes.get(ast.Name, ())
        if isinstance(node.ctx, ast.Load) and facts.lookup(node) is None
    }
    return names - KNOWN


def check_both_orders(one, other, code):
    missing = find_missing(code)
    groups = [[found for found in examine(rule, code, hot=True) if found.edits] for rule in (one, other)]
    for first, second in (groups, groups[::-1]):
        chosen = select([*first, *second], code)
        after = apply_edits(code, chosen.edits)
        compile(after, "pair.py", "exec", dont_inherit=True)
        assert find_missing(after) <= missing, after
    return all(groups)


def check_pair(one, other):
    both = check_both_orders(one, other, SHARED)
    for mine, theirs in itertools.islice(itertools.product(one.cases, other.cases), 3):
        code = join(mine.before, theirs.before)
        both += check_both_orders(one, other, code)
    return both


def fix_all(code):
    every_line = frozenset(range(1, 10_000))

    def find(text):
        found, notices = examine_source(SourceFile("pair.py", "pair.py", "", text), RULES, every_line)
        assert not notices
        return [finding for finding in found if finding.safety is not Safety.ADVICE]

    fixed = fix_text(code, find)
    assert not fixed.broken
    assert not fixed.unfinished
    return fixed.text


def test_edits_of_two_rules_fit_together():
    """One pair in 41; all of them by the slow test."""
    assert sum(check_pair(*pair) for pair in PAIRS[::41]) > len(PAIRS[::41])


@pytest.mark.slow
@pytest.mark.parametrize("module", RULES, ids=lambda module: module.rule.slug)
def test_edits_of_any_two_rules_fit_together(module):
    for one, other in PAIRS:
        if one is module:
            check_pair(one, other)


def test_all_rewrites_of_a_file_leave_a_module_that_runs():
    after = fix_all(SHARED)
    assert "__slots__" in after
    names, old = {"__name__": "after"}, {"__name__": "before"}
    exec(compile(SHARED, "before.py", "exec"), old)
    exec(compile(after, "after.py", "exec"), names)
    given = ["b,a", "c", "b,a", "aab"]
    assert repr(names["main"](given)) == repr(old["main"](given))


MOVED = """
import re
import json

def read(text):
    return json.loads(text)

def find(lines):
    return [re.search("a+", line) for line in lines]
"""


def test_an_import_that_new_code_of_the_module_needs_stays_there():
    pair = [module for module in RULES if module.rule.slug in ("lazy-import", "regex-compile")]
    assert check_both_orders(*pair, MOVED)
    after = fix_all(MOVED)
    assert find_missing(after) == set()
    assert after.index("import re") < after.index("re.compile")


CLOSED = """
class Bag:
    def __init__(self, words):
        self.words = words
        self._seen = []

    def add(self, word):
        for one in word:
            if one not in self._seen:
                self._seen.append(one)
        return self._seen

def fill(rows):
    return [Bag(row).add(row) for row in rows]
"""


def test_a_class_gets_slots_before_or_after_a_new_attribute_not_with_it():
    pair = [module for module in RULES if module.rule.slug in ("list-membership", "slots")]
    groups = [[found for found in examine(rule, CLOSED, hot=True) if found.edits] for rule in pair]
    assert all(groups)
    for first, second in (groups, groups[::-1]):
        chosen = select([*first, *second], CLOSED)
        assert len(chosen.taken) == 1
        assert len(chosen.gave_way) == 1
    names = {}
    exec(compile(fix_all(CLOSED), "bag.py", "exec"), names)
    assert names["fill"]([["a", "b", "a"]]) == [["a", "b"]]
