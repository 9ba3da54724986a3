"""What is called faster or slower between two runs, and what is not."""

from __future__ import annotations

from dataclasses import replace

from whet.merge.difference import Measured, compare_runs
from whet.merge.hotspots import merge_run
from whet.model.difference import Change, Difference
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Host, Interpreter, Purpose, Run, SourceFile

OLD = "def slow():\n    work()\n\n\ndef steady():\n    work()\n\n\ndef dropped():\n    work()\n"
NEW = "import os\n\n\ndef slow():\n    work()\n\n\ndef steady():\n    work()\n\n\ndef added():\n    work()\n"
PERIOD = 10_000_000
FILE = "/p/app.py"


def measure(text: str, counts: dict[tuple[str, int, int], int], *, repeats: int = 1, file: str = FILE) -> Measured:
    """``counts`` are samples by function, its first line and the line."""
    frames = [Frame(file, name, line, first) for name, first, line in counts]
    rows = range(len(frames))
    values = [count * PERIOD for count in counts.values()]
    samples = Samples(Metric.CPU, 0, list(rows), values, sum(counts.values()))
    profile = Profile("py-spy 0.4.1", frames, StackTable([ROOT] * len(frames), list(rows)), [Thread(1, 1)], [samples])
    project = file.rpartition("/")[0]
    execution = Execution(Purpose.TIME, ("py-spy",), sum(values), sum(values), 0, repeats=repeats)
    source = SourceFile(file, "app.py", "", text, Owner.USER)
    run = Run("1", ("app.py",), "", project, project, Interpreter("/py", "3.13.0"), Host("Linux", "x86_64", 2))
    run = replace(run, executions=(execution,), profiles=(profile,), sources={file: source})
    return Measured(run, merge_run(run))


def changes(difference: Difference) -> dict[str, Change]:
    return {place.name: place.change for place in difference.functions}


BEFORE = {("slow", 1, 2): 400, ("steady", 5, 6): 300, ("dropped", 9, 10): 100}
AFTER = {("slow", 4, 5): 100, ("steady", 8, 9): 310, ("added", 12, 13): 90}


def test_faster_new_and_gone_are_told_apart_and_moved_lines_are_the_same() -> None:
    found = compare_runs(measure(OLD, BEFORE), measure(NEW, AFTER))
    assert changes(found) == {"slow": Change.FASTER, "added": Change.NEW, "dropped": Change.GONE}
    lines = {(place.line_before, place.line_after): place.change for place in found.lines}
    assert lines == {(2, 5): Change.FASTER}, "the line in the function that replaced another is the same text"


def test_the_interval_holds_the_difference_that_was_seen() -> None:
    slow = compare_runs(measure(OLD, BEFORE), measure(NEW, AFTER)).functions[0]
    assert (slow.name, slow.saved_ns) == ("slow", 300 * PERIOD)
    assert slow.low_ns < -300 * PERIOD < slow.high_ns < 0


def test_a_slow_down_is_called() -> None:
    counts = {**BEFORE, ("steady", 5, 6): 600}
    assert changes(compare_runs(measure(OLD, BEFORE), measure(OLD, counts))) == {"steady": Change.SLOWER}


def test_what_sampling_explains_is_no_change() -> None:
    counts = {("slow", 1, 2): 430, ("steady", 5, 6): 280, ("dropped", 9, 10): 110}
    found = compare_runs(measure(OLD, BEFORE), measure(OLD, counts))
    assert (found.functions, found.lines) == ((), ())
    assert found.compared == 6


def test_a_change_below_the_threshold_is_not_called_however_sure_it_is() -> None:
    before = {("slow", 1, 2): 1_000_000, ("steady", 5, 6): 1_000_000}
    after = {("slow", 1, 2): 1_030_000, ("steady", 5, 6): 1_000_000}
    assert not compare_runs(measure(OLD, before), measure(OLD, after)).functions
    assert compare_runs(measure(OLD, before), measure(OLD, after), threshold=0.01).functions


def test_a_few_samples_of_a_place_that_was_not_seen_say_nothing() -> None:
    before = {("slow", 1, 2): 500}
    assert not compare_runs(measure(OLD, before), measure(OLD, {**before, ("steady", 5, 6): 6})).functions
    seen = compare_runs(measure(OLD, before), measure(OLD, {**before, ("steady", 5, 6): 60}))
    assert changes(seen) == {"steady": Change.SLOWER}, "it was there before, only not seen"


def test_times_without_a_count_of_samples_are_as_sure_as_one() -> None:
    uncounted = [measure(OLD, {("slow", 1, 2): count}) for count in (100, 300)]
    for number, each in enumerate(uncounted):
        uncounted[number] = Measured(each.run, replace(each.hotspots, samples=0))
    assert not compare_runs(*uncounted).functions


def test_lines_are_counted_as_python_counts_them() -> None:
    """A form feed, which old sources have between their functions, ends no line."""
    old, new = OLD.replace("\n\n\ndef", "\n\n\x0cdef"), NEW.replace("\n\n\ndef", "\n\n\x0cdef")
    before = {("slow", 1, 2): 400, ("steady", 4, 5): 300}
    found = compare_runs(measure(old, before), measure(new, {("slow", 3, 4): 400, ("steady", 6, 7): 900}))
    assert [(place.line_before, place.line_after, place.source) for place in found.lines] == [(5, 7, "work()")]


def test_times_are_those_of_one_execution() -> None:
    once = measure(OLD, BEFORE)
    thrice = measure(OLD, {place: 3 * count for place, count in BEFORE.items()}, repeats=3)
    found = compare_runs(once, thrice)
    assert not found.functions
    assert found.before.busy_ns == found.after.busy_ns


def test_a_checkout_elsewhere_is_the_same_program() -> None:
    found = compare_runs(measure(OLD, BEFORE), measure(OLD, BEFORE, file="/elsewhere/app.py"))
    assert not found.functions
    assert not found.lines


def test_unlike_runs_are_told() -> None:
    old, new = measure(OLD, BEFORE), measure(OLD, BEFORE)
    other = replace(new.run, host=Host("Linux", "aarch64", 8), interpreter=Interpreter("/py", "3.14.0"))
    assert not compare_runs(old, new).cautions
    cautions = " ".join(compare_runs(old, Measured(other, new.hotspots)).cautions)
    assert "machines" in cautions
    assert "interpreters" in cautions
