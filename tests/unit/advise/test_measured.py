"""Advice from measurements alone: what was seen, what it wins at most, and silence where it does not matter."""

from dataclasses import replace

import pytest

from whet.advise.join import advise
from whet.advise.measured import advise_by_measurement
from whet.advise.newer_python import NewerPython
from whet.model.advice import Estimate
from whet.model.finding import Safety
from whet.model.frame import Frame, Owner
from whet.model.hotspot import Cost, DependencySpot, Hotspots, ImportSpot, LineSpot, ThreadTime
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Host, Interpreter, Purpose, Run, SourceFile

FILE = "/p/a.py"
SECOND = 1_000_000_000
BUSY = 10 * SECOND


def run(*lines, **more):
    text = "\n".join(lines)
    made = Run(
        "0",
        ("a.py",),
        "",
        "/p",
        "/p",
        Interpreter("/bin/python", "3.11.7"),
        host=Host("Linux", "x", 8),
        executions=(Execution(Purpose.TIME, (), 6 * SECOND, 5 * SECOND, 0),),
        sources={FILE: SourceFile(FILE, "a.py", "", text)},
    )
    return replace(made, **more)


def line(number=1, function="f", owner=Owner.USER, **cost):
    return LineSpot(FILE, number, function, 1, owner, Cost(**cost))


def hotspots(*lines, **more):
    return Hotspots(
        busy_ns=BUSY, cpu_ns=BUSY, lines=lines, line_index={(spot.file, spot.line): spot for spot in lines}, **more
    )


def said(made, spots, **more):
    return {item.finding.rule: item for item in advise_by_measurement(made, spots, least_share=0.01, **more)}


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("time.sleep(1)", "Event.wait"),
        ("with self.lock:", "lock"),
        ("x = await fetch(y)", "gather"),
        ("rows = cursor.execute(q)", "database"),
        ("page = requests.get(url)", "network"),
        ("data = f.read()", "files"),
        ("asyncio.run(main())", "--sampler pyinstrument"),
        ("something()", "meanwhile"),
    ],
)
def test_a_line_that_waits_is_told_by_what_it_waits_for(source, word):
    item = said(run(source), hotspots(line(waiting_ns=4 * SECOND)))["waiting"]
    assert word in item.finding.message
    assert "4.0 s" in item.finding.message
    assert item.share == pytest.approx(0.4)
    assert item.estimate.high == pytest.approx(1 / 0.6)
    assert item.finding.safety is Safety.ADVICE
    assert not item.finding.edits


@pytest.mark.parametrize(
    ("source", "title", "word"),
    [
        ("name = input('name? ')", "The program waits for input", "types"),
        ("for row in sys.stdin:", "The program waits for input", "types"),
        ("os.waitpid(pid, 0)", "The program waits for a process that it started", "that process"),
        ("subprocess.run(['x'])", "The program waits for a process that it started", "that process"),
        ("worker.join()", "The program waits for others of its own", "other threads"),
        ("results = list(pool.map(work, jobs))", "The program waits for others of its own", "other threads"),
    ],
)
def test_no_gain_is_claimed_for_what_others_take(source, title, word):
    item = said(run(source), hotspots(line(waiting_ns=4 * SECOND)))["waiting"]
    assert item.finding.title == title
    assert word in item.finding.message
    assert item.estimate == Estimate(1.0, 1.0)
    assert item.share == pytest.approx(0.4)


def test_waiting_for_a_process_is_told_by_the_stack_where_the_line_does_not():
    frames = (Frame(FILE, "f", 1, 1), Frame("/site-packages/git/cmd.py", "wait"), Frame("/lib/subprocess.py", "_wait"))
    profile = Profile(
        "py-spy",
        frames,
        StackTable((ROOT, 0, 1), (0, 1, 2)),
        samples=(Samples(Metric.WAITING, 0, (1, 2), (1, 3), 4),),
    )
    spots = hotspots(line(waiting_ns=4 * SECOND))
    item = said(run("repo.fetch()", profiles=(profile,)), spots)["waiting"]
    assert item.finding.title == "The program waits for a process that it started"
    other = replace(profile, samples=(Samples(Metric.WAITING, 0, (1, 2), (3, 1), 4),))
    assert said(run("repo.fetch()", profiles=(other,)), spots)["waiting"].finding.title == "The program waits here"


