"""Stacks folded into one tree of calls, small enough to draw."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import accumulate

from whet.merge.calls import Calls, Slot
from whet.merge.select import profiles_for
from whet.merge.tree import subtree_sums
from whet.model.flame import FOLDED, CallColumn, CallTree, FlameTree
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, Thread
from whet.model.run import Run

MOST_NODES = 50_000
DRAWN = (Metric.CPU, Metric.WAITING, Metric.ALLOCATED, Metric.PEAK)
"""The metrics that a reader can choose from."""


def fold_calls(
    run: Run,
    metrics: Collection[Metric] = DRAWN,
    most: int = MOST_NODES,
    keep: Callable[[Thread], bool] | None = None,
    before: Run | None = None,
) -> CallTree:
    """Return the calls of ``run`` in all ``metrics`` at once; ``keep`` chooses threads (all by default).

    Siblings of one function are one node, whatever their lines. The import
    system's frames are part of the module that they import. At most ``most`` nodes
    remain: those with the largest share of any metric, and ``FOLDED`` ones for what
    was small beside them, so that totals are kept. With
    ``before``, the same calls of that run stand beside them: a function of it is
    the one with its name in the file of the same path within its project.
    """
    calls = Calls()
    for profile, entries in _choose_entries(run, metrics, keep):
        calls.add(profile, entries)
    if before is not None:
        translate = _match_functions(calls.functions, run, before)
        for profile, entries in _choose_entries(before, metrics, keep):
            calls.add(profile, entries, before=True, translate=translate)
    return _fold(calls, max(1, most))


def view_metric(tree: CallTree, metric: Metric) -> FlameTree:
    """Return the calls of ``tree`` that cost anything in ``metric``, the columns of all threads added up."""
    own = [0] * len(tree)
    for column in tree.columns:
        if column.metric is metric:
            for row, value in zip(column.rows, column.values, strict=True):
                own[row] += value
    parent = find_parents(tree.depth)
    totals = subtree_sums(parent, own)
    children: dict[int, list[int]] = {}
    for row, above in enumerate(parent):
        if totals[row]:
            children.setdefault(above, []).append(row)
    for below in children.values():
        below.sort(key=lambda row: (tree.frame[row] == FOLDED, -totals[row]))  # stable: ties stay as they are
    rows: list[int] = []
    todo = children.get(ROOT, [])[::-1]
    while todo:
        rows.append(todo.pop())
        todo += reversed(children.get(rows[-1], ()))
    used = {row: at for at, row in enumerate(rows) if tree.frame[row] == FOLDED}
    frames: dict[int, int] = {}
    return FlameTree(
        metric=metric,
        frame=[
            FOLDED if tree.frame[row] == FOLDED else frames.setdefault(tree.frame[row], len(frames)) for row in rows
        ],
        frames=[tree.frames[frame] for frame in frames],
        depth=[tree.depth[row] for row in rows],
        self_value=[own[row] for row in rows],
        total_value=[totals[row] for row in rows],
        folded_value=sum(totals[row] for row in used),
        folded_nodes=tree.folded_nodes if used else 0,
        siblings={at: tree.siblings[row] for row, at in used.items()},
    )


def find_parents(depth: Sequence[int]) -> list[int]:
    """Return the parent of each row of a tree in preorder, ``ROOT`` for the outermost."""
    parent: list[int] = []
    open_rows: list[int] = []
    for row, deep in enumerate(depth):
        del open_rows[deep:]
        parent.append(open_rows[-1] if open_rows else ROOT)
        open_rows.append(row)
    return parent


def _choose_entries(
    run: Run, metrics: Collection[Metric], keep: Callable[[Thread], bool] | None
) -> Iterable[tuple[Profile, list[Samples]]]:
    """Yield each profile that answers for some of ``metrics`` once, with its samples of those."""
    chosen: dict[int, tuple[Profile, list[Samples]]] = {}
    for metric in metrics:
        for profile in profiles_for(run, metric):
            entries = chosen.setdefault(id(profile), (profile, []))[1]
            entries += [
                entry
                for entry in profile.samples
                if entry.metric is metric and (keep is None or keep(profile.threads[entry.thread]))
            ]
    return chosen.values()


def _match_functions(functions: Sequence[Frame], run: Run, before: Run) -> Callable[[Frame], Frame]:
    """Return a function that finds the function of ``run`` which a frame of ``before`` is."""
    known: dict[tuple[str, str], list[Frame]] = {}
    for frame in functions:
        known.setdefault((_name_file(frame.file, run), frame.name), []).append(frame)

    def translate(frame: Frame) -> Frame:
        found = known.get((_name_file(frame.file, before), frame.name), ())
        # Of several with one name (lambdas), the one that stands nearest: lines above it may have come or gone.
        return min(found, key=lambda other: abs(other.first_line - frame.first_line), default=frame)

    return translate


def _name_file(file: str, run: Run) -> str:
    source = run.sources.get(file)
    if source is not None:
        return source.shown
    plain = file.replace("\\", "/")
    for folder in ("/site-packages/", "/dist-packages/"):
        if folder in plain:
            return plain.rpartition(folder)[2]
    project = run.project.replace("\\", "/").rstrip("/") + "/"
    return plain.removeprefix(project) if run.project else plain


def _fold(calls: Calls, most: int) -> CallTree:
    """Return the tree in preorder, heaviest siblings first, folded to ``most`` nodes."""
    weights = _weigh(calls)
    kept = _choose_nodes(calls.parent, weights, most)
    children, folded = _list_children(calls, weights, kept)
    frames: dict[int, int] = {}
    depths: list[int] = []
    frame: list[int] = []
    siblings: dict[int, int] = {}
    row_of: list[int] = [ROOT] * len(calls.parent)
    """The row of each kept node; later also of each folded one."""
    group_row: dict[int, int] = {}
    todo = [(node, 0) for node in reversed(children.get(ROOT, ()))]
    if ROOT in folded:
        todo.insert(0, (_group_below(ROOT), 0))
    while todo:
        node, depth = todo.pop()
        row = len(depths)
        depths.append(depth)
        if node < 0:
            group_row[_group_below(node)] = row
            siblings[row] = folded[_group_below(node)]
            frame.append(FOLDED)
            continue
        row_of[node] = row
        frame.append(frames.setdefault(calls.function[node], len(frames)))
        if node in folded:
            todo.append((_group_below(node), depth + 1))
        todo.extend((child, depth + 1) for child in reversed(children.get(node, ())))
    for node, parent in enumerate(calls.parent):
        if not kept[node]:
            row_of[node] = group_row[parent] if parent == ROOT or kept[parent] else row_of[parent]
    return CallTree(
        frames=[calls.functions[function] for function in frames],
        threads=calls.threads,
        depth=depths,
        frame=frame,
        columns=_write_columns(calls, row_of, before=False),
        before=_write_columns(calls, row_of, before=True),
        folded_nodes=len(kept) - sum(kept),
        siblings=siblings,
    )


def _weigh(calls: Calls) -> list[float]:
    """Return for each node the largest share that it has of any metric, what it calls included."""
    groups: dict[tuple[Metric, bool], list[int]] = {}
    for slot, column in calls.columns.items():
        own = groups.setdefault((slot.metric, slot.before), [0] * len(calls.parent))
        for node, value in column.values.items():
            own[node] += value
    weights = [0.0] * len(calls.parent)
    for own in groups.values():
        whole = sum(own)
        if whole:
            weights = list(map(max, weights, (total / whole for total in subtree_sums(calls.parent, own))))
    return weights


def _list_children(
    calls: Calls, weights: Sequence[float], kept: Sequence[bool]
) -> tuple[dict[int, list[int]], dict[int, int]]:
    """Return the kept children of each kept node, heaviest first, and how many others it has."""
    children: dict[int, list[int]] = {}
    folded: dict[int, int] = {}
    for node, parent in enumerate(calls.parent):
        if kept[node]:
            children.setdefault(parent, []).append(node)
        elif parent == ROOT or kept[parent]:
            folded[parent] = folded.get(parent, 0) + 1
    for below in children.values():
        if len(below) > 1:
            below.sort(key=lambda node: (-weights[node], *calls.label(node)))
    return children, folded


def _write_columns(calls: Calls, row_of: Sequence[int], *, before: bool) -> list[CallColumn]:
    slots = sorted(calls.columns, key=lambda slot: (list(Metric).index(slot.metric), slot.execution, slot.thread))
    return [_write_column(calls, slot, row_of) for slot in slots if slot.before is before]


def _write_column(calls: Calls, slot: Slot, row_of: Sequence[int]) -> CallColumn:
    column = calls.columns[slot]
    own: dict[int, int] = {}
    for node, value in column.values.items():
        own[row_of[node]] = own.get(row_of[node], 0) + value
    rows = sorted(own)
    return CallColumn(slot.metric, slot.execution, slot.thread, rows, [own[row] for row in rows], column.count)


def _group_below(node: int) -> int:
    """Return the number that stands for the folded children of ``node``, and the other way round; below ``ROOT``."""
    return -node - 3


def _choose_nodes(parent: Sequence[int], totals: Sequence[float], most: int) -> list[bool]:
    """Return which nodes stay: the largest, as many as leave room for one ``FOLDED`` node beside each gap.

    A node is never larger than its caller and stands after it, so with a node all its callers stay.
    """
    nodes = len(parent)
    if nodes <= most:
        return [True] * nodes
    by_size = sorted(range(nodes), key=totals.__getitem__, reverse=True)  # stable: callers stay first
    rank = [0] * nodes
    for place, node in enumerate(by_size):
        rank[node] = place
    # Keeping the first k needs a folded node below every kept node whose last child has rank k or more.
    last_child = [0] * (nodes + 1)
    for node, above in enumerate(parent):
        last_child[above] = max(last_child[above], rank[node])
    begins = [0] * (nodes + 1)
    for node in range(-1, nodes):
        own = rank[node] if node >= 0 else -1
        if last_child[node] > own:
            begins[own + 1] += 1
            begins[last_child[node] + 1] -= 1
    gaps = list(accumulate(begins))
    keeping = max((k for k in range(nodes + 1) if k + gaps[k] <= most), default=0)
    return [place < keeping for place in rank]
