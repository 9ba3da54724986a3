"""Run by path with the target's interpreter: ``python -I -S tachyon_loop.py --pid PID --rate N --output FILE`` samples.

Python 3.15's own ``python -m profiling.sampling attach`` does not say when it
has attached, starts one more interpreter for each child process, and offers no
mode in which a sample tells whether its thread was computing. So its parts are
driven from here: one process looks at the whole tree, and each look notes for
every thread whether it was on a processor.

Standard library only. Nothing is started in the target, and it is not stopped.
"""

import argparse
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import Any

try:
    import _remote_debugging as remote  # type: ignore[import-not-found,unused-ignore]
    from profiling.sampling.binary_collector import (  # type: ignore[import-not-found,unused-ignore]
        BinaryCollector,
    )
    from profiling.sampling.constants import (  # type: ignore[import-not-found,unused-ignore]
        PROFILING_MODE_ALL,
    )
    from profiling.sampling.sample import SampleProfiler  # type: ignore[import-not-found,unused-ignore]
except ImportError as error:  # built without it, or of a version that has it elsewhere
    raise SystemExit(f"this interpreter has no sampling profiler that whet knows: {error}") from error

TRIES = 4
"""A stack that changes while it is read cannot be read, so a failed look is repeated at once. Were it not, code that
calls much would be seen less than its share."""
LOST = 5
"""After so many failed looks in a row the process may be another program now (``execv``): attach again."""
CHILDREN_SECONDS = 0.05
"""How often new processes are looked for."""
PYTHON_SECONDS = 5.0
"""How long a new process gets to become a Python that can be read."""
FAILURES = (RuntimeError, OSError, UnicodeDecodeError, MemoryError)


class Process:
    """One process of the tree, and the capture that is written of it."""

    def __init__(self, pid: int, capture: Path, options: argparse.Namespace) -> None:
        self.pid = pid
        self.options = options
        self.interval_us = max(1, round(1_000_000 / options.rate))
        self.profiler = self._attach()
        self.collector: Any = BinaryCollector(str(capture), self.interval_us, compression="none")
        self.began = self.seen_at = time.perf_counter()
        self.samples = self.failed = self.failed_in_a_row = 0
        with contextlib.suppress(OSError):
            # The name that the process has in a report; only Linux shows it as a file.
            capture.with_suffix(".command").write_bytes(Path(f"/proc/{pid}/cmdline").read_bytes())

    def _attach(self) -> Any:  # noqa: ANN401  a class of the standard library that has no types yet
        try:
            return SampleProfiler(
                self.pid,
                self.interval_us,
                all_threads=True,
                mode=PROFILING_MODE_ALL,
                native=self.options.native,
                skip_non_matching_threads=False,
            )
        except SystemExit as error:  # what it makes of a RuntimeError
            raise RuntimeError(str(error)) from error

    def look(self) -> bool:
        """Take one sample; ``False`` once the process has ended."""
        for _ in range(TRIES):
            try:
                stacks = self.profiler.dump_stack()
            except ProcessLookupError:
                return False
            except FAILURES:
                continue
            self.collector.collect(stacks)
            self.seen_at = time.perf_counter()
            self.samples += 1
            self.failed_in_a_row = 0
            return True
        self.failed += 1
        self.failed_in_a_row += 1
        if self.failed_in_a_row % LOST == 0:
            try:
                self.profiler = self._attach()
            except ProcessLookupError:
                return False
            except FAILURES:
                pass
        return True

    def finish(self) -> None:
        """Complete the capture; it says how often the process was really looked at."""
        seconds = self.seen_at - self.began
        looks = self.samples + self.failed
        if seconds > 0 and looks:
            self.collector.set_stats(self.interval_us, seconds, self.samples / seconds, 100 * self.failed / looks, 0.0)
        self.collector.export()


class Tree:
    """The process and, where they are wanted, its descendants."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.first = Process(options.pid, options.output, options)
        self.alive = [self.first]
        self.all = [self.first]
        self.waiting: dict[int, float] = {}
        """Processes that are no readable Python yet, and when they were first seen."""
        self.known = {options.pid}

    def look(self) -> None:
        """Sample every process once."""
        self.alive = [each for each in self.alive if each.look()]

    def find_children(self) -> None:
        """Begin with processes that are new."""
        now = time.monotonic()
        try:
            found = set(remote.get_child_pids(self.first.pid, recursive=True))
        except FAILURES:
            return
        for pid in found - self.known:
            self.known.add(pid)
            self.waiting[pid] = now
        for pid, since in list(self.waiting.items()):
            if pid not in found or now - since > PYTHON_SECONDS:
                del self.waiting[pid]
                continue
            try:
                if not remote.is_python_process(pid):
                    continue
                process = Process(pid, self.options.output.with_stem(f"{self.options.output.stem}-{pid}"), self.options)
            except FAILURES:
                continue
            del self.waiting[pid]
            self.alive.append(process)
            self.all.append(process)


def sample(options: argparse.Namespace) -> None:
    """Look ``options.rate`` times a second until the first process has ended, the time is over, or SIGINT."""
    tree = Tree(options)
    _say(f"Sampling process {options.pid}")
    try:
        with contextlib.suppress(KeyboardInterrupt):
            _run(tree, options)
    finally:
        # A second one must not lose the captures.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for each in tree.all:
            each.finish()
        samples, failed = (sum(getattr(each, name) for each in tree.all) for name in ("samples", "failed"))
        _say(f"Samples: {samples} Errors: {failed}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _run(tree: Tree, options: argparse.Namespace) -> None:
    interval = 1 / options.rate
    due = began = time.perf_counter()
    children_at = began
    while tree.first in tree.alive:
        tree.look()
        now = time.perf_counter()
        if options.duration and now - began >= options.duration:
            return
        if options.children and now >= children_at:
            tree.find_children()
            children_at = now + CHILDREN_SECONDS
        # What was missed is not caught up with: several looks at one moment are one. The capture's rate tells.
        due = max(due + interval, now)
        time.sleep(max(0.0, due - time.perf_counter()))


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Sample a process with the parts of profiling.sampling.")
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--duration", type=float, default=0.0)
    parser.add_argument("--children", action="store_true")
    parser.add_argument("--native", action="store_true")
    options = parser.parse_args()
    # Whoever was started in the background of a shell ignores it, and on Windows it is the other one that can be sent.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, signal.default_int_handler)
    try:
        sample(options)
    except (*FAILURES, TypeError, AttributeError) as error:  # the last two: the parts are not those that whet knows
        raise SystemExit(f"Error: {error}") from error


if __name__ == "__main__":
    main()
