from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whet.merge.flame import fold_calls, view_metric
from whet.model.flame import FOLDED
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples, StackTable, Thread
from whet.model.run import Interpreter, Purpose, Run

APP = "/app/app.py"
MACHINERY = "_find_and_load@<frozen importlib._bootstrap>:1;exec_module@<frozen importlib._bootstrap_external>:2"


def fold_stacks(run, metric, *more, **options):
    return view_metric(fold_calls(run, (metric,), *more, **options), metric)


def nodes(tree):
    """Each node as its path of names, with its self and total value."""
    path: list[str] = []
    found = []
    for row, depth in enumerate(tree.depth):
        del path[depth:]
        index = tree.frame[row]
        path.append(f"({tree.siblings[row]} more)" if index == FOLDED else tree.frames[index].name)
        found.append((";".join(path), tree.self_value[row], tree.total_value[row]))
    return found


def check_tree(tree):
    """Assert what holds for every tree: totals are sums, and siblings are ordered, the folded ones last."""
    below: dict[int, int] = {}
    open_rows: list[int] = []
    last: dict[int, tuple[bool, int]] = {}
    for row, depth in enumerate(tree.depth):
        assert depth <= len(open_rows), "a child is one deeper than its caller"
        for gone in open_rows[depth + 1 :]:
            last.pop(gone, None)
        del open_rows[depth:]
        parent = open_rows[-1] if open_rows else -1
        below[parent] = below.get(parent, 0) + tree.total_value[row]
        order = (tree.frame[row] == FOLDED, -tree.total_value[row])
        assert last.get(parent, order) <= order
        last[parent] = order
        assert not (open_rows and tree.frame[open_rows[-1]] == FOLDED), "a folded node is a leaf"
        open_rows.append(row)
    for row in range(len(tree)):
        assert tree.total_value[row] == tree.self_value[row] + below.get(row, 0)
    assert set(tree.siblings) == {row for row, frame in enumerate(tree.frame) if frame == FOLDED}
    assert tree.folded_value == sum(tree.total_value[row] for row in tree.siblings)


def test_functions_not_lines_and_heavy_ones_first(make):
    profile = make.profile(
        [
            (f"main@{APP}:1:1;light@{APP}:30:30", 2),
            (f"main@{APP}:2:1;heavy@{APP}:20:20", 5),
            (f"main@{APP}:3:1;heavy@{APP}:21:20", 4),
            (f"main@{APP}:4:1", 1),
            (f"main@{APP}:4:1", 100, Metric.IDLE),
        ]
    )
    tree = fold_stacks(make.run(profile), Metric.CPU)
    check_tree(tree)
    assert nodes(tree) == [("main", 1, 12), ("main;heavy", 9, 9), ("main;light", 2, 2)]
    assert (tree.whole, tree.folded_value, tree.folded_nodes) == (12, 0, 0)
    assert {(frame.name, frame.line) for frame in tree.frames} == {("main", 1), ("heavy", 20), ("light", 30)}


def test_import_machinery_is_part_of_the_module(make):
    util = "<module>@/app/util.py:1"
    profile = make.profile(
        [
            (f"<module>@{APP}:1;{MACHINERY}", 3),
            (f"<module>@{APP}:1;{MACHINERY};{util}", 10),
            (f"<module>@{APP}:1;{MACHINERY};{util};f@/app/util.py:5", 7),
            (f"<module>@{APP}:1;{MACHINERY};<module>@/app/other.py:2", 1),
            (f"<module>@{APP}:5;{MACHINERY}", 2),
        ]
    )
    tree = fold_stacks(make.run(profile), Metric.CPU)
    check_tree(tree)
    assert nodes(tree) == [
        ("<module>", 0, 23),
        ("<module>;<module>", 13, 20),
        ("<module>;<module>;f", 7, 7),
        ("<module>;(import system)", 2, 2),
        ("<module>;<module>", 1, 1),
    ]


def test_metrics_and_threads_are_chosen(make):
    worker = Thread(1, 7, "worker")
    time = make.profile([(f"a@{APP}:1", 5), (f"b@{APP}:2", 3, Metric.CPU, worker), ("", 2)])
    memory = make.profile([(f"c@{APP}:3", 999, Metric.PEAK), ("", 4, Metric.PEAK)], "memray", 1)
    run = make.run(time, memory, purposes=(Purpose.TIME, Purpose.MEMORY))
    assert nodes(fold_stacks(run, Metric.CPU)) == [("a", 5, 5), ("b", 3, 3), ("<no Python frame>", 2, 2)]
    assert nodes(fold_stacks(run, Metric.CPU, keep=lambda thread: thread.tid == 7)) == [("b", 3, 3)]
    assert nodes(fold_stacks(run, Metric.PEAK)) == [("c", 999, 999), ("<no Python frame>", 4, 4)]
    assert len(fold_stacks(run, Metric.ALLOCATED)) == 0


def test_small_siblings_are_folded_and_counted(make):
    entries = [(f"main@{APP}:1;f{number}@{APP}:{number}", number) for number in range(1, 101)]
    tree = fold_stacks(make.run(make.profile(entries)), Metric.CPU, most=10)
    check_tree(tree)
    assert len(tree) == 10
    assert [name for name, _, _ in nodes(tree)][:3] == ["main", "main;f100", "main;f99"]
    assert nodes(tree)[-1][0] == "main;(92 more)"
    assert (tree.whole, tree.folded_nodes) == (5050, 92)
    assert tree.folded_value == sum(range(1, 93))


