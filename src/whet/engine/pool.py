"""Checks sources in several processes, results in order; one that kills its process affects only itself."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from whet.engine.limits import TooLargeError, UnreadableError
from whet.engine.loading import RuleModule, load_again
from whet.engine.outcome import Outcome, Task
from whet.engine.run import examine_source
from whet.fix.decoding import DecodingError, decode_source
from whet.model.source import SourceFile
from whet.program.leash import leash_worker
from whet.program.processors import count_processors

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

_WORTH_A_PROCESS = 150_000
"""Bytes of source below which starting processes costs more than it saves."""
_CHUNK = 120_000
"""Bytes of source per chunk for a process: small, so that the last one does not delay the end."""
_MOST_WORKERS = 60
"""Windows can wait for at most 63 handles."""
_COLLECT_EVERY = 400_000
"""Bytes of source after which garbage is collected; a byte of source takes about 100 bytes of tree."""


def examine_tasks(tasks: Sequence[Task], rules: Sequence[RuleModule], workers: int | None = None) -> Iterator[Outcome]:
    """Yield the outcomes of ``tasks`` in their order; ``workers`` is by default the number of cores, if worthwhile."""
    count = min(count_processors() if workers is None else workers, _MOST_WORKERS)
    few = len(tasks) < 2 or sum(len(task.data) for task in tasks) < _WORTH_A_PROCESS
    if count < 2 or few or not (_may_fork() or all(module.file for module in rules)):
        with _rare_collection() as note:
            for task in tasks:
                yield examine_task(task, rules)
                note(len(task.data))
        return
    yield from _examine_in_processes(tasks, rules, count)


def examine_task(task: Task, rules: Sequence[RuleModule]) -> Outcome:
    """Return the findings of ``rules`` in one source."""
    try:
        text, _ = decode_source(task.data)
        source = SourceFile(task.file, task.shown, "", text)
        findings, notices = examine_source(source, rules, task.lines, python=task.python)
    except TooLargeError as error:
        return Outcome(too_large=str(error))
    except UnreadableError as error:
        return Outcome(unreadable=str(error), remedy=error.remedy)
    except DecodingError as error:
        return Outcome(unreadable=str(error))
    findings.sort(key=lambda finding: (finding.line, finding.column, finding.rule))
    return Outcome(tuple(findings), tuple(notices))


def _examine_in_processes(tasks: Sequence[Task], rules: Sequence[RuleModule], workers: int) -> Iterator[Outcome]:
    chunks = list(_cut(tasks))
    while chunks:
        done = 0
        for outcomes in _examine_until_broken(chunks, rules, workers):
            done += 1
            yield from outcomes
        # Something in the next ones may have killed the process that checked it; the others get new processes.
        for chunk in chunks[done : done + 1]:
            for task in chunk:
                yield _examine_alone(task, rules)
        chunks = chunks[done + 1 :]


def _examine_until_broken(
    chunks: Sequence[list[Task]], rules: Sequence[RuleModule], workers: int
) -> Iterator[list[Outcome]]:
    """Yield the outcomes of ``chunks`` in their order, up to the first that is not known as a process was killed."""
    from concurrent.futures.process import BrokenProcessPool

    pool = _open_pool(rules, min(workers, len(chunks)))
    try:
        with suppress(BrokenProcessPool):
            for future in [pool.submit(_examine_chunk, chunk) for chunk in chunks]:
                yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _examine_alone(task: Task, rules: Sequence[RuleModule]) -> Outcome:
    """Check a source that may have killed its worker process."""
    from concurrent.futures.process import BrokenProcessPool

    with _open_pool(rules, 1) as pool:
        try:
            return pool.submit(_examine_chunk, [task]).result()[0]
        except BrokenProcessPool:
            return Outcome(unreadable="crashed the process that checked it")


def _open_pool(rules: Sequence[RuleModule], workers: int) -> ProcessPoolExecutor:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    if _may_fork():
        # The rules are already loaded; a fresh process would take as long to load them as to work.
        return ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _adopt, (tuple(rules), os.getpid()))
    places = tuple((module.module, module.file) for module in rules)
    return ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _load, (places, tuple(sys.path), os.getpid())
    )


def _may_fork() -> bool:
    """Return whether a process can be forked: with threads, a lock could stay held forever in the child."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    try:
        # Threads that Python did not start count too, and that of a pool that has just broken.
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    except OSError:
        return True


_rules: tuple[RuleModule, ...] = ()
"""The rules of this process, if it is a pool's worker."""


def _adopt(rules: tuple[RuleModule, ...], parent: int) -> None:
    leash_worker(parent)
    global _rules  # noqa: PLW0603 - set once, when the process starts
    _rules = rules
    # Ctrl-C goes to all processes of a terminal: the parent ends these, without a traceback of each.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    gc.disable()


def _load(places: tuple[tuple[str, str], ...], path: tuple[str, ...], parent: int) -> None:
    sys.path[:] = path
    _adopt(load_again(places), parent)


def _examine_chunk(chunk: Sequence[Task]) -> list[Outcome]:
    outcomes = [examine_task(task, _rules) for task in chunk]
    gc.collect()
    return outcomes


def _cut(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    chunk: list[Task] = []
    size = 0
    for task in tasks:
        chunk.append(task)
        size += len(task.data)
        if size >= _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


@contextmanager
def _rare_collection() -> Iterator[_Note]:
    """Collect garbage by the amount of checked source: a tree is millions of objects that live and die together.

    Objects that exist before are not scanned each time.
    """
    was_on = gc.isenabled()
    gc.disable()
    gc.freeze()
    note = _Note()
    try:
        yield note
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


class _Note:
    def __init__(self) -> None:
        self._bytes = 0

    def __call__(self, count: int) -> None:
        self._bytes += count
        if self._bytes >= _COLLECT_EVERY:
            self._bytes = 0
            gc.collect()
