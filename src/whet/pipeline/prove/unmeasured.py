"""A program that was never measured, in the form of a run: enough to try a change on it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from whet import __version__
from whet.model.run import Run, StandardInput
from whet.pipeline.project import find_project
from whet.pipeline.run.machine import describe_machine
from whet.pipeline.run.standard_input import record_input
from whet.program.arguments import mask_spec
from whet.program.host import TargetHost
from whet.program.spec import TargetSpec


def make_unmeasured_run(host: TargetHost, spec: TargetSpec) -> Run:
    """Return a run of ``spec`` without executions. A file on standard input is what the program will read.

    Of a pipe nothing is read: whether the program would is not known, so it finds nothing there.
    """
    stdin = record_input()
    return Run(
        whet_version=__version__,
        command=mask_spec(spec),
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        directory=spec.directory,
        project=str(find_project(Path(spec.directory))),
        interpreter=host.interpreter,
        host=describe_machine(),
        stdin=stdin if stdin.kind == "file" else StandardInput(),
    )
