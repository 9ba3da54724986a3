"""One of several processes, ranks or files that one run was merged from, and a kind of task that ran in them."""

from __future__ import annotations

from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class PartFunction:
    """A function of the user's in one part, with the busy time attributed to it, in nanoseconds."""

    file: str
    name: str
    line: int
    spent_ns: int


@dataclass(frozen=True, slots=True)
class Part:
    """What was sampled in one part. Times are nanoseconds, of all of its threads and processes together."""

    label: str
    """As in ``rank 3`` or ``tcp://10.0.0.7:41233``."""
    wall_ns: int = 0
    """For how long it was recorded; 0 where its profile does not say."""
    clock_ns: int = 0
    """CPU time that the system counted for it; 0 where nobody asked."""
    cpu_ns: int = 0
    waiting_ns: int = 0
    exchange_ns: int = 0
    """The part of ``waiting_ns`` in which it waited for other parts: receives, barriers, transfers."""
    idle_ns: int = 0
    gil_ns: int = 0
    samples: int = 0
    runs: int = 1
    """How many runs, files or captures it was merged from."""
    functions: tuple[PartFunction, ...] = ()
    """Those with most of its time, largest first."""
    is_worker: bool = True
    """Whether it is one of those that share the work; a client is not."""
    note: str = ""
    """What is to be known of it, as in ``ended after 12 s``."""

    @property
    def work_ns(self) -> int:
        """Its busy time without what it waited for others: what makes the others wait."""
        return self.cpu_ns + max(0, self.waiting_ns - self.exchange_ns)


@dataclass(frozen=True, slots=True)
class TaskTotals:
    """All tasks of one name, such as a key prefix of Dask's, as the scheduler counted them. Times are nanoseconds."""

    name: str
    count: int = 0
    cpu_ns: int = 0
    """CPU time of the threads that ran them."""
    blocked_ns: int = 0
    """Time in which those threads ran a task and did not compute."""
    transfer_ns: int = 0
    """Waiting for data from other workers."""
    spill_ns: int = 0
    """Reading and writing data that does not fit in memory."""
    serialize_ns: int = 0
    """Serializing and deserializing."""
    other_ns: int = 0
    transfer_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Transfer:
    """Data that went from worker to worker. ``size`` is bytes, of one time."""

    key: str
    times: int
    size: int
