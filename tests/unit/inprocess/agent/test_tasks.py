"""What a look from another thread sees of asyncio's tasks while their loop polls."""

from __future__ import annotations

import _thread
import asyncio
import functools
import gc
import sys
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from whet.inprocess.agent import tasks

pytestmark = pytest.mark.usefixtures("no_collection")
SECOND = 1_000_000_000


async def pause() -> None:
    await asyncio.sleep(30)


async def outer() -> None:
    await pause()


async def generate():
    await pause()
    yield 1


async def read_all() -> None:
    async for _ in generate():
        pass


def look_at(main: Callable[[], Awaitable[None]]) -> dict[tuple[str, ...], tasks.Waited]:
    """Run ``main`` until a look saw tasks; return what it saw, by the names of the functions of this file."""
    seen = tasks.Tasks()

    async def begin() -> None:
        worker = asyncio.ensure_future(main())
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=look, args=(lambda: loop.call_soon_threadsafe(worker.cancel),))
        thread.start()
        await asyncio.wait([worker])
        thread.join()

    def look(end: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not seen.waited and time.monotonic() < deadline:
            time.sleep(0.02)
            frames = sys._current_frames()
            del frames[_thread.get_ident()]
            seen.look(frames, time.perf_counter_ns() + 30 * SECOND, [])
        end()

    asyncio.run(begin())
    return {
        tuple(name for file, _, name, _ in stack if file == __file__ and name != "begin"): waited
        for (_, stack), waited in seen.waited.items()
    }


def test_a_task_waits_where_its_innermost_coroutine_does():
    assert list(look_at(outer)) == [("outer", "pause")]


def test_an_asynchronous_generator_is_seen_below_who_goes_through_it():
    assert list(look_at(read_all)) == [("read_all", "generate", "pause")]


async def gather() -> None:
    await asyncio.gather(outer(), pause(), pause())


async def group() -> None:
    async with asyncio.TaskGroup() as group:
        for each in (outer, pause, pause):
            group.create_task(each())


async def wait() -> None:
    await asyncio.wait([asyncio.ensure_future(each()) for each in (outer, pause, pause)])


@pytest.mark.parametrize("main", [gather, group, wait])
def test_who_waits_for_tasks_stands_above_them_and_has_no_part_itself(main):
    found = look_at(main)
    assert set(found) == {(main.__name__, "outer", "pause"), (main.__name__, "pause")}
    (one, two) = found[main.__name__, "outer", "pause"], found[main.__name__, "pause"]
    # Three tasks wait at once, and each has a part of the same size.
    assert two.ns // 2 == pytest.approx(one.ns, abs=2)
    assert one.together == 3 * one.ns


async def limit() -> None:
    await asyncio.wait_for(outer(), 30)


async def shield() -> None:
    await asyncio.shield(outer())


async def in_task() -> None:
    await asyncio.ensure_future(outer())


@pytest.mark.parametrize("main", [limit, shield, in_task])
def test_one_task_that_another_waits_for_is_found(main):
    assert list(look_at(main)) == [(main.__name__, "outer", "pause")]


async def with_heartbeat() -> None:
    beat = asyncio.ensure_future(pause())
    await outer()
    await beat


def test_what_goes_on_in_the_background_has_no_part_while_the_main_task_waits():
    assert list(look_at(with_heartbeat)) == [("with_heartbeat", "outer", "pause")]


async def queue() -> None:
    waiting = asyncio.Queue[int]()

    async def consume() -> None:
        await waiting.get()
        await outer()

    waiting.put_nowait(1)
    task = asyncio.ensure_future(consume())
    await waiting.join()
    await task


def test_who_waits_for_a_queue_waits_for_another_task():
    assert list(look_at(queue)) == [("consume", "outer", "pause")]


def test_nothing_is_looked_at_if_a_task_could_run_code_of_the_programs():
    class Odd(asyncio.Task):
        def __hash__(self) -> int:
            raise AssertionError

    assert tasks._find_task_type() is None
    del Odd
    gc.collect()
    assert tasks._find_task_type() is not None


def test_many_tasks_are_looked_at_in_parts_and_counted_all():
    async def many() -> None:
        await asyncio.gather(*(pause() for _ in range(500)))

    found = look_at(many)
    (waited,) = found.values()
    assert list(found) == [("many", "pause")]
    assert waited.together / waited.ns == pytest.approx(500, rel=0.1)


def test_a_partial_that_the_program_loaded_later_is_looked_into(monkeypatch):
    # Types of modules in C may be made once more where whet's own imports were forgotten.
    class Later(functools.partial):
        pass

    monkeypatch.setitem(vars(sys.modules["_functools"]), "partial", Later)
    assert next(iter(tasks._reach(Later(print, 5)))) == 5


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the tasks of one loop are listed there")
def test_tasks_of_a_loop_that_has_something_to_run_are_not_listed():
    """The loop polls in each turn; only where nothing is ready its tasks wait for anything."""

    async def begin() -> tuple[list[int], list[int], list[int]]:
        loop, thread = asyncio.get_running_loop(), _thread.get_ident()
        waiting = [asyncio.ensure_future(pause()) for _ in range(50)]
        kind = type(waiting[0])
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        def count(polls: list[int]) -> list[int]:
            held: list[object] = []
            module = {"Task": kind, "_scheduled_tasks": {*waiting}}
            few = tasks._list_registered(module, tasks.FEW)
            return [len(few)] if tasks._are_busy(kind.__dict__["_loop"].__get__, few, polls, held) else [50]

        idle = count([thread])
        loop.call_soon(lambda: None)
        busy, other = count([thread]), count([thread, thread + 1])
        for each in waiting:
            each.cancel()
        return idle, busy, other

    assert asyncio.run(begin()) == ([50], [tasks.FEW], [50])
