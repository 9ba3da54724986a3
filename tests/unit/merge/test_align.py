from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from whet.merge.align import align_profile
from whet.merge.ownership import Ownership
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import LineCount, Profile, Samples, StackTable
from whet.model.run import SourceFile

OWNERSHIP = Ownership(project="/app", stdlib=("/usr/lib/python3.13",), hidden=("/whet/inprocess",))

NESTED = """\
import time
class A:
    @staticmethod
    def m(n):
        def inner(k):
            return sum([(lambda x: sum(y*x for y in range(200)))(i) for i in range(k)])
        return inner(n)
@(lambda f: f)
def deco():
    d = {i: [j for j in range(50)]
         for i in range(1000)}
    return d
A.m(50)
deco()
"""
# The same program as py-spy names it on two versions (recorded, shortened).
NAMES_311 = [
    (
        "<module>@/app/t.py:13;A.m@/app/t.py:7;A.m.<locals>.inner@/app/t.py:6"
        ";A.m.<locals>.inner.<locals>.<listcomp>@/app/t.py:6;A.m.<locals>.inner.<locals>.<listcomp>.<lambda>@/app/t.py:6"
        ";A.m.<locals>.inner.<locals>.<listcomp>.<lambda>.<locals>.<genexpr>@/app/t.py:6",
        63,
    ),
    (
        "<module>@/app/t.py:13;A.m@/app/t.py:7;A.m.<locals>.inner@/app/t.py:6"
        ";A.m.<locals>.inner.<locals>.<listcomp>@/app/t.py:6",
        5,
    ),
    ("<module>@/app/t.py:13;A.m@/app/t.py:7;A.m.<locals>.inner@/app/t.py:6", 3),
    ("<module>@/app/t.py:14;deco@/app/t.py:10;deco.<locals>.<dictcomp>@/app/t.py:11", 40),
    (
        "<module>@/app/t.py:14;deco@/app/t.py:10;deco.<locals>.<dictcomp>@/app/t.py:10"
        ";deco.<locals>.<dictcomp>.<listcomp>@/app/t.py:10",
        200,
    ),
]
NAMES_313 = [
    (
        "<module>@/app/t.py:13;A.m@/app/t.py:7;A.m.<locals>.inner@/app/t.py:6"
        ";A.m.<locals>.inner.<locals>.<lambda>@/app/t.py:6"
        ";A.m.<locals>.inner.<locals>.<lambda>.<locals>.<genexpr>@/app/t.py:6",
        63,
    ),
    ("<module>@/app/t.py:13;A.m@/app/t.py:7;A.m.<locals>.inner@/app/t.py:6", 8),
    ("<module>@/app/t.py:14;deco@/app/t.py:11", 40),
    ("<module>@/app/t.py:14;deco@/app/t.py:10", 200),
]


def sources_of(make, text, file="/app/t.py"):
    return {file: make.source(file, text)}


def bare(entries):
    """Name frames as memray does: without the qualifying part."""
    return [
        (
            ";".join(f"{f.partition('@')[0].rpartition('.')[2]}@{f.partition('@')[2]}" for f in stack.split(";")),
            value,
        )
        for stack, value in entries
    ]


def test_versions_and_naming_styles_agree(make):
    sources = sources_of(make, NESTED)
    expected = {
        "<module>:13;A.m:7;A.m.<locals>.inner:6;A.m.<locals>.inner.<locals>.<lambda>:6"
        ";A.m.<locals>.inner.<locals>.<lambda>.<locals>.<genexpr>:6": 63,
        "<module>:13;A.m:7;A.m.<locals>.inner:6": 8,
        "<module>:14;deco:11": 40,
        "<module>:14;deco:10": 200,
    }
    for entries in (NAMES_311, NAMES_313, bare(NAMES_311), bare(NAMES_313)):
        aligned = align_profile(make.profile(entries), sources, OWNERSHIP)
        assert make.stacks(aligned) == expected
        assert {(f.name, f.first_line) for f in aligned.frames if f.name in ("deco", "A.m", "<module>")} == {
            ("deco", 9),
            ("A.m", 4),
            ("<module>", 1),
        }
        assert len(set(aligned.frames)) == len(aligned.frames)


