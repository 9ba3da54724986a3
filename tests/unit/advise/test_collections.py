"""Collecting garbage as it was seen from outside: its share, its generations, the lines that set it off."""

from dataclasses import replace

from whet.advise.collections import remark_collections
from whet.model.evidence import Evidence, Trigger
from whet.model.frame import Owner
from whet.model.hotspot import Cost, Hotspots, LineSpot
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile

FILE = "/p/a.py"
BUSY = 10_000_000_000
TEXT = "for n in x:\n    nodes.append(Node(n))\ndef f():\n    pass\n"


def at(number, share):
    ns = round(share * BUSY)
    first = 3 if number == 3 else 1
    return LineSpot(FILE, number, "f", first, Owner.USER, Cost(ns, ns, ns, self_share=share, spent_share=share))


def remark(share, looks=200, evidence=None, **more):
    execution = Execution(Purpose.TIME, (), BUSY, BUSY, 0, collecting_share=share, collecting_looks=looks)
    triggers = (Trigger(FILE, 2, "f", 1, 12), Trigger(FILE, 1, "f", 1, 3), Trigger(FILE, 9, "f", 1, 1))
    run = Run(
        "0",
        ("a.py",),
        "",
        "/p",
        "/p",
        Interpreter("/bin/python", "3.12.1"),
        executions=(execution,),
        sources={FILE: SourceFile(FILE, "a.py", "", TEXT)},
        evidence=evidence or Evidence(9, triggers=triggers, collections=(2607, 236, 11)),
    )
    lines = (at(1, 0.5), at(2, 0.1), at(3, 0.2))
    index = {(spot.file, spot.line): spot for spot in lines}
    spots = Hotspots(busy_ns=BUSY, cpu_ns=BUSY, lines=lines, line_index=index)
    return remark_collections(replace(run, **more), spots, list(lines))


def test_its_share_generations_and_lines():
    item = remark(0.4)
    assert (item.share, item.finding.line) == (0.4, 2)
    assert "40 % of the run (collections: 2,607 of young objects, 236 of the middle" in item.finding.message
    assert "line 2 in f (12 of 16 seen), line 1 in f (3 of 16 seen)." in item.finding.message
    assert "`def` lines (line 3)" in item.finding.message


def test_hardly_any_or_few_looks_say_nothing():
    assert remark(0.03) is None
    assert remark(0.2, looks=40) is None
    assert remark(0.0, looks=0) is None


def test_without_lines_it_stands_where_most_is_computed():
    item = remark(0.4, evidence=Evidence(9))
    assert item.finding.line == 1
    assert "set off by" not in item.finding.message
