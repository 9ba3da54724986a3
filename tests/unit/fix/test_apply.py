"""Findings applied until nothing changes."""

import ast
import itertools
import re

from whet.engine.loading import load_rules
from whet.engine.run import examine_source
from whet.fix.apply import fix_text
from whet.model.finding import Edit, Finding, Safety, Speed
from whet.model.run import SourceFile


def finding(rule, line, *edits, function="<module>", speed=Speed.FACTOR, snippet=""):
    return Finding(rule, "a.py", line, line, 0, function, 1, "t", "m", Safety.SAFE, speed, edits=edits, snippet=snippet)


def replacing(rule, pattern, new, **fields):
    """Examine by replacing each match of ``pattern`` in a line."""

    def examine(text):
        for number, line in enumerate(text.split("\n"), start=1):
            for match in re.finditer(pattern, line):
                edit = Edit(number, match.start(), number, match.end(), new)
                yield finding(rule, number, edit, snippet=line, **fields)

    return examine


def both(*examines):
    return lambda text: [found for examine in examines for found in examine(text)]


def test_edits_are_made_until_nothing_is_found():
    fixed = fix_text("aaab\n", replacing("r", "aa", "a"))
    assert fixed.text == "ab\n"
    assert [found.rule for found in fixed.applied] == ["r", "r"]
    assert not fixed.unfinished


def test_overlaps_are_settled_by_rank_and_named():
    examine = both(replacing("little", "ab", "x", function="f"), replacing("large", "bc", "y", speed=Speed.ASYMPTOTIC))
    fixed = fix_text("abc\n", examine)
    assert fixed.text == "ay\n"
    assert [(gone.finding.rule, gone.to.rule) for gone in fixed.gave_way] == [("little", "large")]


def test_what_gave_way_and_was_made_later_is_not_named():
    examine = both(replacing("little", "a", "x", function="f"), replacing("large", "ab", "ac", speed=Speed.ASYMPTOTIC))
    fixed = fix_text("ab\n", examine)
    assert fixed.text == "xc\n"
    assert [found.rule for found in fixed.applied] == ["large", "little"]


def test_a_function_is_changed_by_one_rule_a_round():
    rounds = []

    def examine(text):
        rounds.append(text)
        return both(replacing("a", "a", "1"), replacing("b", "b", "2"), replacing("c", "c", "3", function="f"))(text)

    assert fix_text("a,b,c\n", examine).text == "1,2,3\n"
    assert rounds == ["a,b,c\n", "1,b,3\n", "1,2,3\n"]


def test_edits_that_break_the_source_are_not_made_and_the_others_are():
    examine = both(replacing("bad", "a", "(", function="f"), replacing("good", "b", "c"))
    fixed = fix_text("a, b\n", examine)
    assert fixed.text == "a, c\n"
    assert {found.rule for found in fixed.broken} == {"bad"}
    assert [found.rule for found in fixed.applied] == ["good"]


def test_rules_that_undo_one_another_end():
    fixed = fix_text("a\n", both(replacing("there", "a", "b"), replacing("back", "b", "a")))
    assert fixed.unfinished
    grown = fix_text("a\n", replacing("more", "a$", "aa"), most_rounds=5)
    assert grown.unfinished
    assert len(grown.applied) == 5


def test_the_built_in_rules_end_parse_and_change_nothing_the_second_time():
    rules = load_rules()

    def examine(text):
        return examine_source(SourceFile("a.py", "a.py", "", text), rules)[0]

    # Each case in one dress, the next one in the next: all in all of them would take long.
    dresses = itertools.cycle([lambda text: text, lambda text: text.replace("\n", "\r\n"), "\ufeff{}".format])
    for module in rules:
        for case, dress in zip(module.cases, dresses, strict=False):
            text = dress(case.before)
            fixed = fix_text(text, examine)
            ast.parse(fixed.text.removeprefix("\ufeff"))
            assert not fixed.unfinished, case.name
            assert not fixed.broken, case.name
            assert fix_text(fixed.text, examine).text == fixed.text
            assert not re.search(r"(?<!\r)\n", fixed.text) or "\r" not in text