def test_without_a_source_comprehensions_still_join_their_caller(make):
    for entries in (NAMES_311, bare(NAMES_311)):
        aligned = align_profile(make.profile(entries), {}, OWNERSHIP)
        values = sorted(make.stacks(aligned).values())
        assert values == [8, 40, 63, 200]


def test_first_line_of_a_decorated_function_becomes_its_def_line(make):
    profile = make.profile([("deco@/app/t.py:8:8", 1)])
    (frame,) = align_profile(profile, sources_of(make, NESTED), OWNERSHIP).frames
    assert frame == Frame("/app/t.py", "deco", 8, 9, Owner.USER)


def test_names_stay_where_the_source_is_broken_or_missing(make):
    profile = make.profile([("odd@/app/t.py:3;json@/usr/lib/python3.13/json/decoder.py:5;memcpy@libc.so.6", 4)])
    aligned = align_profile(profile, sources_of(make, "def broken(:"), OWNERSHIP)
    assert [(f.name, f.owner) for f in aligned.frames] == [
        ("odd", Owner.USER),
        ("json", Owner.STDLIB),
        ("memcpy", Owner.NATIVE),
    ]
    assert make.stacks(aligned) == {"odd:3;json:5;memcpy:0": 4}


def test_relative_files_are_found_in_the_project(make):
    aligned = align_profile(make.profile([("deco@t.py:10", 1)]), sources_of(make, NESTED), OWNERSHIP)
    assert (aligned.frames[0].file, aligned.frames[0].first_line) == ("/app/t.py", 9)


def test_native_frames_between_keep_a_comprehension_apart(make):
    entries = [("deco@/app/t.py:10;call@libpython.so;deco.<locals>.<dictcomp>@/app/t.py:10", 2)]
    aligned = align_profile(make.profile(entries), sources_of(make, NESTED), OWNERSHIP)
    assert make.stacks(aligned) == {"deco:10;call:0;deco:10": 2}


def test_recursion_through_a_comprehension_keeps_its_depth(make):
    text = "def walk(n):\n    return [\n        walk(c) for c in n]\n"
    entries = [
        (";".join(["walk@/app/t.py:2", "walk.<locals>.<listcomp>@/app/t.py:3"] * 3), 7),
        (";".join(["walk@/app/t.py:2", "walk.<locals>.<listcomp>@/app/t.py:3"] * 2), 1),
    ]
    aligned = align_profile(make.profile(entries), sources_of(make, text), OWNERSHIP)
    assert make.stacks(aligned) == {"walk:3;walk:3;walk:3": 7, "walk:3;walk:3": 1}


def test_deep_stacks(make):
    text = "def f(n):\n    return [f(n - 1)\n            for _ in range(1)]\n"
    depth = 20_000
    frames = [Frame("/app/t.py", "f", 2), Frame("/app/t.py", "f.<locals>.<listcomp>", 2)]
    profile = Profile(
        "py-spy",
        frames,
        StackTable(range(-1, depth - 1), [row % 2 for row in range(depth)]),
        samples=[Samples(Metric.CPU, 0, [depth - 1], [10], 1)],
    )
    aligned = align_profile(profile, sources_of(make, text), OWNERSHIP)
    assert sum(1 for _ in aligned.stacks.walk(aligned.samples[0].stack[0])) == depth // 2
    assert aligned.samples[0].value == [10]


def test_whets_own_frames_are_cut_off_and_its_work_is_left_out(make):
    agent = "run@/whet/inprocess/bootstrap.py:9"
    program = "<module>@/app/t.py:14"
    profile = make.profile(
        [
            (f"{agent};{program};deco@/app/t.py:10", 60),
            (f"{agent};{program};deco@/app/t.py:10;look@/whet/inprocess/looks.py:3", 5),
            (
                f"{agent};{program};deco@/app/t.py:10;look@/whet/inprocess/looks.py:3;dumps@/usr/lib/python3.13/json/x.py:1",
                5,
            ),
            (
                f"{agent};_find_and_load@<frozen importlib._bootstrap>:1;<module>@/venv/site-packages/lp.py:1",
                20,
            ),
            (
                f"{agent};<module>@/venv/bin/site-packages/pytest/__main__.py:1;main@/venv/site-packages/pytest/m.py:1",
                7,
            ),
            (agent, 3),
        ]
    )
    aligned = align_profile(profile, sources_of(make, NESTED), OWNERSHIP)
    assert make.stacks(aligned) == {"<module>:14;deco:10": 60, "<module>:1;main:1": 7}
    assert sum(entry.count for entry in aligned.samples) == 67
    assert not any("/whet/" in frame.file for frame in aligned.frames)


