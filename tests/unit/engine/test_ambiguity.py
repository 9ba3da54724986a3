"""How patterns backtrack, by their automaton."""

import re

import pytest

from whet.engine.ambiguity import Ambiguity, find_ambiguity

SEARCHED = {
    r"\s+$": Ambiguity.RESTARTED,
    r"(\d*)-(\d*)": Ambiguity.RESTARTED,
    r"\w+@\w+": Ambiguity.RESTARTED,
    r".*foo": Ambiguity.RESTARTED,
    r"\s*(.*?)\s*$": Ambiguity.POLYNOMIAL,
    r"(?:[a-z]+)\s*([a-z]+) ": Ambiguity.POLYNOMIAL,
    r"^(\d*\.?\d*)e": Ambiguity.POLYNOMIAL,
    r"(a+)+$": Ambiguity.EXPONENTIAL,
    r"(\w+\s?)*$": Ambiguity.EXPONENTIAL,
    r"(?:a|a)*;": Ambiguity.EXPONENTIAL,
    r"((\r\n|\r|\n)+) *$": Ambiguity.EXPONENTIAL,
    r"(\d+|[a-z])+;": Ambiguity.EXPONENTIAL,
    r"(?:\\.|[^#])*#": Ambiguity.EXPONENTIAL,
    # One way only, or a match in any case.
    r"\s+": Ambiguity.NONE,
    r"\w+\w": Ambiguity.NONE,
    r"\d+|\d+x": Ambiguity.NONE,
    r"(?<!\d)(\d+)-": Ambiguity.NONE,
    r"\b\w+;": Ambiguity.NONE,
    r"([^,;]*,)*;": Ambiguity.RESTARTED,
    r"^([^,]*,)*;": Ambiguity.NONE,
    r"^(\w+)\s*=\s*(\w*)$": Ambiguity.NONE,
    r"<[^>]*>": Ambiguity.NONE,
    r"(['\"]).*?\1": Ambiguity.NONE,
    r"(?:\\.|[^#])*(#.*)?": Ambiguity.NONE,
    r"\s{0,5}x": Ambiguity.NONE,
    # Not modelled, or no pattern.
    r"(?>\s+)\s*x": Ambiguity.NONE,
    r"\s++\s*x": Ambiguity.NONE,
    r"(?=(\s+))\1\s*x": Ambiguity.NONE,
    r"(?=(?P<a>(-+ ?){3,}|_+))(?P=a) *$": Ambiguity.NONE,
    r"(": Ambiguity.NONE,
    r"": Ambiguity.NONE,
}


@pytest.mark.parametrize("pattern", SEARCHED)
def test_a_search_is_tried_in_as_many_ways_as_the_automaton_reads_a_run(pattern):
    assert find_ambiguity(pattern, 0, anchored=False, whole=False) is SEARCHED[pattern]


def test_a_match_starts_once_and_a_full_match_must_reach_the_end():
    assert find_ambiguity(r"\s+;", 0, anchored=True, whole=False) is Ambiguity.NONE
    assert find_ambiguity(r"(\w|\w)*", 0, anchored=True, whole=False) is Ambiguity.NONE
    assert find_ambiguity(r"(\w|\w)*", 0, anchored=True, whole=True) is Ambiguity.EXPONENTIAL


def test_flags_widen_what_is_read():
    assert find_ambiguity(r"^[a-z]+[A-Z]+;", 0, anchored=True, whole=False) is Ambiguity.NONE
    assert find_ambiguity(r"^[a-z]+[A-Z]+;", re.IGNORECASE, anchored=True, whole=False) is Ambiguity.POLYNOMIAL
    assert find_ambiguity(rb"^.*\n*;", 0, anchored=True, whole=False) is Ambiguity.NONE
    assert find_ambiguity(rb"^.*\n*;", re.DOTALL, anchored=True, whole=False) is Ambiguity.POLYNOMIAL


def test_a_pattern_of_many_parts_is_left_alone_in_time():
    assert find_ambiguity("(" + "a?" * 300 + ")*b", 0, anchored=True, whole=False) is Ambiguity.NONE
    assert find_ambiguity("(?:" + "|".join(["[a-z]+x"] * 60) + ")*;", 0, anchored=True, whole=False) in Ambiguity
    assert find_ambiguity("(" * 60 + "a*" + ")*" * 60 + "b", 0, anchored=True, whole=False) in Ambiguity