def test_little_waiting_and_lines_of_rules_are_passed_over():
    assert said(run("f()"), hotspots(line(waiting_ns=SECOND // 4))) == {}
    spots = hotspots(line(waiting_ns=4 * SECOND))
    assert said(run("f()"), spots, taken={(FILE, 1)}) == {}
    assert said(run("from shop import f"), spots) == {}


def test_threads_that_compute_one_at_a_time():
    threads = tuple(ThreadTime(1, tid, "", "", 2 * SECOND, 0, 0, SECOND // 2) for tid in range(3))
    spots = hotspots(line(attributed_ns=SECOND), threads=threads)
    item = said(run("f()"), spots)["threads-cpu"]
    assert item.share == 1.0
    assert item.estimate.high == pytest.approx(3, abs=0.01)
    assert "3 threads" in item.finding.message
    free = replace(run("f()"), interpreter=Interpreter("/bin/python", "3.14.0", free_threaded=True))
    assert "threads-cpu" not in said(free, spots)
    assert "threads-cpu" not in said(run("f()", host=Host(cpus=1)), spots)
    assert "threads-cpu" not in said(run("f()"), replace(spots, threads=threads[:1]))
    parallel = tuple(replace(thread, cpu_ns=5 * SECOND) for thread in threads)
    assert "threads-cpu" not in said(run("f()"), replace(spots, threads=parallel))
    apart = tuple(replace(thread, pid=number) for number, thread in enumerate(threads))
    assert "threads-cpu" not in said(run("f()"), replace(spots, threads=apart))
    # One after the other, in interpreters with GILs of their own, or where nobody sees what they wait for.
    others = tuple(replace(thread, gil_ns=SECOND // 20) for thread in threads)
    assert "threads-cpu" not in said(run("f()"), replace(spots, threads=others))


def test_many_short_threads_that_wait_for_the_gil():
    threads = tuple(ThreadTime(1, tid, "", "", SECOND // 10, 0, 0) for tid in range(2, 22))
    first = ThreadTime(1, 1, "", "", 2 * SECOND, 0, 0)
    spots = hotspots(line(1, attributed_ns=SECOND, self_ns=SECOND), threads=(first, *threads))
    assert "threads-cpu" not in said(run("total += word"), spots)
    waits = tuple(replace(thread, gil_ns=SECOND) for thread in threads)
    item = said(run("total += word"), replace(spots, threads=(first, *waits)))["threads-cpu"]
    assert "20 threads" in item.finding.message
    assert "waited for the GIL for 20.0 s" in item.finding.message
    assert item.finding.title == "Threads wait for the GIL"


def test_a_pool_of_equal_threads():
    threads = tuple(ThreadTime(1, tid, "", "", SECOND // 2, 0, 0, SECOND) for tid in range(2, 10))
    item = said(run("f()"), hotspots(line(attributed_ns=SECOND), threads=threads))["threads-cpu"]
    assert "8 threads computed for 4.0 s together and waited for the GIL for 8.0 s" in item.finding.message


@pytest.mark.parametrize("source", ["self.db.commit()", "os.fsync(handle)"])
def test_commits_in_a_loop_whether_they_count_as_computing_or_waiting(source):
    for cost in ({"attributed_ns": 4 * SECOND}, {"waiting_ns": 4 * SECOND}):
        item = said(run(source), hotspots(line(**cost)))["commit-often"]
        assert item.share == pytest.approx(0.4)
        assert "4.0 s" in item.finding.message
        assert "waiting" not in said(run(source), hotspots(line(**cost)))
    computing = hotspots(line(attributed_ns=4 * SECOND, self_ns=4 * SECOND))
    assert set(said(run(source), computing)) == {"commit-often"}
    once = line(attributed_ns=4 * SECOND, hits=1)
    assert "commit-often" not in said(run(source), hotspots(once))
    assert "commit-often" not in said(run(source), hotspots(line(attributed_ns=SECOND // 10)))


@pytest.mark.parametrize(
    ("text", "inner", "is_said"),
    [
        ("for row in rows:\n    db.commit()", None, True),
        ("if rows:\n    db.commit()", None, False),
        ("for row in rows:\n    db.commit()", "DefaultDialect.do_commit", True),
        ("for row in rows:\n    db.commit()", "Mapper._flush", False),
    ],
)
def test_a_commit_is_named_where_it_is_repeated_and_what_takes_the_time(text, inner, is_said):
    frames = [Frame(FILE, "f", 2, 1), Frame("/site-packages/sqlalchemy/x.py", inner or "", 1, 1, Owner.DEPENDENCY)]
    end = 1 if inner else 0
    profile = Profile(
        "py-spy", frames, StackTable((ROOT, 0), (0, 1)), samples=(Samples(Metric.WAITING, 0, (end,), (4,), 4),)
    )
    spots = hotspots(line(2, waiting_ns=4 * SECOND))
    assert ("commit-often" in said(run(*text.splitlines(), profiles=(profile,)), spots)) is is_said


def test_imports_of_others_are_named_and_placed_at_the_import():
    imports = (
        ImportSpot("a", FILE, 9 * SECOND, 0.9),
        ImportSpot("pandas", "/lib/pandas.py", 2 * SECOND, 0.2),
        ImportSpot("pandas.core", "/lib/core.py", SECOND, 0.1),
        ImportSpot("numpy", "/lib/numpy.py", SECOND, 0.1),
    )
    made = run("x = 1", "import pandas as pd")
    item = said(made, hotspots(line(1, attributed_ns=SECOND), line(2, attributed_ns=1), imports=imports))["import-time"]
    assert (item.finding.line, item.share) == (2, 0.2)
    assert "pandas 2.0 s, pandas.core 1.0 s;" in item.finding.message
    assert "pandas" in item.finding.title
    other = run("x = 1", "import shop")
    assert "import-time" not in said(other, hotspots(line(1), line(2, total_ns=SECOND // 10), imports=imports))
    # What another package imports is not this program's to move.
    assert "import-time" not in said(other, hotspots(line(1), line(2, total_ns=2 * SECOND), imports=imports))
    called = run("x = 1", "module = importlib.import_module(name)")
    item = said(called, hotspots(line(1), line(2, total_ns=2 * SECOND), imports=imports))["import-time"]
    assert item.finding.line == 2
    small = (replace(imports[1], share=0.02),)
    assert "import-time" not in said(made, hotspots(line(attributed_ns=1), imports=small))


@pytest.mark.parametrize(
    ("module", "seconds", "samples", "is_said"),
    [
        ("decimal", 2, 400, True),
        ("decimal", 2, 3, False),  # it may have been chance
        ("decimal", 0.015, 400, False),
        ("collections", 2, 400, False),  # comes anyway
        ("collections.abc", 2, 400, False),
        ("enum", 2, 400, False),
    ],
)
def test_only_imports_that_can_be_avoided_and_surely_take_long(module, seconds, samples, is_said):
    whole = 10 * seconds
    spot = ImportSpot(module, "/lib/x.py", int(seconds * SECOND), 0.2)
    spots = hotspots(line(1, attributed_ns=1), imports=(spot,), samples=samples)
    spots = replace(spots, busy_ns=int(whole * SECOND / 2), cpu_ns=int(whole * SECOND / 2))
    assert ("import-time" in said(run(f"import os, {module}"), spots)) is is_said


def test_an_import_whose_package_does_more_than_be_imported_is_no_advice():
    imports = (ImportSpot("pandas", "/lib/pandas.py", 2 * SECOND, 0.2),)
    made, spot = run("import pandas"), line(attributed_ns=1)
    for total, is_said in ((2 * SECOND, True), (2.05 * SECOND, True), (3 * SECOND, False)):
        packages = (DependencySpot("pandas", Owner.DEPENDENCY, SECOND // 10, int(total), 0.01),)
        advice = said(made, hotspots(spot, imports=imports, dependencies=packages))
        assert ("import-time" in advice) is is_said


@pytest.mark.parametrize(
    ("text", "is_said"),
    [
        ("import pandas as pd\ndef f(): return pd.DataFrame()", True),
        ("import pandas as pd\nx = [pd.DataFrame() for _ in y]", False),
        ("from pandas import DataFrame\nclass A(DataFrame): pass", False),
        ("import pandas\n@pandas.api.register\ndef f(): pass", False),
        ("import pandas.core\ndef f(x: pandas.Series): pass", False),
        ("import pandas.core\nf = lambda: pandas.Series()", True),
        ("x = 1\ndef f(): import pandas", False),
        ("import pandas\ndef f(: pass", True),
    ],
)
def test_an_import_that_is_used_as_the_module_runs_or_is_late_already_is_no_advice(text, is_said):
    at = next(number for number, each in enumerate(text.split("\n"), 1) if "import" in each)
    imports = (ImportSpot("pandas", "/lib/pandas.py", 2 * SECOND, 0.2),)
    spots = hotspots(line(at, attributed_ns=1), imports=imports)
    assert ("import-time" in said(run(*text.split("\n")), spots)) is is_said


CLASSES = """\
class Line(Model):
    sku = Field()
    def total(self): return Field()
def make(n): return [Line() for _ in n]
"""


def test_a_package_s_time_is_told_where_it_can_be_called_less_often():
    packages = (DependencySpot("attr", Owner.DEPENDENCY, 5 * SECOND, 5 * SECOND, 0.5),)
    made = run(*CLASSES.splitlines())

    def ask(*lines, **more):
        spots = [line(each, attributed_ns=4 * SECOND) for each in lines]
        return said(made, hotspots(*spots, dependencies=packages), **more).get("dependency-time")

    assert ask(1) is ask(2) is None, "a class is made once"
    assert [ask(each).finding.line for each in (3, 4)] == [3, 4]
    assert ask(1, 2, 4).finding.line == 4
    # What a rule found there weighs more, unless it is slight.
    assert ask(4, taken={(FILE, 4)}) is None
    assert ask(4, taken={(FILE, 4)}, slight={(FILE, 4)}).finding.line == 4


def test_garbage_collection_in_stacks_and_by_name():
    frames = (Frame(FILE, "f", 1, 1), Frame("python", "gc_collect_main"), Frame("python", "visit"))
    profile = Profile(
        "py-spy",
        frames,
        StackTable((ROOT, 0, 1), (0, 1, 2)),
        samples=(Samples(Metric.CPU, 0, (0, 2), (7, 3), 10), Samples(Metric.WAITING, 0, (0,), (90,), 9)),
    )
    item = said(run("f()", profiles=(profile,)), hotspots(line(attributed_ns=SECOND)))["garbage-collection"]
    assert item.share == pytest.approx(0.3)
    assert "gc.freeze" in item.finding.message
    ending = replace(profile, stacks=StackTable((ROOT, ROOT, 1), (0, 1, 2)))
    assert "garbage-collection" not in said(run("f()", profiles=(ending,)), hotspots(line(attributed_ns=SECOND)))
    named_so = replace(profile, frames=(frames[0], Frame("/p/tests.py", "gc_collect_harder"), frames[2]))
    assert "garbage-collection" not in said(run("f()", profiles=(named_so,)), hotspots(line(attributed_ns=SECOND)))
    item = said(run("gc.collect()"), hotspots(line(attributed_ns=SECOND)))["garbage-collection"]
    assert item.share == pytest.approx(0.1)
    assert "garbage-collection" not in said(run("collect()"), hotspots(line(attributed_ns=SECOND)))


def test_a_dependency_is_placed_at_the_line_that_calls_it_most():
    packages = (
        DependencySpot("yaml", Owner.DEPENDENCY, 3 * SECOND, 4 * SECOND, 0.4),
        DependencySpot("json", Owner.STDLIB, 5 * SECOND, 5 * SECOND, 0.5),
    )
    calling = line(2, "read", attributed_ns=4 * SECOND)
    spots = hotspots(line(1, attributed_ns=SECOND, self_ns=SECOND), calling, dependencies=packages)
    item = said(run("a", "b"), spots)["dependency-time"]
    assert (item.finding.line, item.share) == (2, pytest.approx(0.3))
    assert "yaml" in item.finding.title
    assert "line 2 in read (4.0 s)" in item.finding.message
    few = (replace(packages[0], self_ns=SECOND // 2),)
    assert "dependency-time" not in said(run("a"), replace(spots, dependencies=few))


def test_a_dependency_that_rules_have_spoken_about_is_not_said_again():
    packages = (DependencySpot("pandas", Owner.DEPENDENCY, 8 * SECOND, 8 * SECOND, 0.8),)
    rows, rest = line(1, attributed_ns=7 * SECOND), line(2, attributed_ns=SECOND // 2)
    spots = hotspots(rows, rest, dependencies=packages)
    assert said(run("a", "b"), spots)["dependency-time"].share == pytest.approx(0.75)
    assert "dependency-time" not in said(run("a", "b"), spots, taken={(FILE, 1)})
    assert "dependency-time" not in said(replace(run("a", "b"), compiled=3), spots)
    more = replace(spots, outside_packages=(("pandas", SECOND),))
    item = said(run("a", "b"), more, taken={(FILE, 1)})["dependency-time"]
    assert (item.finding.line, item.share) == (2, pytest.approx(0.15))


def test_output_that_is_not_buffered():
    made = replace(run("x = compute()", "print(x)"), unbuffered="PYTHONUNBUFFERED")
    spots = hotspots(line(1, attributed_ns=5 * SECOND), line(2, attributed_ns=4 * SECOND))
    item = said(made, spots)["unbuffered-output"]
    assert (item.finding.line, item.share) == (2, pytest.approx(0.4))
    assert "PYTHONUNBUFFERED" in item.finding.message
    assert "unbuffered-output" not in said(replace(made, unbuffered=""), spots)
    assert "unbuffered-output" not in said(made, spots, taken={(FILE, 2)})
    few = hotspots(line(1, attributed_ns=9 * SECOND), line(2, attributed_ns=SECOND // 4))
    assert "unbuffered-output" not in said(made, few)


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        ('sys.stdout.write(f"{len(rows)} {name}\\n")', True),
        ('print("x", file=log)', True),
        ("for row in rows: print(row)", False),
        ("print(sum(each for each in rows))", False),
        ("print(solve(rows))", False),
        ("rewrites(rows)", False),
    ],
)
def test_a_line_that_also_computes_is_not_blamed_for_its_output(text, writes):
    made = replace(run("x = compute()", text), unbuffered="PYTHONUNBUFFERED")
    assert ("unbuffered-output" in said(made, hotspots(line(2, attributed_ns=4 * SECOND)))) is writes


def test_a_server_for_development():
    frames = (Frame("/lib/socketserver.py", "run"), Frame("/site-packages/werkzeug/serving.py", "handle"))
    samples = (Samples(Metric.CPU, 0, (0, 1), (6, 4), 10),)
    made = run("f()", profiles=(Profile("py-spy", frames, StackTable((ROOT, 0), (0, 1)), samples=samples),))
    outside = (("socketserver", 2 * SECOND), ("logging", SECOND), ("pandas", 4 * SECOND))
    spots = hotspots(line(attributed_ns=SECOND), outside_packages=outside)
    item = said(made, spots)["development-server"]
    assert item.share == pytest.approx(0.3)
    assert "Werkzeug" in item.finding.message
    assert "development-server" not in said(run("f()"), spots)
    assert "development-server" not in said(made, replace(spots, outside_packages=outside[2:]))


def test_an_interpreter_that_takes_long_to_end():
    frames = (Frame("/usr/lib/libc.so.6", "main"), Frame(FILE, "f", 1, 1), Frame("", "<no Python frame>"))
    samples = (Samples(Metric.CPU, 0, (0, 1, 2, -1), (1, 6, 2, 1), 10), Samples(Metric.CPU, 1, (2,), (5,), 5))
    threads = (Thread(7, 7, "MainThread"), Thread(7, 8, "worker"))
    profile = Profile("py-spy", frames, StackTable((ROOT, 0, ROOT), (0, 1, 2)), threads, samples)
    made, spots = run("f()", profiles=(profile,)), hotspots(line(attributed_ns=SECOND))
    item = said(made, spots)["slow-ending"]
    assert item.share == pytest.approx(4 / 15)
    assert "shutdown took 2.7 s" in item.finding.message
    last = line(9, "<module>", total_ns=SECOND)
    assert said(made, hotspots(line(attributed_ns=SECOND), last))["slow-ending"].finding.line == 9
    forked = replace(spots, threads=(ThreadTime(7, 7, "", "", 1, 0, 0), ThreadTime(8, 8, "", "", 1, 0, 0)))
    assert "slow-ending" not in said(made, forked)
    for cut in ({"stopped": "interrupted"}, {"signal": 15}):
        ended = replace(made.executions[0], **cut)
        assert "slow-ending" not in said(replace(made, executions=(ended,)), spots)
    attached = replace(made.executions[0], purpose=Purpose.ATTACH)
    assert "slow-ending" not in said(replace(made, executions=(attached,)), spots)
    assert "slow-ending" not in said(made, replace(spots, busy_ns=SECOND // 4, cpu_ns=SECOND // 4))


def test_one_or_two_samples_say_nothing():
    spots = hotspots(line(waiting_ns=4 * SECOND))
    assert "waiting" in said(run("f()"), replace(spots, samples=10))
    assert "waiting" not in said(run("f()"), replace(spots, samples=5))


def test_allocation_churn_needs_bytes_that_do_not_stay_and_time():
    profile = Profile(
        "memray",
        (Frame(FILE, "f", 1, 1),),
        StackTable((ROOT,), (0,)),
        samples=(Samples(Metric.ALLOCATED, 0, (0,), (100 << 20,), 1),),
    )
    profile = replace(profile, frames=(Frame(FILE, "f", 1, 1, owner=Owner.USER),))
    made = run("while n: x = bytes(n)", profiles=(profile,))
    churning = line(attributed_ns=SECOND, allocated_bytes=50 << 20, allocations=5, peak_bytes=1 << 20)
    item = said(made, hotspots(churning))["allocation-churn"]
    assert "50 %" in item.finding.message
    assert "50 MB" in item.finding.message
    kept = replace(churning, cost=replace(churning.cost, peak_bytes=40 << 20))
    assert "allocation-churn" not in said(made, hotspots(kept))
    once = run("x = bytes(n)", profiles=(profile,))
    assert "allocation-churn" not in said(once, hotspots(churning))
    cold = replace(churning, cost=replace(churning.cost, attributed_ns=1000))
    assert "allocation-churn" not in said(made, hotspots(cold))


def test_a_newer_python():
    spots = hotspots(line(self_ns=6 * SECOND, attributed_ns=6 * SECOND))
    newer = NewerPython("3.13", "/bin/python3.13")
    item = said(run("f()"), spots, newer=newer)["newer-python"]
    assert item.estimate.high == pytest.approx(1 / (0.4 + 0.6 / (1.07 * 1.07)))
    assert item.estimate.low == 1.0
    assert "3.13 was 0.96 to 1.14 times as fast as 3.11" in item.finding.message
    little = hotspots(line(self_ns=SECOND, attributed_ns=SECOND))
    assert "newer-python" not in said(run("f()"), little, newer=newer)
    assert "newer-python" not in said(run("f()"), spots, newer=NewerPython("3.11", "/x"))
    assert "newer-python" not in said(run("f()", interpreter=Interpreter("/x", "3.11.7", "PyPy")), spots, newer=newer)


def test_a_newer_python_that_nobody_has_figures_of_is_no_promise():
    spots = hotspots(line(self_ns=6 * SECOND, attributed_ns=6 * SECOND))
    newer = NewerPython("3.99", "/bin/python3.99")
    item = said(run("f()", interpreter=Interpreter("/x", "3.13.2")), spots, newer=newer)["newer-python"]
    assert "3.14 was 1.06 to 1.08 times as fast as 3.13" in item.finding.message
    assert "newer-python" not in said(run("f()", interpreter=Interpreter("/x", "3.14.0")), spots, newer=newer)


def test_what_is_left_comes_last_with_its_ceiling():
    spots = hotspots(line(1, "slow", self_ns=7 * SECOND, attributed_ns=7 * SECOND), line(2, "g", waiting_ns=2 * SECOND))
    advice = advise(run("f()", "g()"), spots, ())
    assert [item.finding.rule for item in advice] == ["waiting", "native-candidate"]
    assert "70 %, at most 3.3×, most of it in slow" in advice[-1].finding.message
    assert advice[-1].estimate.low == 1.0
    newer = NewerPython("3.13", "/x")
    advice = advise(run("f()", "g()"), spots, (), newer=newer)
    assert [item.finding.rule for item in advice] == ["waiting", "newer-python", "native-candidate"]
    whole = said(run("f()"), hotspots(line(self_ns=BUSY, attributed_ns=BUSY)))["native-candidate"]
    assert whole.estimate.high == 10
    assert "more than 10× at most" in whole.finding.message
    assert "native-candidate" not in said(run("f()"), spots, taken={(FILE, 1)})


def test_silence_where_nothing_is_the_users_and_below_the_share():
    foreign = hotspots(line(owner=Owner.STDLIB, waiting_ns=5 * SECOND, self_ns=5 * SECOND))
    assert said(run("f()"), foreign) == {}
    assert said(run("f()"), Hotspots()) == {}
    spots = hotspots(line(waiting_ns=2 * SECOND, self_ns=3 * SECOND))
    assert list(advise_by_measurement(run("f()"), spots, least_share=0.5)) == []
