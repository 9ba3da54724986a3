"""Bytes as a reason: next to time in the order, and silent where memory was not measured or is hardly any."""

from dataclasses import replace

import pytest

from whet.advise import advise
from whet.advise.measured import advise_by_measurement
from whet.model.evidence import Evidence, Seen
from whet.model.finding import Finding, Frees, Safety, Speed
from whet.model.frame import Frame, Owner
from whet.model.hotspot import Cost, Hotspots, LineSpot
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile

FILE = "/p/a.py"
BUSY = 10_000_000_000
MB = 1_000_000


def make_run(text="f()", metric=Metric.GROWN, **more):
    profile = Profile(
        "memray",
        (Frame(FILE, "f", 1, 1, owner=Owner.USER),),
        StackTable((ROOT,), (0,)),
        samples=(Samples(metric, 0, (0,), (100 * MB,), 1),),
    )
    return Run(
        "0",
        ("a.py",),
        "",
        "/p",
        "/p",
        Interpreter("/bin/python", "3.11.7"),
        executions=(Execution(Purpose.TIME, (), BUSY, BUSY, 0),),
        sources={FILE: SourceFile(FILE, "a.py", "", text)},
        profiles=(profile,),
        **more,
    )


def make_hotspots(*spots, peak=100 * MB):
    index = {(spot.file, spot.line): spot for spot in spots}
    return Hotspots(busy_ns=BUSY, cpu_ns=BUSY, lines=spots, line_index=index, peak_bytes=peak, samples=1000)


def at(number=1, share=0.0, **cost):
    ns = round(share * BUSY)
    return LineSpot(FILE, number, "f", 1, Owner.USER, Cost(attributed_ns=ns, spent_share=share, **cost))


def make_finding(line=1, rule="whole-file", **more):
    return Finding(
        rule, FILE, line, line, 0, "f", 1, "t", "m", Safety.ADVICE, Speed.CONSTANT, (line,), snippet=f"{line}", **more
    )


def test_what_lines_hold_at_the_peak_is_what_following_frees_at_most():
    found = make_finding(frees=Frees())
    (item,) = advise(make_run(), make_hotspots(at(peak_bytes=40 * MB)), (found,))
    assert item.memory is not None
    assert (item.memory.held_bytes, item.memory.low, item.memory.high) == (40 * MB, 0.0, 0.4)
    assert (item.estimate.low, item.estimate.high) == (1.0, 1.0)
    little = make_hotspots(at(peak_bytes=4 * MB))
    assert not advise(make_run(), little, (found,))
    unmeasured = make_hotspots(at(), peak=0)
    assert not advise(make_run(), unmeasured, (found,))


def test_each_object_that_was_seen_frees_so_many_bytes():
    seen = Seen(FILE, "f", 1, "points", 9, {"builtins.list": 9}, {"__main__.Point": 99, "builtins.int": 1}, 1, 5, MB)
    others = Seen(FILE, "f", 1, "ids", 9, {"builtins.list": 9}, {"builtins.int": 99}, 1, 5, 9 * MB)
    run = make_run(evidence=Evidence(10, (others, seen)))
    found = make_finding(rule="slots", frees=Frees(40, "Point"))
    (item,) = advise(run, make_hotspots(at(peak_bytes=10 * MB), peak=200 * MB), (found,))
    assert item.memory is not None
    assert item.memory.low == item.memory.high == pytest.approx(0.2)
    assert item.seen == (seen,)
    assert not advise(run, make_hotspots(at()), (replace(found, frees=Frees(40, "Other")),))


def test_what_only_memory_speaks_for_needs_memory():
    found = make_finding(frees=Frees(needed=True))
    assert not advise(make_run(), make_hotspots(at(share=0.5), peak=0), (found,))
    assert not advise(make_run(), make_hotspots(at(share=0.5, peak_bytes=MB)), (found,))
    assert advise(make_run(), make_hotspots(at(share=0.5, peak_bytes=50 * MB)), (found,))


def test_bytes_rank_as_time_does_and_stand_next_to_it_on_a_line():
    hot = make_finding(1, "json-serializer")
    held = make_finding(1, frees=Frees(needed=True))
    both = advise(make_run(), make_hotspots(at(share=0.1, peak_bytes=90 * MB)), (hot, held))
    assert [item.finding.rule for item in both if item.finding.rule in ("json-serializer", "whole-file")] == [
        "whole-file",
        "json-serializer",
    ]
    both = advise(make_run(), make_hotspots(at(share=0.9, peak_bytes=10 * MB)), (hot, held))
    assert both[0].finding.rule == "json-serializer"


def remarks(run, spots, **more):
    return {item.finding.rule: item for item in advise_by_measurement(run, spots, least_share=0.01, **more)}


def test_memory_that_grows_in_a_loop():
    spots = make_hotspots(at(peak_bytes=90 * MB, live_bytes=80 * MB, grown_bytes=40 * MB))
    item = remarks(make_run("while x: cache.append(make())"), spots)["growing-memory"]
    assert "40 MB more" in item.finding.message
    assert "80 MB of it were still there at the end" in item.finding.message
    assert "growing-memory" not in remarks(make_run("data = load()"), spots)
    some = make_hotspots(at(peak_bytes=90 * MB, grown_bytes=5 * MB))
    assert "growing-memory" not in remarks(make_run("while x: cache.append(make())"), some)


def test_a_short_peak():
    spots = make_hotspots(at(peak_bytes=60 * MB, brief_bytes=60 * MB))
    item = remarks(make_run("total = sum(sorted(rows))"), spots)["brief-peak"]
    assert "60 MB of 100 MB" in item.finding.message
    assert "brief-peak" not in remarks(make_run("total = sum(sorted(rows))"), spots, held={(FILE, 1)})
    assert "brief-peak" not in remarks(make_run("import numpy"), spots)
