from __future__ import annotations

import pytest

from whet.merge.corrections import sum_times
from whet.merge.exchange import count_spinning, find_exchange_rows, find_mpi_lines
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import SourceFile

TEXT = """\
import asyncio, functools
import numpy as np
from mpi4py import MPI
comm = MPI.COMM_WORLD

def main(data):
    got = comm.recv(source=0, tag=len(data))
    comm.Barrier()
    total = comm.allreduce(solve(data))
    comm.bcast(np.sort(data))
    request = comm.isend(data, 1)
    request.wait()
    many = comm.allgather(
        data,
    )
    asyncio.gather(data)
    while comm.Probe():
        solve(data)
    pieces = [comm.recv() for _ in data]
    return comm.reduce(data)
"""


def test_lines_that_only_wait_for_other_ranks() -> None:
    assert find_mpi_lines(TEXT) == {7, 8, 12, 13, 14, 15, 17, 20}


@pytest.mark.parametrize("text", ["comm.recv()\n", "import mpi4py\ndef f(:\n", ""])
def test_sources_without_mpi_have_none(text: str) -> None:
    assert find_mpi_lines(text) == set()


def make_profile(*frames: Frame) -> Profile:
    """A stack of ``frames``, outermost first, with 10 ms computing at each depth."""
    return Profile(
        "py-spy",
        frames=frames,
        stacks=StackTable([ROOT, *range(len(frames) - 1)], list(range(len(frames)))),
        threads=(Thread(7, 7),),
        samples=(Samples(Metric.CPU, 0, list(range(len(frames))), [10_000_000] * len(frames), len(frames)),),
    )


def source() -> dict[str, SourceFile]:
    return {"/job.py": SourceFile("/job.py", "job.py", "", TEXT)}


def test_spinning_in_a_line_of_the_users_is_waiting_and_what_it_calls_is_not() -> None:
    profile = make_profile(Frame("/job.py", "main", 7), Frame("/other.py", "solve", 1))
    spun = count_spinning(profile, source())
    assert (sum_times(spun, Metric.CPU), sum_times(spun, Metric.WAITING)) == (10_000_000, 10_000_000)
    assert {(each.name, each.metric, each.moved_ns) for each in spun.corrections} == {
        ("spinning in MPI counted as waiting", Metric.CPU, -10_000_000),
        ("spinning in MPI counted as waiting", Metric.WAITING, 10_000_000),
    }
    assert sum(each.count for each in spun.samples) == 2


def test_a_line_that_computes_an_argument_stays_computing() -> None:
    profile = make_profile(Frame("/job.py", "main", 10))
    assert count_spinning(profile, source()) is profile


@pytest.mark.parametrize("name", ["MPI_Recv", "PMPI_Barrier", "opal_progress", "MPIDI_progress_test"])
def test_native_stacks_name_it_below_any_line(name: str) -> None:
    native = Frame("libmpi.so.40", name, owner=Owner.NATIVE)
    deeper = Frame("libc.so.6", "poll", owner=Owner.NATIVE)
    spun = count_spinning(make_profile(Frame("/job.py", "main", 10), native, deeper), source())
    assert (sum_times(spun, Metric.CPU), sum_times(spun, Metric.WAITING)) == (10_000_000, 20_000_000)


def test_transfers_of_dask_are_exchange() -> None:
    library = "/env/lib/python3.12/site-packages/distributed"
    profile = make_profile(
        Frame(f"{library}/worker.py", "execute"),
        Frame(f"{library}/comm/tcp.py", "read"),
        Frame("/usr/lib/python3.12/selectors.py", "select"),
    )
    assert list(find_exchange_rows(profile, {})) == [False, True, True]