def test_very_deep_stacks_are_folded_without_recursion():
    depth = 20_000
    frames = [Frame(APP, "a", 1, 1), Frame(APP, "b", 2, 2)]
    samples = [Samples(Metric.CPU, 0, list(range(depth)), [1] * depth, depth)]
    profile = Profile(
        "py-spy",
        frames,
        StackTable(range(-1, depth - 1), [row % 2 for row in range(depth)]),
        threads=[Thread(1, 1)],
        samples=samples,
    )
    run = Run("0", (), "", "", "", Interpreter("", ""), profiles=(profile,))
    tree = fold_stacks(run, Metric.CPU)
    check_tree(tree)
    assert (len(tree), max(tree.depth), tree.whole) == (depth, depth - 1, depth)
    small = fold_stacks(run, Metric.CPU, most=1_000)
    check_tree(small)
    assert (len(small), small.whole, small.folded_value) == (1_000, depth, depth - 999)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=7), st.integers(1, 30)), max_size=40),
    st.integers(1, 40),
    st.randoms(use_true_random=False),
)
def test_trees_keep_their_sums_whatever_is_folded(make, stacks, most, chance):
    entries = [(";".join(f"f{frame}@{APP}:{frame}" for frame in stack), value) for stack, value in stacks]
    whole = fold_stacks(make.run(make.profile(entries)), Metric.CPU)
    folded = fold_stacks(make.run(make.profile(entries)), Metric.CPU, most=most)
    for tree in (whole, folded):
        check_tree(tree)
        assert tree.whole == sum(value for _, value in stacks)
    assert len(folded) <= most
    assert len(whole) == len(folded) - len(folded.siblings) + folded.folded_nodes
    if len(whole) <= most:
        assert nodes(folded) == nodes(whole)
    chance.shuffle(entries)
    assert nodes(fold_stacks(make.run(make.profile(entries)), Metric.CPU)) == nodes(whole)


def own_values(tree, columns, **wanted):
    """The own values by the path of names, of the columns that have these attributes."""
    open_names, paths = [], []
    for row, (depth, frame) in enumerate(zip(tree.depth, tree.frame, strict=True)):
        del open_names[depth:]
        open_names.append(f"({tree.siblings[row]} more)" if frame == FOLDED else tree.frames[frame].name)
        paths.append(";".join(open_names))
    found = {}
    for column in columns:
        if all(getattr(column, name) == value for name, value in wanted.items()):
            for row, value in zip(column.rows, column.values, strict=True):
                found[paths[row]] = found.get(paths[row], 0) + value
    return found


def test_one_tree_holds_every_metric_thread_and_execution(make):
    worker = Thread(1, 7, "worker")
    time = make.profile(
        [
            (f"main@{APP}:1;a@{APP}:5", 5),
            (f"main@{APP}:1;b@{APP}:6", 3, Metric.WAITING),
            (f"main@{APP}:1;b@{APP}:6", 2, Metric.CPU, worker),
            (f"main@{APP}:1", 9, Metric.IDLE),
        ]
    )
    memory = make.profile([(f"main@{APP}:1;c@{APP}:7", 999, Metric.PEAK)], "memray", 1)
    run = make.run(time, memory, purposes=(Purpose.TIME, Purpose.MEMORY))
    tree = fold_calls(run)
    assert own_values(tree, tree.columns, metric=Metric.CPU) == {"main;a": 5, "main;b": 2}
    assert own_values(tree, tree.columns, metric=Metric.WAITING) == {"main;b": 3}
    assert own_values(tree, tree.columns, metric=Metric.PEAK, execution=1) == {"main;c": 999}
    assert own_values(tree, tree.columns, metric=Metric.CPU, thread=list(tree.threads).index(worker)) == {"main;b": 2}
    assert {column.metric for column in tree.columns} == {Metric.CPU, Metric.WAITING, Metric.PEAK}
    assert all(list(column.rows) == sorted(set(column.rows)) for column in tree.columns)
    assert not tree.before
    for metric in (Metric.CPU, Metric.WAITING, Metric.PEAK):
        check_tree(view_metric(tree, metric))
        assert nodes(view_metric(tree, metric)) == nodes(fold_stacks(run, metric))


def test_folding_keeps_what_is_large_in_any_metric(make):
    time = make.profile([(f"f{n}@{APP}:{n}", n) for n in range(1, 51)])
    memory = make.profile(
        [(f"f{n}@{APP}:{n}", 10_000 if n == 1 else 1, Metric.PEAK) for n in range(1, 51)], "memray", 1
    )
    tree = fold_calls(make.run(time, memory, purposes=(Purpose.TIME, Purpose.MEMORY)), most=10)
    assert len(tree) == 10
    peak = own_values(tree, tree.columns, metric=Metric.PEAK)
    assert peak["f1"] == 10_000
    assert sum(peak.values()) == 10_049
    assert sum(own_values(tree, tree.columns, metric=Metric.CPU).values()) == sum(range(1, 51))


def test_a_run_before_stands_on_the_same_rows_wherever_its_functions_stood(make):
    after = make.run(make.profile([(f"main@{APP}:1:1;f@{APP}:30:30", 4), (f"main@{APP}:1:1;new@{APP}:50:50", 2)]))
    before = make.run(make.profile([(f"main@{APP}:1:1;f@{APP}:20:20", 7), (f"main@{APP}:1:1;old@{APP}:9:9", 1)]))
    tree = fold_calls(after, before=before)
    check_tree(view_metric(tree, Metric.CPU))
    assert own_values(tree, tree.columns) == {"main;f": 4, "main;new": 2}
    assert own_values(tree, tree.before) == {"main;f": 7, "main;old": 1}
