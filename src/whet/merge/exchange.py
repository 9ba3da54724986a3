"""Waiting of one process for others of its job: in MPI, and for data between Dask's workers.

Implementations of MPI wait by spinning: a rank in ``comm.recv()`` computes, as far as the system can tell. That it
waits is known by the names of what it calls: from C stacks, else from the user's line, whose only call that takes time
is one of MPI.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from whet.merge.corrections import Corrections
from whet.merge.idle_stacks import name_place
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples
from whet.model.run import SourceFile

_NATIVE = re.compile(r"(P?MPI_\w+|opal_progress|mca_pml_\w+|MPIDI?_\w*[Pp]rogress\w*|ucp_worker_progress)$")
"""Functions of Open MPI, MPICH and UCX, as C stacks name them."""
_CALLS = re.compile(
    r"I?(m?probe|recv|sendrecv(_replace)?|s?send|barrier|bcast|(all)?gatherv?|scatterv?|(all)?reduce(_scatter(_block)?)?"
    r"|alltoall[vw]?|(ex)?scan|wait(all|any|some)?|fence|spawn|accept|disconnect)$",
    re.IGNORECASE,
)
"""Methods of mpi4py that wait for other ranks; those of one word are written small for objects, large for buffers."""
_RETURNS_AT_ONCE = re.compile(r"i[a-z]|I[a-z]")
"""How methods begin that do not wait: ``isend``, ``Irecv``."""
_CHEAP = frozenset({"len", "range", "int", "float", "Get_rank", "Get_size", "Status", "print"})
_TRANSFERS = ("distributed.comm.", "distributed.worker:gather_dep", "distributed.worker:get_data")
_DASK = ("distributed.", "dask.")
_MPI4PY = re.compile(r"^\s*(import|from)\s+mpi4py\b", re.MULTILINE)


def count_spinning(profile: Profile, sources: Mapping[str, SourceFile]) -> Profile:
    """Return ``profile`` with computing in calls that only wait for other ranks counted as waiting."""
    rows = find_mpi_rows(profile, sources)
    return _move(profile, rows, Metric.CPU, Metric.WAITING, "spinning in MPI counted as waiting")


def _move(profile: Profile, rows: Sequence[bool], source: Metric, target: Metric, name: str) -> Profile:
    """Return ``profile`` with times of ``source`` in ``rows`` as times of ``target``; the step is called ``name``."""
    if not any(rows):
        return profile
    kept: list[Samples] = []
    values: dict[int, dict[int, int]] = {}
    counts: dict[int, int] = {}
    for entry in profile.samples:
        if entry.metric is not source or not any(row >= 0 and rows[row] for row in entry.stack):
            kept.append(entry)
            continue
        pairs = list(zip(entry.stack, entry.value, strict=True))
        left = [(row, value) for row, value in pairs if row < 0 or not rows[row]]
        whole = sum(entry.value)
        count = round(entry.count * sum(value for _, value in left) / whole) if whole else entry.count
        if left:
            kept.append(replace(entry, stack=[row for row, _ in left], value=[v for _, v in left], count=count))
        moved = values.setdefault(entry.thread, {})
        counts[entry.thread] = counts.get(entry.thread, 0) + entry.count - count
        for row, value in pairs:
            if row >= 0 and rows[row]:
                moved[row] = moved.get(row, 0) + value
    kept += [
        Samples(target, thread, list(each), list(each.values()), counts[thread]) for thread, each in values.items()
    ]
    corrections = Corrections()
    changed = corrections.note(name, profile, replace(profile, samples=kept))
    return replace(changed, corrections=(*profile.corrections, *corrections.attach(changed).corrections))


def settle_client(profile: Profile) -> Profile:
    """Return ``profile``, a Dask client's, with waiting for the cluster counted as idle: the time is the workers'."""
    marks = [name_place(frame).startswith(_DASK) for frame in profile.frames]
    rows = [False] * len(profile.stacks)
    for row, (parent, frame) in enumerate(zip(profile.stacks.parent, profile.stacks.frame, strict=True)):
        rows[row] = marks[frame] or (parent >= 0 and rows[parent])
    return _move(profile, rows, Metric.WAITING, Metric.IDLE, "waiting for workers counted as idle")


def find_exchange_rows(profile: Profile, sources: Mapping[str, SourceFile]) -> Sequence[bool]:
    """Tell for each row of the stack table whether it waits for another process of the same job."""
    transfers = ["distributed" in frame.file and name_place(frame).startswith(_TRANSFERS) for frame in profile.frames]
    if not any(transfers):
        return find_mpi_rows(profile, sources)
    rows = list(find_mpi_rows(profile, sources))
    for row, (parent, frame) in enumerate(zip(profile.stacks.parent, profile.stacks.frame, strict=True)):
        rows[row] = rows[row] or transfers[frame] or (parent >= 0 and rows[parent])
    return rows


def find_mpi_rows(profile: Profile, sources: Mapping[str, SourceFile]) -> Sequence[bool]:
    """Tell for each row of the stack table whether it stands in a call of MPI that waits for other ranks."""
    lines: dict[str, frozenset[int]] = {}
    marks = [_is_mpi(frame, sources, lines) for frame in profile.frames]
    native = [_NATIVE.match(frame.name) is not None and not frame.file.endswith(".py") for frame in profile.frames]
    rows = [False] * len(profile.stacks)
    if not any(marks) and not any(native):
        return rows
    inside = [False] * len(profile.stacks)
    for row, (parent, frame) in enumerate(zip(profile.stacks.parent, profile.stacks.frame, strict=True)):
        inside[row] = native[frame] or (parent >= 0 and inside[parent])
        # Of a line of the user's only what the sampler saw in the line itself: what it called has frames of its own.
        rows[row] = marks[frame] or inside[row]
    return rows


def _is_mpi(frame: Frame, sources: Mapping[str, SourceFile], lines: dict[str, frozenset[int]]) -> bool:
    source = sources.get(frame.file)
    if source is None:
        return False
    if frame.file not in lines:
        lines[frame.file] = find_mpi_lines(source.text)
    return frame.line in lines[frame.file]


def find_mpi_lines(text: str) -> frozenset[int]:
    """Return the lines (from 1) of statements that call a method of MPI, and nothing else that may take time."""
    if not _MPI4PY.search(text):
        return frozenset()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    modules = set(_list_modules(tree))
    found: set[int] = set()
    for node in ast.walk(tree):
        part: ast.AST | None = node if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign) else None
        if isinstance(node, ast.Return):
            part = node.value
        elif isinstance(node, ast.If | ast.While):
            part = node.test
        if part is not None and _only_waits(part, modules):
            found.update(range(part.lineno, (part.end_lineno or part.lineno) + 1))  # type: ignore[attr-defined]
    return frozenset(found)


def _list_modules(tree: ast.Module) -> Iterator[str]:
    """Yield the names of imported modules, whose functions are none of MPI's: ``asyncio.gather()``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.asname or each.name.partition(".")[0] for each in node.names)


def _only_waits(part: ast.AST, modules: set[str]) -> bool:
    waits = False
    for node in ast.walk(part):
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp | ast.BinOp | ast.Await):
            return False
        if isinstance(node, ast.Call):
            if _is_call_of_mpi(node, modules):
                waits = True
            elif _name_called(node) not in _CHEAP:
                return False
    return waits


def _is_call_of_mpi(node: ast.Call, modules: set[str]) -> bool:
    if not isinstance(node.func, ast.Attribute) or _CALLS.match(node.func.attr) is None:
        return False
    if _RETURNS_AT_ONCE.match(node.func.attr):
        return False
    root: ast.AST = node.func.value
    while isinstance(root, ast.Attribute):
        root = root.value
    return not (isinstance(root, ast.Name) and root.id in modules)


def _name_called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
