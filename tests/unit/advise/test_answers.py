"""Matching questions to samples."""

import pytest

from whet.advise.answers import answer
from whet.model.evidence import Evidence, Seen
from whet.model.finding import Ask, Question


def look(name="seen", function="C.f", line=3, file="/a.py", samples=5, **more):
    return Seen(file, function, line, name, samples, {"builtins.list": samples}, **more)


def ask(name="seen", what=Ask.TYPES, line=3, function="C.f", file="/a.py"):
    return Question(name, what, line, file, function)


def test_the_function_asked_about_answers():
    wanted = look()
    evidence = Evidence(9, (look(line=8), look(name="other"), look(file="/b.py"), wanted))
    assert answer(ask(), evidence) is wanted


@pytest.mark.parametrize("question", [ask(name="nope"), ask(line=4), ask(file="/b.py"), ask(what=Ask.RUNS)])
def test_no_looks_no_answer(question):
    assert answer(question, Evidence(5, (look(),))) is None


def test_looks_that_do_not_tell_what_was_asked_are_no_answer():
    bare = Evidence(5, (look(),))
    assert answer(ask(what=Ask.LENGTH), bare) is None
    assert answer(ask(what=Ask.ELEMENTS), bare) is None
    full = Evidence(5, (look(min_length=1, median_length=2, max_length=3, elements={"builtins.int": 5}),))
    assert answer(ask(what=Ask.LENGTH), full) is full.seen[0]
    assert answer(ask(what=Ask.ELEMENTS), full) is full.seen[0]


def test_an_attribute_is_answered_by_the_most_seen_method_of_its_class():
    here = look("self.seen", "C.f", 3)
    often = look("self.seen", "C.g", 9, samples=50)
    rare = look("self.seen", "C.h", 20, samples=2)
    foreign = look("self.seen", "D.g", 30, samples=500)
    elsewhere = look("self.seen", "C.g", 9, "/b.py", 500)
    others = (rare, often, foreign, elsewhere)
    assert answer(ask("self.seen"), Evidence(9, (*others, here))) is here
    assert answer(ask("self.seen"), Evidence(9, others)) is often
    assert answer(ask("self.seen", function="f"), Evidence(9, others)) is None


def test_a_local_is_not_answered_by_another_function():
    assert answer(ask(), Evidence(9, (look(function="C.g", line=9),))) is None


def test_what_a_generator_expression_reads_answers_for_the_function_that_returned_it():
    inside = look(function="C.f.<locals>.<genexpr>", line=5)
    assert answer(ask(), Evidence(9, (inside,))) is inside
    here = look()
    assert answer(ask(), Evidence(9, (inside, here))) is here
    assert answer(ask(), Evidence(9, (look(function="C.g.<locals>.<genexpr>", line=5),))) is None
