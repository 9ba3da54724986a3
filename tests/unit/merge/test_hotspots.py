from dataclasses import replace
from math import isclose, sqrt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whet.merge.hotspots import import_roots, merge_run
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import LineCount, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Purpose, Run

APP = "/app/app.py"
PANDAS = "/venv/lib/python3.13/site-packages/pandas/core.py"
JSON = "/usr/lib/python3.13/json/decoder.py"


def spots(hotspots):
    return {spot.name: spot.cost for spot in hotspots.functions}


def test_self_total_and_charged(make):
    profile = make.profile(
        [
            (f"main@{APP}:9;load@{APP}:3", 10),
            (f"main@{APP}:9;load@{APP}:3;read@{PANDAS}:7", 30),
            (f"main@{APP}:9;load@{APP}:3;read@{PANDAS}:7;callback@{APP}:5", 20),
            (f"main@{APP}:9;load@{APP}:3;read@{PANDAS}:7;memcpy@lib.so", 5),
            (f"main@{APP}:8", 15),
            ("<no Python frame>@", 20),
        ]
    )
    hotspots = merge_run(make.run(profile))
    assert (hotspots.busy_ns, hotspots.cpu_ns, hotspots.outside_ns, hotspots.samples) == (100, 100, 20, 100)
    costs = spots(hotspots)
    assert (costs["load"].self_ns, costs["load"].total_ns, costs["load"].attributed_ns) == (10, 65, 45)
    assert (costs["main"].self_ns, costs["main"].total_ns, costs["main"].attributed_ns) == (15, 80, 15)
    assert (costs["read"].self_ns, costs["read"].total_ns, costs["read"].attributed_ns) == (30, 55, 0)
    assert (costs["callback"].self_ns, costs["callback"].attributed_ns) == (20, 20)
    assert "memcpy" not in costs
    assert costs["load"].spent_share == 0.45
    assert isclose(costs["load"].share_error, sqrt(47 / 104 * 57 / 104 / 104))
    assert costs["load"].samples == 45
    assert [spot.name for spot in hotspots.functions[:3]] == ["load", "callback", "main"]
    lines = {spot.line: spot.cost for spot in hotspots.lines}
    assert set(lines) == {3, 5, 8, 9}
    assert (lines[9].self_ns, lines[9].total_ns, lines[9].attributed_ns) == (0, 65, 0)
    assert (lines[3].self_ns, lines[3].total_ns, lines[3].attributed_ns) == (10, 65, 45)
    assert hotspots.line_index[APP, 3].cost is lines[3]
    assert [(spot.package, spot.owner, spot.self_ns, spot.total_ns) for spot in hotspots.dependencies] == [
        ("pandas", Owner.DEPENDENCY, 30, 55),
        ("(native)", Owner.NATIVE, 20, 20),
        ("lib.so", Owner.NATIVE, 5, 5),
    ]


def test_waiting_is_charged_the_same_way_and_idle_is_left_out(make):
    other = Thread(1, 2, "worker")
    profile = make.profile(
        [
            (f"main@{APP}:1", 50),
            (f"main@{APP}:2;recv@/usr/lib/python3.13/socket.py:7", 30, Metric.WAITING),
            (f"run@{APP}:7;work@{APP}:3", 20, Metric.CPU, other),
            (f"work@{APP}:4", 900, Metric.IDLE, other),
        ]
    )
    hotspots = merge_run(make.run(profile))
    assert (hotspots.busy_ns, hotspots.cpu_ns, hotspots.waiting_ns, hotspots.idle_ns) == (100, 70, 30, 900)
    main = spots(hotspots)["main"]
    assert (main.attributed_ns, main.waiting_ns, main.total_ns) == (50, 30, 50)
    assert (main.spent_share, main.total_share, main.self_share) == (0.8, 0.8, 0.5)
    assert hotspots.samples == 100
    assert [(t.tid, t.cpu_ns, t.waiting_ns, t.idle_ns) for t in hotspots.threads] == [(1, 50, 30, 0), (2, 20, 0, 900)]
    assert {spot.name: spot.threads for spot in hotspots.functions if spot.owner is Owner.USER} == {
        "main": (0,),
        "work": (1,),
        "run": (1,),
    }
    assert not [spot for spot in hotspots.lines if spot.line == 4], "an idle line is no hot line"


