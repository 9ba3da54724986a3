from __future__ import annotations

from whet.merge.given_code import name_given_code
from whet.merge.ownership import Ownership
from whet.model.frame import Owner

LIB = "/usr/lib/python3.13/"
GIVEN = "<-c code>"


def files(make, *stacks, is_program=False):
    """Return for each stack the files of its frames, outermost first."""
    made = name_given_code(make.profile([(stack, 1) for stack in stacks]), is_program=is_program)
    (entry,) = made.samples
    return [[made.frames[made.stacks.frame[step]].file for step in made.stacks.walk(row)][::-1] for row in entry.stack]


def test_the_code_of_a_child_is_named(make):
    child = "<module>@<string>:3;work@<string>:2"
    assert files(make, child) == [[GIVEN, GIVEN]]
    assert files(make, "_start@/lib/libc.so:0;<module>@<string>:3;f@/app/a.py:1") == [
        ["/lib/libc.so", GIVEN, "/app/a.py"]
    ]
    assert Ownership().owner(GIVEN, "<module>") is Owner.USER


def test_other_code_made_from_a_text_keeps_its_name(make):
    assert files(make, "<module>@/app/a.py:1;<module>@<string>:1") == [["/app/a.py", "<string>"]]
    assert files(make, "<module>@<string>:1;__init__@<string>:2") == [[GIVEN, "<string>"]]
    assert files(make, "run@/app/a.py:1;run@<string>:2") == [["/app/a.py", "<string>"]]


def test_what_starts_a_worker_is_not_the_users(make):
    spawned = f"<module>@<string>:1;spawn_main@{LIB}multiprocessing/spawn.py:9;crunch@/app/a.py:4"
    assert files(make, spawned) == [["<string>", f"{LIB}multiprocessing/spawn.py", "/app/a.py"]]
    own = f"<module>@<string>:7;f@/app/a.py:1;start@{LIB}multiprocessing/process.py:9"
    assert files(make, own, spawned)[0][0] == GIVEN


def test_all_of_a_program_that_is_given_so_is_named(make):
    assert files(make, "run@<whet>:1;<module>@<string>:1;f@<string>:2", is_program=True) == [["<whet>", GIVEN, GIVEN]]


def test_without_such_code_nothing_changes(make):
    profile = make.profile([("<module>@/app/a.py:1", 1)])
    assert name_given_code(profile) is profile
