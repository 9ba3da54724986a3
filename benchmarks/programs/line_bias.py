"""Many cheap lines against one dear line, in one function; tells by the clock how long each took.

    python line_bias.py SHARE ROUNDS

SHARE (0-100) of the rounds go to the cheap lines. Each round of either side does about the same work.
"""

import json
import os
import sys
import time
from pathlib import Path


def work(cheap: int, dear: int, values: list[int], took: dict[str, float]) -> int:
    """Run both loops in turn, in batches."""
    clock = time.perf_counter
    total = 0
    for _ in range(200):
        start = clock()
        for value in range(cheap):
            total += value
            total ^= 5
            total -= value
            total &= 1_048_575
        middle = clock()
        for _ in range(dear):
            total ^= sum(values)
        took["cheap"] += middle - start
        took["dear"] += clock() - middle
    return total


if __name__ == "__main__":
    share, rounds = int(sys.argv[1]), int(sys.argv[2])
    took = {"cheap": 0.0, "dear": 0.0}
    work(rounds * share // 20_000, rounds * (100 - share) // 20_000, list(range(12)), took)
    with Path(os.environ["BENCH_ELAPSED"]).open("a") as sink:
        sink.write(json.dumps(took) + "\n")