def test_recursion_counts_once(make):
    profile = make.profile(
        [
            (f"a@{APP}:1;b@{APP}:2;a@{APP}:1;b@{APP}:2;a@{APP}:1", 10),
            (f"b@{APP}:2;a@{APP}:1", 5),
        ]
    )
    costs = spots(merge_run(make.run(profile)))
    assert (costs["a"].total_ns, costs["a"].self_ns) == (15, 15)
    assert (costs["b"].total_ns, costs["b"].self_ns) == (15, 0)


def test_very_deep_recursion():
    depth = 20_000
    frames = [Frame(APP, "a", 1, 1), Frame(APP, "b", 2, 2)]
    stacks = StackTable(range(-1, depth - 1), [row % 2 for row in range(depth)])
    samples = [Samples(Metric.CPU, 0, list(range(depth)), [1] * depth, depth)]
    run = Run("0", (), "", "", "", Interpreter("", ""), profiles=(Profile("py-spy", frames, stacks, samples=samples),))
    costs = spots(merge_run(run))
    assert (costs["a"].total_ns, costs["a"].self_ns) == (depth, depth // 2)
    assert (costs["b"].total_ns, costs["b"].self_ns) == (depth - 1, depth // 2)


def test_pooled_executions_add_up_and_one_execution_is_counted_once(make):
    entries = [(f"main@{APP}:1", 10)]
    profiles = [
        make.profile(entries, "py-spy 0.4.1", 0),
        make.profile(entries, "pyinstrument 5.1", 0),
        make.profile(entries, "py-spy 0.4.1", 1),
        make.profile([(f"main@{APP}:1", 999)], "pyinstrument 5.1", 2),
    ]
    run = make.run(*profiles, purposes=(Purpose.TIME, Purpose.TIME, Purpose.MEMORY))
    hotspots = merge_run(run)
    assert hotspots.busy_ns == 20
    assert spots(hotspots)["main"].collectors == ("py-spy",)


def test_processes_of_one_execution_are_added(make):
    child = Thread(2, 2, "MainThread", "python child.py")
    profiles = [make.profile([("f@/app/a.py:1", 5)]), make.profile([("f@/app/a.py:1", 6, Metric.CPU, child)])]
    hotspots = merge_run(make.run(*profiles))
    assert hotspots.busy_ns == 11
    assert [(spot.pid, spot.process) for spot in hotspots.threads] == [(2, "python child.py"), (1, "")]
    assert hotspots.functions[0].threads == (0, 1)


def test_memory_is_charged_to_the_innermost_user_frame(make):
    time = make.profile([(f"main@{APP}:1", 10)])
    memory = make.profile(
        [
            (f"main@{APP}:2;read@{PANDAS}:7", 1000, Metric.ALLOCATED),
            (f"main@{APP}:2;read@{PANDAS}:7", 4, Metric.ALLOCATIONS),
            (f"main@{APP}:2;read@{PANDAS}:7", 800, Metric.PEAK),
            (f"other@{APP}:5", 10, Metric.ALLOCATED),
            ("", 77, Metric.ALLOCATED),
        ],
        "memray 1.19",
        1,
    )
    hotspots = merge_run(make.run(time, memory, purposes=(Purpose.TIME, Purpose.MEMORY)))
    costs = spots(hotspots)
    assert (costs["main"].allocated_bytes, costs["main"].allocations, costs["main"].peak_bytes) == (1000, 4, 800)
    assert costs["main"].collectors == ("py-spy", "memray")
    assert (costs["other"].allocated_bytes, costs["other"].peak_bytes, costs["other"].attributed_ns) == (10, 0, 0)
    assert costs["other"].collectors == ("memray",)
    assert hotspots.line_index[APP, 2].cost.peak_bytes == 800
    assert hotspots.line_index[APP, 1].cost.peak_bytes == 0
    without = merge_run(make.run(time))
    assert spots(without)["main"].peak_bytes is None, "not measured is not zero"


SOURCE = """\
def outer(rows):
    for row in rows:
        inner(row)

def inner(row):
    total = 0
    return total

outer([1, 2, 3])
"""


def test_hits_join_lines_and_functions(make):
    counts = [LineCount(APP, 2, 1, 8), LineCount(APP, 3, 1, 6), LineCount(APP, 6, 5, 6)]
    time = make.profile([(f"<module>@{APP}:9:1;outer@{APP}:3:1;inner@{APP}:6:5", 10)])
    lines = make.profile([], "line_profiler 5.0", lines=counts)
    hotspots = merge_run(make.run(time, lines, sources=[make.source(APP, SOURCE)]))
    by_line = {spot.line: spot for spot in hotspots.lines}
    assert {line: spot.cost.hits for line, spot in by_line.items()} == {2: 8, 3: 6, 6: 6, 9: None}
    assert (by_line[2].function, by_line[2].function_line) == ("outer", 1)
    assert by_line[2].cost.collectors == ("line_profiler",)
    functions = {spot.name: spot for spot in hotspots.functions}
    assert functions["inner"].cost.hits == 6
    assert functions["outer"].cost.hits is None, "a loop's line says nothing about calls"
    assert functions["<module>"].cost.hits is None
    assert (functions["outer"].line, functions["outer"].end_line) == (1, 3)


def test_time_of_a_hit_is_of_one_execution(make):
    time = make.profile([(f"inner@{APP}:6:5", 90)])
    exact = make.profile([], "line_profiler 5.0", 1, lines=[LineCount(APP, 6, 5, 30)])
    run = make.run(time, exact, purposes=(Purpose.TIME, Purpose.EXACT_LINES))

    def cost_of(run):
        return merge_run(run).line_index[APP, 6].cost

    once = cost_of(run)
    assert once.hits == 30
    assert once.hit_ns == once.attributed_ns // 30
    three_times = Execution(Purpose.TIME, (), 1, 1, 0, repeats=3)
    pooled = cost_of(replace(run, executions=(three_times, run.executions[1])))
    assert (pooled.hits, pooled.hit_ns, pooled.attributed_ns) == (30, once.hit_ns // 3, once.attributed_ns)
    for index in (0, 1):
        executions = [replace(each, stopped="interrupted" * (at == index)) for at, each in enumerate(run.executions)]
        assert (cost_of(replace(run, executions=tuple(executions))).hits, cost_of(run).hit_ns) == (30, once.hit_ns)
        assert cost_of(replace(run, executions=tuple(executions))).hit_ns is None


def test_counts_of_the_execution_made_for_them_go_before_others(make):
    others = make.profile([(f"inner@{APP}:6:5", 10)], lines=[LineCount(APP, 6, 5, 90)])
    exact = make.profile([], "line_profiler 5.0", 1, lines=[LineCount(APP, 6, 5, 33)])
    both = (Purpose.TIME, Purpose.EXACT_LINES)
    assert merge_run(make.run(others, exact, purposes=both)).line_index[APP, 6].cost.hits == 33
    more = make.profile([], lines=[LineCount(APP, 6, 5, 10)])
    assert merge_run(make.run(others, more)).line_index[APP, 6].cost.hits == 100


@pytest.mark.parametrize(
    ("version", "threads", "is_known"),
    [
        ("3.13.0", (Thread(7, 7), Thread(7, 8)), True),
        ("3.11.7", (Thread(7, 7), Thread(7, 8)), False),
        ("3.13.0", (Thread(7, 7), Thread(9, 9)), False),
        ("3.11.7", (Thread(7, 7), Thread(7, 7)), True),
    ],
)
def test_there_is_no_time_of_a_hit_where_others_ran_the_function_uncounted(make, version, threads, is_known):
    time = make.profile([(f"inner@{APP}:6:5", 30)])
    (samples,) = time.samples
    time = replace(time, threads=threads, samples=(replace(samples, thread=0), replace(samples, thread=1)))
    exact = make.profile([], "line_profiler 5.0", 1, lines=[LineCount(APP, 6, 5, 30)])
    run = make.run(time, exact, purposes=(Purpose.TIME, Purpose.EXACT_LINES), sources=[make.source(APP, SOURCE)])
    hotspots = merge_run(replace(run, interpreter=replace(run.interpreter, version=version)))
    (function,) = hotspots.functions
    for cost in (function.cost, hotspots.line_index[APP, 6].cost):
        assert cost.hits == 30
        assert (cost.hit_ns is not None) == is_known


def test_a_line_belongs_to_the_def_not_to_a_lambda_on_it(make):
    text = "def f(a):\n    return sorted(a, key=lambda b: b.c)\n"
    profile = make.profile([(f"f@{APP}:2:1;f.<locals>.<lambda>@{APP}:2:2", 9), (f"f@{APP}:2:1", 1)])
    hotspots = merge_run(make.run(profile, sources=[make.source(APP, text)]))
    (line,) = hotspots.lines
    assert (line.function, line.function_line, line.cost.attributed_ns) == ("f", 1, 10)
    assert {spot.name: spot.cost.attributed_ns for spot in hotspots.functions} == {"f": 1, "f.<locals>.<lambda>": 9}


def test_dependency_lines_are_listed_only_with_their_source(make):
    profile = make.profile([(f"main@{APP}:1;read@{PANDAS}:7", 5)])
    assert {spot.file for spot in merge_run(make.run(profile)).lines} == {APP}
    text = "\n" * 5 + "def read():\n    pass\n"
    kept = merge_run(make.run(profile, sources=[make.source(PANDAS, text, Owner.DEPENDENCY)]))
    assert {(spot.file, spot.owner) for spot in kept.lines} == {(APP, Owner.USER), (PANDAS, Owner.DEPENDENCY)}


def test_imports_are_folded_into_one_spot_a_module(make):
    machinery = "_find_and_load@<frozen importlib._bootstrap>:1;exec_module@<frozen importlib._bootstrap_external>:2"
    pandas = "/venv/lib/python3.13/site-packages/pandas/__init__.py"
    numpy = "/venv/lib/python3.13/site-packages/numpy/core/api.py"
    start = f"<module>@{APP}:1"
    profile = make.profile(
        [
            (f"{start};{machinery}", 3),
            (f"{start};{machinery};<module>@{pandas}:5", 40),
            (f"{start};{machinery};<module>@{pandas}:6;{machinery};<module>@{numpy}:1", 20),
            (f"{start};{machinery};<module>@{pandas}:6;{machinery};<module>@{numpy}:1;f@{numpy}:8", 10),
            (f"{start};{machinery};<module>@{pandas}:6;{machinery}", 2),
            (f"<module>@{APP}:2;{machinery};<module>@/app/src/util.py:1", 4),
            (
                f"<module>@{APP}:3;_find_and_load@<frozen importlib._bootstrap>:1;create@<frozen importlib._b>:1",
                6,
            ),
            (f"<module>@{APP}:9", 15),
        ]
    )
    hotspots = merge_run(make.run(profile))
    found = {(spot.module, spot.file): spot.total_ns for spot in hotspots.imports}
    assert found == {
        ("pandas", pandas): 75,
        ("numpy.core.api", numpy): 32,
        ("util", "/app/src/util.py"): 4,
        ("(import system)", ""): 6,
    }
    assert hotspots.imports[0].share == 0.75
    assert hotspots.busy_ns == 100


def test_no_profile_at_all(make):
    hotspots = merge_run(make.run())
    assert (hotspots.busy_ns, hotspots.functions, hotspots.lines, hotspots.share_error) == (0, (), (), 0.0)


def test_import_roots_know_the_scripts_own_folder(make):
    profile = make.profile([("<module>@/tools/bin/run.py:1;f@/app/a.py:1", 1), ("<module>@<string>:1", 1)])
    assert import_roots(make.run(profile), [profile]) == ("/app", "/app/src", "/tools/bin")


trees = st.lists(
    st.tuples(
        st.lists(st.integers(0, 5), max_size=8),
        st.integers(1, 50),
        st.sampled_from([Metric.CPU, Metric.WAITING, Metric.IDLE]),
        st.integers(0, 2),
    ),
    max_size=25,
)
FRAMES = (
    "u1@/app/a.py:1",
    "u1@/app/a.py:2",
    "u2@/app/b.py:1",
    f"lib@{PANDAS}:3",
    f"loads@{JSON}:4",
    "native@x.so",
)


def entries_of(tree):
    return [
        (";".join(FRAMES[frame] for frame in stack), value, metric, Thread(1, thread))
        for stack, value, metric, thread in tree
    ]


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(trees)
def test_sums_hold(make, tree):
    hotspots = merge_run(make.run(make.profile(entries_of(tree))))
    by_metric = {metric: sum(value for _, value, kind, _ in tree if kind is metric) for metric in Metric}
    assert hotspots.cpu_ns == by_metric[Metric.CPU]
    assert hotspots.waiting_ns == by_metric[Metric.WAITING]
    assert hotspots.idle_ns == by_metric[Metric.IDLE]
    costs = [spot.cost for spot in hotspots.functions]
    assert sum(cost.attributed_ns + cost.waiting_ns for cost in costs) + hotspots.outside_ns == hotspots.busy_ns
    lines = [spot.cost for spot in hotspots.lines]
    assert sum(cost.attributed_ns + cost.waiting_ns for cost in lines) + hotspots.outside_ns == hotspots.busy_ns
    # Every sample has one innermost frame: it is some function's self time, a native frame's, or nobody's.
    bare = sum(v for stack, v, kind, _ in tree if kind is Metric.CPU and (not stack or stack[-1] == 5))
    assert sum(cost.self_ns for cost in costs) + bare == hotspots.cpu_ns
    for cost in [*costs, *lines]:
        assert cost.self_ns <= cost.total_ns <= hotspots.cpu_ns
        assert cost.self_share <= cost.total_share <= 1
        assert cost.attributed_ns <= cost.total_ns
    for spot in hotspots.functions:
        names = [name for name, _, _ in (text.partition("@") for text in FRAMES)]
        expected = sum(
            value
            for stack, value, kind, _ in tree
            if kind is Metric.CPU and any(names[frame] == spot.name for frame in stack)
        )
        assert spot.cost.total_ns == expected, "a function counts once for each sample that it is on the stack of"
    assert sum(spot.cpu_ns for spot in hotspots.threads) == hotspots.cpu_ns


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(trees, st.randoms(use_true_random=False))
def test_order_does_not_matter(make, tree, chance):
    shuffled = list(tree)
    chance.shuffle(shuffled)
    one, other = (merge_run(make.run(make.profile(entries_of(entries)))) for entries in (tree, shuffled))
    assert set(one.functions) == set(other.functions)
    assert {spot: one.line_index[key] for key, spot in other.line_index.items()} == {spot: spot for spot in other.lines}
    assert set(one.dependencies) == set(other.dependencies)
    assert (one.busy_ns, one.outside_ns, one.samples) == (other.busy_ns, other.outside_ns, other.samples)


LOOP = (
    "<module>@/app/a.py:9:1;run@{0}asyncio/runners.py:190:180;run_until_complete@{0}asyncio/base_events.py:660:620;"
    "run_forever@{0}asyncio/base_events.py:610:590;_run_once@{0}asyncio/base_events.py:1990:1900"
).format("/usr/lib/python3.13/")
RUN = f"{LOOP};_run@/usr/lib/python3.13/asyncio/events.py:88:80"
MAIN = f"{RUN};main@/app/a.py:3:1"


def test_what_an_event_loop_does_for_itself_is_charged_to_nobody(make):
    profile = make.profile(
        [
            (LOOP, 10),
            (f"{LOOP};select@/usr/lib/python3.13/selectors.py:468:450", 20),
            (f"{LOOP};select@/usr/lib/python3.13/selectors.py:468:450", 40, Metric.WAITING),
            (MAIN, 5),
            (f"{MAIN};sleep@/usr/lib/python3.13/asyncio/tasks.py:600:590", 6),
            (f"{RUN};fetch@{PANDAS}:30:20", 7),
            ("<module>@/app/a.py:9:1", 1),
        ]
    )
    hotspots = merge_run(make.run(profile))
    lines = {spot.line: spot.cost for spot in hotspots.lines if spot.file == "/app/a.py"}
    # A coroutine of the user's bears its own costs; one of a library is the work of the line that started it.
    assert lines[3].attributed_ns == 5 + 6
    assert lines[9].attributed_ns == 7 + 1
    assert lines[9].waiting_ns == 0
    assert lines[9].total_ns == 10 + 20 + 5 + 6 + 7 + 1
    assert hotspots.outside_ns == 10 + 20 + 40
    assert hotspots.busy_ns == 89
    (asyncio,) = [spot for spot in hotspots.dependencies if spot.package == "asyncio"]
    assert asyncio.self_ns == 10 + 6


def test_trios_loop_is_nobodys_either(make):
    core = "/venv/lib/python3.13/site-packages/trio/_core"
    run = f"<module>@/app/a.py:9:1;run@{core}/_run.py:2400:2300"
    profile = make.profile(
        [
            (f"{run};get_events@{core}/_io_epoll.py:211:200", 40, Metric.WAITING),
            (f"{run};unrolled_run@{core}/_run.py:2650:2500;main@/app/a.py:3:1", 5),
        ]
    )
    hotspots = merge_run(make.run(profile))
    lines = {spot.line: spot.cost for spot in hotspots.lines if spot.file == "/app/a.py"}
    assert (lines[3].attributed_ns, lines[9].attributed_ns, lines[9].waiting_ns) == (5, 0, 0)
    assert hotspots.outside_ns == 40


def test_a_line_says_what_it_called_outside_the_users_code(make):
    profile = make.profile(
        [
            (f"main@{APP}:9;load@{APP}:3", 10),
            (f"main@{APP}:9;load@{APP}:3;read@{PANDAS}:7", 20),
            (f"main@{APP}:9;load@{APP}:3;read@{PANDAS}:7;Parser.go@{JSON}:4", 30),
            # A call of the user's from there is the callback's time, and not that of read.
            (f"main@{APP}:9;load@{APP}:3;read@{PANDAS}:7;callback@{APP}:5;Parser.go@{JSON}:4", 25),
            (f"main@{APP}:9;load@{APP}:3;Parser.go@{JSON}:4", 10),
            (f"main@{APP}:9;load@{APP}:3;rarely@{PANDAS}:90", 2),
            (f"main@{APP}:8;_find_and_load@<frozen importlib._bootstrap>:1", 20),
        ]
    )
    index = merge_run(make.run(profile)).line_index
    called = {line: [(each.name, each.share) for each in spot.callees] for (_, line), spot in index.items()}
    assert called == {
        3: [("pandas.read", pytest.approx(50 / 72)), ("Parser.go", pytest.approx(10 / 72))],
        5: [("Parser.go", 1)],
        8: [],
        9: [],
    }
