"""Runs as they are when little, odd or far too much was seen: every renderer shows them, and none claims anything."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import pytest

from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, LineCount, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Notice, Purpose, Resident, Run, SourceFile
from whet.pipeline.advise.show import find_renderer, show
from whet.report.terminal import MOST_LINES

FILE = "/app/a.py"
TEXT = "def work(n):\n    s = 0\n    for i in range(n):\n        s += i\n    return s\n\n\nwork(9)\n"
MS = 1_000_000
FRAMES = (
    Frame(FILE, "<module>", 8, 1, Owner.USER),
    Frame(FILE, "work", 4, 1, Owner.USER),
    Frame("", "<no Python frame>", owner=Owner.NATIVE),
)
STACKS = StackTable((ROOT, 0, ROOT), (0, 1, 2))


ONE = (Thread(7, 7),)


def make_profile(*samples, threads=ONE, **more):
    settings = {"collector": "py-spy 0.4.3", "period_ns": 10 * MS, "ticks": 100}
    return Profile(frames=FRAMES, stacks=STACKS, threads=threads, samples=samples, **{**settings, **more})


def make_run(*profiles, text=TEXT, shown="a.py", **more):
    settings = {
        "whet_version": "1",
        "command": ("a.py",),
        "started": "2025-01-01T00:00:00+00:00",
        "directory": "/app",
        "project": "/app",
        "interpreter": Interpreter("/usr/bin/python3", "3.13.0"),
        "executions": (Execution(Purpose.TIME, ("py-spy",), 1000 * MS, 900 * MS, 0),),
        "sources": {FILE: SourceFile(FILE, shown, "", text)},
    }
    return Run(profiles=profiles, **{**settings, **more})


BUSY = make_profile(Samples(Metric.CPU, 0, [1], [900 * MS], 90))
MANY = tuple(Thread(7 + i % 3, 100 + i, f"worker {i}", "python a.py") for i in range(300))
AMOUNTS = ((Metric.ALLOCATED, 40_000_000), (Metric.ALLOCATIONS, 1_000), (Metric.PEAK, 3_000_000))
MEMORY = make_profile(
    *(Samples(metric, 0, [1], [value], 1_000) for metric, value in AMOUNTS),
    collector="memray 1.20",
    period_ns=0,
    ticks=0,
)
ODD = {
    "nothing at all": make_run(executions=(), sources={}, command=()),
    "no samples": make_run(make_profile()),
    "samples without a frame": make_run(make_profile(Samples(Metric.CPU, 0, [2], [30 * MS], 3))),
    "one sample": make_run(make_profile(Samples(Metric.CPU, 0, [1], [10 * MS], 1))),
    "only memory": make_run(MEMORY, executions=(Execution(Purpose.MEMORY, ("memray",), 2000 * MS, 1900 * MS, 0),)),
    "only waiting": make_run(make_profile(Samples(Metric.WAITING, 0, [1], [900 * MS], 90))),
    "only idle": make_run(make_profile(Samples(Metric.IDLE, 0, [1], [900 * MS], 90))),
    "only lines": make_run(Profile("line_profiler 5.1", lines=(LineCount(FILE, 4, 1, 9),))),
    "only resident memory": make_run(resident=Resident((0,), (9_000_000,), 9_000_000, 0, ((FILE, 8, "<module>"),))),
    "attached, went on": make_run(
        BUSY,
        executions=(Execution(Purpose.ATTACH, ("py-spy",), 30_000 * MS, 900 * MS, None, pid=7, paused_share=0.02),),
    ),
    "three hundred threads": make_run(
        make_profile(*(Samples(Metric.CPU, i, [1], [(i + 1) * MS], 10) for i in range(300)), threads=MANY)
    ),
    "killed": make_run(BUSY, executions=(Execution(Purpose.TIME, ("py-spy",), 10 * MS, 9 * MS, 137, 9),)),
    "an unknown signal": make_run(BUSY, executions=(Execution(Purpose.TIME, ("py-spy",), 10 * MS, 9 * MS, 188, 60),)),
    "no source": make_run(BUSY, sources={}),
    "an empty source": make_run(BUSY, text=""),
    "a source that is shorter than it was": make_run(BUSY, text="x = 1\n"),
    "a source that is no Python": make_run(BUSY, text="\x00\x01 def (:\r\r\n\f\u2028" * 4),
    "a source with lines of its own": make_run(BUSY, text="\ufeff" + TEXT.replace("\n", "\r")),
    "a file name of two lines": make_run(BUSY, shown="a\nb.py"),
    "a file name that turns round": make_run(BUSY, shown="evil\u202egpj.py"),
    "a file name that is no text": make_run(BUSY, shown="\udcff\udcfe.py"),
    "a file name that is markup": make_run(BUSY, shown="<img src=x onerror=alert(1)>|`x`.py"),
    "a file name of a thousand signs": make_run(BUSY, shown="x" * 1000 + ".py"),
    "many warnings": make_run(
        BUSY, notices=tuple(Notice(f"part {i}", "it was not there " * 40, "") for i in range(200))
    ),
}
FORMS = ("html", "json", "markdown", "terminal")


class Ids(HTMLParser):
    """The ids of a page, and where its links within it lead."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.ids, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a" and (found.get("href") or "").startswith("#"):
            self.links.append(found["href"][1:])


