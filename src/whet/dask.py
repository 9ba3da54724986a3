"""Profile a Dask job: the client's program and all workers, in one report.

::

    with whet.dask.profile(client) as run:
        futures = client.map(work, range(1000))
        client.gather(futures)
    run.show()

Each worker is sampled from outside, as by ``whet attach``, by a process next to it that a plugin starts; when the block
ends, the plugin is removed. Workers need whet-perf in their environment, in the client's version.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from whet.library import Measured, Profiling

if TYPE_CHECKING:
    from distributed import Client

    from whet.pipeline.dask.session import DaskOptions, Session

_CELLS = ("<ipython-input-",)
_CELL_FOLDER = "ipykernel_"


class DaskProfiling(Measured):
    """Samples a cluster and this process while a ``with`` block runs; afterwards it is what was measured."""

    def __init__(self, client: Client, options: DaskOptions) -> None:
        super().__init__()
        self._client = client
        self._options = options
        self._session: Session | None = None
        self._samples_itself = True
        self._own = Profiling(
            options.rate if options.keep_rate else None, options.native, options.include, options.exclude
        )
        # All of whet: the session reads and merges captures in this process.
        self._own.adjust(rate=options.rate, hidden=[str(Path(__file__).parent)])

    def __enter__(self) -> DaskProfiling:
        """Begin. Raises ``CollectorError`` where no worker can be sampled, ``UsageError`` within another profile."""
        from whet.pipeline.dask.session import Session, find_client_sources
        from whet.pipeline.project import find_project

        self._run = self._shown = None
        sources = find_client_sources(_list_files(), str(find_project(Path.cwd())), _list_cells())
        session = Session(self._client, self._options, sources)
        session.begin()
        self._samples_itself = not session.shares_process
        try:
            if self._samples_itself:
                self._own.__enter__()
        except BaseException:
            session.finish()
            raise
        self._session = session
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and merge what was measured. An exception of the block goes on."""
        from whet.errors import WhetError

        assert self._session is not None
        session, self._session = self._session, None
        own = None
        if self._samples_itself:
            with contextlib.suppress(WhetError):
                self._own.__exit__(kind, error, trace)
                own = self._own.run
        try:
            self._run = session.finish(own)
        except WhetError:
            if error is None:  # else the block's own is what the program wants to see
                raise


def profile(
    client: Client,
    *,
    label: str = "",
    rate: int | None = None,
    native: bool = False,
    memory: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> DaskProfiling:
    """Return what profiles a block on all workers of ``client``: ``with whet.dask.profile(client) as run:``.

    ``label`` names the job in the report, ``rate`` is samples per second of each worker (default: 5, lowered where
    sampling gets expensive), ``native`` samples C stacks as well, ``memory`` also records with memray what workers
    allocate, which slows them down, ``include`` and ``exclude`` are globs of files that
    count as the user's code, or do not. Raises ``UsageError`` without Dask's distributed, and for a client that is
    asynchronous.
    """
    from whet.errors import UsageError
    from whet.pipeline.dask.session import DEFAULT_RATE, DaskOptions, need_distributed

    need_distributed()
    if client.asynchronous:
        raise UsageError(
            "the client is asynchronous, and a profile would block its event loop",
            "use `whet run --dask ADDRESS script.py`, or a client that is not: Client(ADDRESS), outside of the loop",
        )
    return DaskProfiling(
        client,
        DaskOptions(
            rate=rate or DEFAULT_RATE,
            keep_rate=rate is not None,
            native=native,
            memory=memory,
            include=tuple(include),
            exclude=tuple(exclude),
            label=label,
        ),
    )


def _list_files() -> list[str]:
    """Return the main script: its functions come to workers by value, those of modules by name."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return [str(Path(main).absolute())] if isinstance(main, str) else []


def _list_cells() -> dict[str, str]:
    """Return the text of a notebook's cells by the names that their code has."""
    return {
        name: "".join(entry[2])
        for name, entry in list(linecache.cache.items())
        if len(entry) == 4 and (name.startswith(_CELLS) or _CELL_FOLDER in name)
    }
