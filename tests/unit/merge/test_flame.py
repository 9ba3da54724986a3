from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whet.merge.flame import fold_stacks
from whet.model.flame import FOLDED
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples, StackTable, Thread
from whet.model.run import Interpreter, Purpose, Run

APP = "/app/app.py"
MACHINERY = "_find_and_load@<frozen importlib._bootstrap>:1;exec_module@<frozen importlib._bootstrap_external>:2"


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
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
