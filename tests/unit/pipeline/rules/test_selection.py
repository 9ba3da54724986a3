"""Which rules are asked, and which findings are worth a word."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from whet.config import Config
from whet.engine.api import Rule, Triggers
from whet.engine.loading import RuleModule, load_rules
from whet.engine.suppress import UNUSED
from whet.errors import PluginError, UsageError
from whet.model.finding import Ask, Edit, Finding, Question, Safety, Speed
from whet.pipeline.rules.rulebook import list_project_rules
from whet.pipeline.rules.selection import Asked, choose_rules


def make_module(slug, family="containers", *, ruff="", free=False, origin="whet"):
    triggers = Triggers(nodes=frozenset({ast.Call}))
    rule = Rule(slug, "T", family, Safety.SAFE, Speed.CONSTANT, triggers, ruff=ruff, free=free)
    return RuleModule(rule, lambda _: (), (), (), None, "", origin)


RULES = (
    make_module("one"),
    make_module("two", "loops"),
    make_module("three", "loops", ruff="PERF401"),
    make_module("four", "io", free=True),
)
EDIT = Edit(1, 0, 1, 1, "")
QUESTION = Question("x", Ask.TYPES, 1)


def choose(asked=None, profile=False, rules=RULES, **settings):
    return choose_rules(
        rules, Config(Path("/p"), Path("/p/pyproject.toml"), **settings), asked or Asked(), profile=profile
    )


def find(rule="one", safety=Safety.SAFE, speed=Speed.CONSTANT, edits=(EDIT,), questions=()):
    return Finding(
        rule, "a.py", 1, 1, 0, "f", 1, "T", "M", safety, speed, questions=tuple(questions), edits=tuple(edits)
    )


def test_by_default_what_ruff_finds_is_left_to_ruff_unless_it_was_measured():
    assert choose().active == {"one", "two", "four", UNUSED}
    assert choose(profile=True).active == {"one", "two", "three", "four", UNUSED}
    assert choose(Asked(extend_select=("three",))).active == {"one", "two", "three", "four", UNUSED}


@pytest.mark.parametrize(
    ("settings", "asked", "active"),
    [
        ({"select": ("loops",)}, Asked(), {"two", "three"}),
        ({"select": ("ALL",)}, Asked(), {"one", "two", "three", "four", UNUSED}),
        ({"select": ("ALL",), "ignore": ("loops",)}, Asked(), {"one", "four", UNUSED}),
        ({"select": ("loops", "one"), "ignore": ("two",)}, Asked(), {"one", "three"}),
        ({"select": ("two",), "ignore": ("loops",)}, Asked(), {"two"}),
        ({"ignore": ("one", UNUSED)}, Asked(), {"two", "four"}),
        ({"select": ("one",), "extend_select": ("four",)}, Asked(), {"one", "four"}),
        ({"select": ("one",), "ignore": ("two",)}, Asked(select=("two",)), {"two"}),
        ({"select": ("one",)}, Asked(ignore=("one",)), set()),
        ({"ignore": ("one",)}, Asked(extend_select=("one",)), {"one", "two", "four", UNUSED}),
        ({}, Asked(select=("ALL",), ignore=("one", "loops")), {"four", UNUSED}),
    ],
)
def test_the_command_line_goes_before_settings_and_exact_names_before_families(settings, asked, active):
    assert choose(asked, **settings).active == active


@pytest.mark.parametrize(
    ("settings", "asked", "message", "hint"),
    [
        ({}, Asked(select=("onee",)), "'onee' (--select)", "did you mean one?"),
        ({}, Asked(ignore=("lopps",)), "'lopps' (--ignore)", "did you mean loops?"),
        ({}, Asked(allow=("xyz",)), "'xyz' (--allow)", "`whet rules` lists"),
        ({"select": ("threee",)}, Asked(), "(/p/pyproject.toml: select)", "did you mean three?"),
        ({"per_file_ignores": {"a": ("tow",)}}, Asked(), "(/p/pyproject.toml: per-file-ignores)", "two"),
    ],
)
def test_a_name_that_means_nothing_is_an_error(settings, asked, message, hint):
    with pytest.raises(UsageError) as caught:
        choose(asked, **settings)
    assert message in caught.value.message.replace("\\", "/")
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("finding", "cold", "hot"),
    [
        (find(speed=Speed.ASYMPTOTIC, safety=Safety.OBSERVED), True, True),
        (find(speed=Speed.ASYMPTOTIC, safety=Safety.ADVICE, edits=()), True, True),
        (find(speed=Speed.FACTOR), False, True),
        (find("four"), True, True),
        (find("four", edits=()), False, True),
        (find("four", safety=Safety.OFFER), False, True),
        (find(speed=Speed.ASYMPTOTIC, questions=[QUESTION]), True, True),
        (find(speed=Speed.ASYMPTOTIC, questions=[replace(QUESTION, needed=True)]), False, False),
    ],
)
def test_without_a_profile_it_must_matter_wherever_it_stands(finding, cold, hot):
    selection = choose()
    assert selection.is_shown(finding, measured=False) is cold
    assert selection.is_shown(finding, measured=True) is hot
    assert choose(Asked(select=("ALL",))).is_shown(finding, measured=False)
    assert choose(Asked(extend_select=(finding.rule,))).is_shown(finding, measured=False)


def test_what_only_a_run_settles_is_shown_to_who_asks_for_it():
    guess = find(speed=Speed.ASYMPTOTIC, questions=[replace(QUESTION, needed=True)])
    assert not choose().is_shown(guess, measured=True)
    assert choose(Asked(select=("ALL",))).is_shown(guess, measured=False)
    assert choose(Asked(select=(guess.rule,))).is_shown(guess, measured=False)
    assert not choose(Asked(select=("ALL",), ignore=(guess.rule,))).is_shown(guess, measured=False)


def test_a_profile_answers_what_a_place_costs_of_the_run():
    cost = find(questions=[replace(QUESTION, ask=Ask.SHARE, lines=(1,), least=0.01, needed=True)])
    assert choose().is_shown(cost, measured=True)
    assert not choose().is_shown(cost, measured=False)
    beside = find(questions=[replace(QUESTION, ask=Ask.SHARE, lines=(1,), of=(2,), needed=True)])
    assert not choose().is_shown(beside, measured=True)


def test_rules_that_others_bring_are_heard():
    selection = choose(rules=(*RULES, make_module("mine", ruff="X1", origin=".whet/rules/mine.py")))
    assert selection.is_shown(find("mine", edits=()), measured=False)
    assert "mine" not in choose(rules=(make_module("mine", origin="x"),), ignore=("mine",)).active


def test_only_safe_edits_are_made_unless_their_rule_is_allowed():
    selection = choose(Asked(allow=("one",)), allow=("loops",))
    assert [selection.is_fixable(find(slug, Safety.OFFER)) for slug in ("one", "two", "three", "four")] == [
        True, True, True, False,
    ]  # fmt: skip
    assert selection.is_fixable(find("four"))
    assert not selection.is_fixable(find("one", edits=()))
    assert not selection.is_fixable(find("one", Safety.ADVICE))


def test_patterns_ignore_rules_in_files():
    selection = choose(per_file_ignores={"tests/**": ("ALL",), "*_pb2.py": ("loops",), "./a.py": ("one",)})
    assert selection.ignored_in("tests/unit/x.py") == {"one", "two", "three", "four", UNUSED}
    assert selection.ignored_in("src/x_pb2.py") == {"two", "three"}
    assert selection.ignored_in("a.py") == {"one"}
    assert selection.ignored_in("src/a.py") == frozenset()


@pytest.mark.parametrize("name", ["missing", "x" * 5_000, "x\0y"])
def test_a_folder_of_rules_that_cannot_be_there_is_an_error_with_its_name(tmp_path, name):
    config = Config(tmp_path, tmp_path / "pyproject.toml", rules=(name,))
    assert list_project_rules(config) == ()
    with pytest.raises(PluginError, match="there is no rules folder"):
        load_rules(None, [tmp_path / name], ())
