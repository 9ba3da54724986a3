"""Imports modules needed after the program while the program runs, to save time at the end.

That happens in whet's own process, not in the program's. A module that does not load is imported again where it is
needed, and fails there.
"""

from __future__ import annotations

import contextlib
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from time import monotonic, thread_time

from whet.program.processors import count_processors

AFTERWARDS = (
    "whet.pipeline.run.captures",
    "whet.merge.align",
    "whet.merge.evidence",
    "whet.pipeline.run.machine",
    "whet.pipeline.run.sources",
    "whet.store",
    "whet.merge.hotspots",
    "whet.merge.flame",
    "whet.report.view",
    "whet.pipeline.advise.show",
    "whet.report.terminal",
    "rich.console",
    "rich.table",
    "whet.report.write",
    "jinja2",
)
"""Modules that every run needs, in that order; each is imported with its own imports."""
FOR_ADVICE = (
    "whet.advise.join",
    "whet.advise.answers",
    "whet.pipeline.advise.refuted",
    "whet.program.newer_python",
    "whet.engine.run",
    "whet.engine.suppress",
)
"""Modules for a run in which the program was seen computing."""
ADVICE_SECONDS = 0.3
"""Seconds that the program must have run before those are loaded: shorter ones have too few samples for advice."""
FOR_REWRITES = ("libcst", "whet.fix.edits", "whet.fix.diff")
"""Modules for a run in which a rule found something to rewrite."""
REWRITES_SECONDS = 0.6
"""Likewise for these: libcst takes longest to import, and most short programs do not need it."""
LEAST_RUNNING = 0.5
"""A thread that gets a processor for less than this part of its time shows that the machine is busy. Then the work
stops: it would take its time from the program."""
BUSY_SECONDS = 0.1
"""Seconds that must have passed for that to be judged."""
SWITCH_SECONDS = 0.0005
"""Switch interval of whet's threads: the program may be waiting for another of them."""


class Preload:
    """Does pieces of work in a thread of its own, between ``begin`` and ``end``.

    Before each of them ``pieces`` yields the earliest time for it, in seconds after the start.
    """

    def __init__(self, pieces: Callable[[], Iterator[float]]) -> None:
        self._pieces = pieces
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def begin(self) -> None:
        """Start with the first piece, unless the program would have to share its only processor with it."""
        if count_processors() > 1:
            self._thread.start()

    def end(self) -> None:
        """Wait for the current piece, and skip the rest."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        began = resumed = monotonic()
        elapsed = 0.0
        # Whatever fails here fails again where it is needed.
        with contextlib.suppress(Exception):
            for seconds in self._pieces():
                elapsed += monotonic() - resumed
                if elapsed > BUSY_SECONDS and thread_time() < LEAST_RUNNING * elapsed:
                    return
                if self._is_over.wait(max(0.0, began + seconds - monotonic())):
                    return
                resumed = monotonic()


@contextlib.contextmanager
def preloading(pieces: Callable[[], Iterator[float]] | None = None) -> Iterator[Preload]:
    """Yield a :class:`Preload` that ends with the block, so that never two threads import at a time."""
    preload = Preload(pieces or load_pieces)
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield preload
    finally:
        preload.end()
        sys.setswitchinterval(before)


def load_pieces() -> Iterator[float]:
    """Import everything from captures to report, piece by piece, in the order of need."""
    for name in AFTERWARDS:
        yield 0.0
        import_module(name)
    yield 0.0
    import_module("whet.report.html").load_templates()
    yield ADVICE_SECONDS
    import_module("whet.report.highlight").load_lexer()
    for name in FOR_ADVICE:
        yield ADVICE_SECONDS
        import_module(name)
    for rule in pkgutil.iter_modules(import_module("whet_rules").__path__):
        yield ADVICE_SECONDS
        import_module(f"whet_rules.{rule.name}")
    for name in FOR_REWRITES:
        yield REWRITES_SECONDS
        import_module(name)
