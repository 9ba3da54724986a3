"""The same work done through calls and inlined, in batches; tells by the clock how long each took.

    python function_bias.py SHARE ROUNDS

SHARE (0-100) of the batches' rounds go through calls. After Berger et al., "Triangulating Python
Performance Issues with Scalene", OSDI 2023, figure 5.
"""

import json
import os
import sys
import time
from pathlib import Path


def step(total: int) -> int:
    """One piece of work."""
    return (total * 31 + 7) % 1_000_003


def with_calls(rounds: int) -> int:
    """Do the work by calling ``step``."""
    total = 1
    for _ in range(rounds):
        total = step(total)
    return total


def inlined(rounds: int) -> int:
    """Do the work here."""
    total = 1
    for _ in range(rounds):
        total = (total * 31 + 7) % 1_000_003
    return total


def main(share: int, rounds: int) -> None:
    """Run batches of both in turn; write what the clock says."""
    clock = time.perf_counter
    took = {"with_calls": 0.0, "inlined": 0.0}
    for _ in range(200):
        start = clock()
        with_calls(rounds * share // 20_000)
        middle = clock()
        inlined(rounds * (100 - share) // 20_000)
        took["with_calls"] += middle - start
        took["inlined"] += clock() - middle
    with Path(os.environ["BENCH_ELAPSED"]).open("a") as sink:
        sink.write(json.dumps(took) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