def write(run, form, **options):
    sink = BytesIO()
    find_renderer(form).render(show(run, **options).view, sink)
    return sink.getvalue().decode("utf-8")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("odd", ODD)
def test_every_form_shows_it(odd, form):
    for include_source in (True, False):
        text = write(ODD[odd], form, include_source=include_source)
        assert not set("\u202e\x1b\x00\x01") & set(text)
        assert "nan" not in text.split() and "inf" not in text.split() and "None" not in text.split()
        if form == "terminal":
            assert text.count("\n") <= MOST_LINES
        if form == "html":
            page = Ids(text)
            assert len(page.ids) == len(set(page.ids))
            assert set(page.links) <= set(page.ids)
            assert "<img src=x" not in text
            assert len(text) <= 600_000


@pytest.mark.parametrize("odd", ["nothing at all", "no samples", "only memory", "only lines", "only resident memory"])
def test_no_share_is_told_where_no_time_was_seen(odd):
    view = show(ODD[odd]).view
    assert not view.hot_functions
    assert "no CPU time was sampled" in view.summary.verdict
    assert "Nothing was seen computing." in write(ODD[odd], "html")


def test_only_memory_is_shown_by_place():
    view = show(ODD["only memory"]).view
    assert [(row.name, row.cost.allocated_bytes.text) for row in view.table_functions] == [("work", "40.0 MB")]
    assert "Memory allocated" in write(ODD["only memory"], "html")


def test_of_many_threads_the_busiest_are_listed_and_the_others_counted():
    page = write(ODD["three hundred threads"], "html")
    assert "100 of 300 threads." in page
    assert "worker 299" in page


def test_an_unknown_signal_is_named_by_its_number():
    assert "ended by signal 60" in write(ODD["an unknown signal"], "terminal")


def test_in_process_samplers_are_told_to_know_functions_better_than_lines():
    told = replace(BUSY, collector="pyinstrument 5.1.1")
    run = make_run(told, executions=(Execution(Purpose.TIME, ("pyinstrument",), 1000 * MS, 900 * MS, 0),))
    assert [caution.about for caution in show(run).view.cautions] == ["lines", "samples"]
    assert "lines" not in [caution.about for caution in show(make_run(BUSY)).view.cautions]


def test_what_subinterpreters_computed_is_said_to_be_unseen():
    calls = Frame("/usr/lib/python3.14/concurrent/futures/interpreter.py", "run", 80, 70, Owner.STDLIB)
    profile = replace(BUSY, frames=(FRAMES[0], calls, FRAMES[2]))
    cautions = {each.about: each.message for each in show(make_run(profile)).view.cautions}
    assert "900 ms of CPU time went by in subinterpreters" in cautions["interpreters"]
    assert "interpreters" not in [each.about for each in show(make_run(BUSY)).view.cautions]
