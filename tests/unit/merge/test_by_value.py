import hashlib

import pytest

from whet.merge.by_value import restore_files
from whet.model.frame import Frame
from whet.model.profile import ROOT, Profile, StackTable
from whet.model.run import SourceFile

MAIN = """\
def crunch(n):
    total = 0
    for i in range(n):
        total += i
    return total


def outer(n):
    def inner(k):
        return k
    return inner


class Job:
    @property
    def run(self):
        return sum(i for i in range(9))


double, triple = lambda n: 2 * n, lambda n: 3 * n
single = lambda n: n
"""
OTHER = "\n" * 40 + "def crunch(n):\n    return n\n"


def source(file: str, text: str) -> SourceFile:
    return SourceFile(file, file, hashlib.sha256(text.encode()).hexdigest(), text)


SOURCES = {"/app/main.py": source("/app/main.py", MAIN), "/app/other.py": source("/app/other.py", OTHER)}


def restore(*frames: tuple[str, int] | Frame, sources: dict[str, SourceFile] = SOURCES) -> list[str]:
    """Return the files that frames of dynamic code get."""
    made = [each if isinstance(each, Frame) else Frame("<dynamic-code>", *each) for each in frames]
    profile = Profile("py-spy", made, StackTable([ROOT] * len(made), range(len(made))))
    (restored,) = restore_files([profile], sources)
    assert [frame.name for frame in restored.frames] == [frame.name for frame in made]
    return [frame.file for frame in restored.frames]


@pytest.mark.parametrize(
    "place",
    [
        ("crunch", 4),
        ("outer.<locals>.inner", 10),
        ("inner", 10),
        ("Job.run", 17),
        ("Job.run", 15),
        ("Job.run.<locals>.<genexpr>", 17),
        ("crunch.<locals>.<listcomp>", 3),
        ("<lambda>", 21),
    ],
)
def test_name_and_line_find_the_source(place):
    assert restore(place) == ["/app/main.py"]


@pytest.mark.parametrize(
    "place", [("crunch", 7), ("crunch", 0), ("crunch", 900), ("lost", 4), ("Job", 16), ("<module>", 3)]
)
def test_what_no_source_has_stays(place):
    assert restore(place) == ["<dynamic-code>"]


def test_two_that_fit_are_no_answer():
    assert restore(("<lambda>", 20)) == ["<dynamic-code>"]
    twice = {**SOURCES, "/app/copy.py": source("/app/copy.py", MAIN)}
    assert restore(("crunch", 4), sources=twice) == ["<dynamic-code>"]
    assert restore(("crunch", 42), sources=twice) == ["/app/other.py"]


def test_all_lines_of_a_function_must_fit():
    assert restore(("crunch", 3), ("crunch", 4)) == ["/app/main.py", "/app/main.py"]
    assert restore(("crunch", 3), ("crunch", 30)) == ["<dynamic-code>", "<dynamic-code>"]


def test_the_first_line_must_fit_where_it_is_known():
    assert restore(Frame("<dynamic-code>", "crunch", 4, 1)) == ["/app/main.py"]
    assert restore(Frame("<dynamic-code>", "crunch", 4, 2)) == ["<dynamic-code>"]
    assert restore(Frame("<dynamic-code>", "crunch", 0, 1)) == ["/app/main.py"]


def test_other_files_stay_as_they_are():
    frames = [Frame("<string>", "crunch", 4), Frame("/lib/x.py", "crunch", 4), Frame("", "crunch", 4)]
    assert restore(*frames) == ["<string>", "/lib/x.py", ""]
    assert restore(("crunch", 4), sources={}) == ["<dynamic-code>"]
    assert restore(("crunch", 4), sources={"/app/bad.py": source("/app/bad.py", "def crunch(:\n" * 9)}) == [
        "<dynamic-code>"
    ]
