"""``whet run --dask ADDRESS``: a program as always, and the workers that it sends tasks to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from whet.errors import WhetError
from whet.model.run import Notice, Run
from whet.pipeline.dask.session import DaskOptions, Session, connect, find_client_sources
from whet.pipeline.project import find_project
from whet.pipeline.run.measure import Measured, NeverBegan, measure
from whet.pipeline.run.options import MeasureOptions
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec
from whet.store import rewrite_run


def measure_with_workers(
    address: str, spec: TargetSpec, host: TargetHost, options: MeasureOptions, workers: DaskOptions
) -> Measured | NeverBegan:
    """Measure a program as :func:`whet.pipeline.run.measure.measure` does, and the workers of a cluster meanwhile.

    Raises ``UsageError`` without Dask's distributed, and ``CollectorError`` where the cluster cannot be sampled; the
    program has not been started then. What goes wrong later loses nothing of the program's own run.
    """
    client = connect(address)
    try:
        project = find_project(Path(spec.directory))
        session = Session(client, workers, find_client_sources(_list_sources(spec), str(project), {}))
        session.begin()
        run: Run | None = None
        try:
            measured = measure(spec, host, options)
            run = measured.run if isinstance(measured, Measured) else None
        finally:
            merged = _finish(session, run)
        if isinstance(measured, NeverBegan) or merged is None:
            return measured
        rewrite_run(measured.saved.path, merged)
        return replace(measured, run=merged)
    finally:
        client.close()


def _finish(session: Session, run: Run | None) -> Run | None:
    try:
        merged = session.finish(run)
    except (WhetError, OSError) as error:
        return replace(run, notices=(*run.notices, Notice("dask", f"workers are missing: {error}"))) if run else None
    return merged if run is not None else None


def _list_sources(spec: TargetSpec) -> list[str]:
    """Return the script: its functions come to workers by value, those of modules by name."""
    if spec.kind is not TargetKind.SCRIPT:
        return []
    return [str(Path(spec.directory, spec.name))]
