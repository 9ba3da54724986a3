"""Tachyon: where time goes, sampled from outside by what CPython brings along from 3.15 on (``profiling.sampling``).

It can read a process of its own minor version only, so it runs in the target's
interpreter, beside the target. One sampler is enough: each sample says whether
its thread was on a processor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from whet.collect.api import Launch, Missing
from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.program.host import TargetHost
from whet.program.spec import TargetSpec
from whet.records import dataclass

CAPTURE = "tachyon.bin"
LOOP = Path(__file__).with_name("tachyon_loop.py")
SINCE = (3, 15)
MAX_FRAMES = 1_536
"""The deepest stack that it reads: ``MAX_FRAMES`` in CPython's ``Modules/_remote_debugging/frames.c``."""


class TachyonCollector:
    """Samples the target from outside, without stopping it. ``rate`` is in samples a second."""

    name = "tachyon"
    metrics = frozenset((Metric.CPU, Metric.WAITING, Metric.IDLE))

    def __init__(
        self, host: TargetHost | None = None, rate: int = 100, native: bool = False, children: bool = True
    ) -> None:
        self.python = host.interpreter.path if host is not None else "python3.15"
        self.rate = rate
        self.native = native
        self.children = children

    def missing(self, host: TargetHost) -> Missing | None:
        """Return why it cannot sample on ``host``."""
        if host.interpreter.implementation != "CPython":
            return Missing(f"Tachyon reads CPython, and this is {host.interpreter.implementation}")
        if host.version[:2] < SINCE:
            return Missing(f"Tachyon comes with Python 3.15, and this is {host.interpreter.version or 'older'}")
        return None

    def launch(self, spec: TargetSpec, out: Path) -> Launch:
        """Return the command that attaches to the target."""
        command = [self.python, "-I", "-S", str(LOOP), "--pid", "{pid}", "--rate", str(self.rate)]
        command += ["--output", str(out / CAPTURE)]
        if self.children:
            command.append("--children")
        if self.native:
            command.append("--native")
        return Launch(
            attach=(tuple(command),),
            captures=(("tachyon", out / CAPTURE),),
            reader=TachyonReader(),
            says_ready="Sampling process",
            deepest=MAX_FRAMES,
            deeper="--sampler py-spy reads deeper ones",
        )


@dataclass(frozen=True, slots=True)
class TachyonReader:
    """Joins the captures of the program and its children: Tachyon writes one of each process."""

    def read(self, capture: Path, pid: int) -> Iterator[Profile]:
        """Yield one profile of all."""
        from whet.formats.tachyon_binary import Capture, TachyonBinary

        with contextlib.ExitStack() as stack:
            listed = list_captures(capture.parent, pid) or [(capture, pid, "")]
            files = [Capture(stack.enter_context(path.open("rb")), number, command) for path, number, command in listed]
            yield from TachyonBinary().read_all(files)


def list_captures(out: Path, pid: int) -> list[tuple[Path, int, str]]:
    """Return each capture with its process and that one's command line; the first is of ``pid``, the program."""
    found: list[tuple[Path, int, str]] = []
    first = out / CAPTURE
    children = sorted(
        (int(path.stem.rpartition("-")[2]), path)
        for path in out.glob(f"{first.stem}-*{first.suffix}")
        if path.stem.rpartition("-")[2].isdigit()
    )
    for number, path in [(pid, first), *children]:
        if path.is_file():
            found.append((path, number, _read_command(path.with_suffix(".command"))))
    return found


def _read_command(path: Path) -> str:
    try:
        return path.read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "surrogateescape")
    except OSError:
        return ""