def test_users_code_called_by_whets_code_stays(make):
    entries = [("main@/app/t.py:14;wrap@/whet/inprocess/t.py:1;helper@/app/t.py:10;look@/whet/inprocess/l.py:1", 1)]
    entries += [("main@/app/t.py:14;wrap@/whet/inprocess/t.py:1;helper@/app/t.py:10", 4)]
    aligned = align_profile(make.profile(entries), {}, OWNERSHIP)
    assert make.stacks(aligned) == {"main:14;helper:10": 4}


def test_samples_without_a_frame_stay_at_the_root(make):
    profile = make.profile([("", 5), ("deco@/app/t.py:10;deco.<locals>.<listcomp>@/app/t.py:10", 2)])
    aligned = align_profile(profile, sources_of(make, NESTED), OWNERSHIP)
    assert make.stacks(aligned) == {"": 5, "deco:10": 2}


def test_line_counts_get_the_def_line_and_folded_ones_are_added(make):
    counts = [
        LineCount("/app/t.py", 10, 8, 2),
        LineCount("/app/t.py", 10, 10, 100),
        LineCount("/app/t.py", 11, 10, 3),
        LineCount("/elsewhere.py", 1, 1, 9),
    ]
    aligned = align_profile(make.profile([], lines=counts), sources_of(make, NESTED), OWNERSHIP)
    assert list(aligned.lines) == [
        LineCount("/app/t.py", 10, 9, 102),
        LineCount("/app/t.py", 11, 9, 3),
        LineCount("/elsewhere.py", 1, 1, 9),
    ]


@given(st.lists(st.lists(st.integers(0, 4), max_size=6), max_size=12), st.randoms(use_true_random=False))
def test_values_are_kept_and_order_does_not_matter(stacks, chance: Random):
    names = ["f", "f.<locals>.<listcomp>", "f.<locals>.<genexpr>", "<listcomp>", "<module>"]
    text = "def f(a):\n    return [b for b in (c for c in a)]\n"
    frames = [Frame("/app/t.py", name, 2) for name in names]

    def build(order):
        rows: dict[tuple[int, int], int] = {}
        samples: dict[int, int] = {}
        for index in order:
            row = -1
            for frame in stacks[index]:
                row = rows.setdefault((row, frame), len(rows))
            samples[row] = samples.get(row, 0) + index + 1
        table = StackTable([parent for parent, _ in rows], [frame for _, frame in rows])
        entry = Samples(Metric.CPU, 0, list(samples), list(samples.values()), len(samples))
        return Profile("py-spy", frames, table, samples=[entry])

    def view(profile):
        found = {}
        for entry in profile.samples:
            for row, value in zip(entry.stack, entry.value, strict=True):
                found[tuple(profile.frames[profile.stacks.frame[r]] for r in profile.stacks.walk(row))] = value
        return found

    sources = {"/app/t.py": SourceFile("/app/t.py", "t.py", "", text)}
    order = list(range(len(stacks)))
    first = align_profile(build(order), sources, OWNERSHIP)
    chance.shuffle(order)
    second = align_profile(build(order), sources, OWNERSHIP)
    assert view(first) == view(second)
    assert sum(sum(entry.value) for entry in first.samples) == sum(range(1, len(stacks) + 1))
    assert all(parent < row for row, parent in enumerate(first.stacks.parent))
    assert view(align_profile(replace(first), sources, OWNERSHIP)) == view(first), "aligning twice changes nothing"


def test_time_in_whets_own_code_is_told_apart(make):
    profile = make.profile(
        [
            ("main@/app/a.py:1", 70),
            ("main@/app/a.py:1;_on_tick@/whet/inprocess/agent.py:9", 20),
            (
                "main@/app/a.py:1;_on_tick@/whet/inprocess/agent.py:9;dumps@/usr/lib/python3.13/json/__init__.py:3",
                5,
            ),
            ("main@/app/a.py:2", 40, Metric.WAITING),
        ]
    )
    aligned = align_profile(profile, {}, OWNERSHIP)
    assert aligned.own_ns == 25
    assert sum(sum(each.value) for each in aligned.samples) == 110
