"""Which functions have their lines counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, LineCount, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile
from whet.pipeline.run.exact_functions import Chosen, choose_counted, list_uncounted
from whet.pipeline.run.notices import describe_bodies

SOURCE = """\
class Basket:
    @staticmethod
    def make(items):
        return Basket(items)

    def __init__(self, items):
        self.items = tuple(items)

    @property
    def total(self):
        return sum([price * 2 for price in self.items])


def cold():
    return 1
"""
FRAMES = (("Basket.make", 4, 3), ("Basket.total", 11, 10), ("cold", 15, 14), ("decode", 7, 5))


def make_run(folder: Path, values: tuple[int, ...]) -> Run:
    file, library = str(folder / "basket.py"), "/usr/lib/python3.13/json.py"
    frames = tuple(
        Frame(
            library if name == "decode" else file, name, line, first, Owner.STDLIB if name == "decode" else Owner.USER
        )
        for name, line, first in FRAMES
    )
    samples = Samples(Metric.CPU, 0, range(len(frames)), [value * 10**6 for value in values], 10_000)
    stacks = StackTable([ROOT] * len(frames), range(len(frames)))
    return Run(
        "0",
        ("basket.py",),
        "",
        str(folder),
        str(folder),
        Interpreter("python", "3.13.0"),
        executions=(Execution(Purpose.TIME, ("py-spy",), 10**10, 10**10, 0),),
        profiles=(Profile("py-spy 1", frames, stacks, (Thread(1, 1),), (samples,)),),
        sources={file: SourceFile(file, "basket.py", "", SOURCE, Owner.USER)},
    )


def test_hot_functions_are_named_by_where_their_code_starts(tmp_path: Path) -> None:
    run = make_run(tmp_path, (5_000, 0, 10, 4_990))
    assert choose_counted(run).functions == ((str(tmp_path / "basket.py"), 2),)


def test_functions_that_a_rule_asks_about_are_counted_although_they_are_not_hot(tmp_path: Path) -> None:
    run = make_run(tmp_path, (0, 5_000, 10, 4_990))
    file = str(tmp_path / "basket.py")
    assert choose_counted(run).functions == ((file, 9), (file, 6)), (
        "a property, and the constructor whose calls it compares with"
    )


def test_code_without_a_file_is_not_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path, (5_000, 0, 0, 0))
    (profile,) = run.profiles
    frames = tuple(replace(frame, file="<string>") for frame in profile.frames)
    assert choose_counted(replace(run, profiles=(replace(profile, frames=frames),))) == Chosen(())


def test_hot_lines_outside_of_functions_are_not_counted_but_named(tmp_path: Path) -> None:
    run = make_run(tmp_path, (5_000, 0, 4_000, 0))
    (profile,) = run.profiles
    frames = (*profile.frames[:2], replace(profile.frames[2], name="<module>", line=17, first_line=0))
    chosen = choose_counted(replace(run, profiles=(replace(profile, frames=(*frames, profile.frames[3])),)))
    assert chosen == Chosen(((str(tmp_path / "basket.py"), 2),), (str(tmp_path / "basket.py"),))
    (notice,) = describe_bodies(chosen.bodies)
    assert "module-level lines of basket.py" in notice.message
    assert not list(describe_bodies(()))


def test_functions_without_hits_that_only_other_threads_ran_are_listed(tmp_path: Path) -> None:
    run = make_run(tmp_path, (1, 1, 1, 1))
    (profile,), file = run.profiles, str(tmp_path / "basket.py")
    first, other = (Samples(Metric.CPU, at, rows, [1] * len(rows), 1) for at, rows in ((0, [0]), (1, [0, 1, 2])))
    threads = (Thread(1, 1), Thread(1, 2))
    run = replace(run, profiles=(replace(profile, threads=threads, samples=(first, other)),))
    counted = ((file, 3), (file, 10), (file, 14), (file, 99))
    assert list_uncounted(run, counted, [LineCount(file, 15, 14, 7)]) == [(file, 10)]
