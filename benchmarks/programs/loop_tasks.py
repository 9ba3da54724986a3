"""A thousand tasks of asyncio that compute, pass items on through queues, and wait for one another."""

import asyncio

import pyperf

TASKS = 1000


def compute(number):
    total = 0
    for each in range(300):
        total += each * number % 7
    return total


async def pass_on(number, before, after):
    while (item := await before.get()) is not None:
        await after.put(item + compute(number))
    await after.put(None)


async def chain():
    queues = [asyncio.Queue(2) for _ in range(TASKS + 1)]
    tasks = [asyncio.create_task(pass_on(at, queues[at], queues[at + 1])) for at in range(TASKS)]
    for item in (1, 2, 3, None):
        await queues[0].put(item)
    while await queues[-1].get() is not None:
        pass
    await asyncio.gather(*tasks)


def run():
    asyncio.run(chain())


if __name__ == "__main__":
    pyperf.Runner().bench_func("tasks", run)
