"""Tasks as a worker of Dask runs them: loading, cleaning, joining and storing records, one after the other in a thread."""

from __future__ import annotations

import collections
import csv
import datetime
import io
import json
import random
import re
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from email import message_from_string
from fractions import Fraction
from typing import Any

WORD = re.compile(r"(\w+)@(\w+)\.(\w+)")


def load(seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    rows = [
        {"id": i, "at": f"2026-01-{1 + i % 28:02}T10:00:00", "mail": f"a{i}@b{i % 7}.org", "x": chance.random()}
        for i in range(400)
    ]
    return [json.loads(json.dumps(row, indent=1, sort_keys=True)) for row in rows]


def clean(rows: list[dict[str, Any]]) -> list[tuple[str, str, float, str]]:
    kept = []
    for row in rows:
        found = WORD.match(row["mail"])
        assert found
        day = datetime.datetime.strptime(row["at"], "%Y-%m-%dT%H:%M:%S")
        message = message_from_string(f"From: {row['mail']}\nDate: {day:%d %b %Y}\n\n{row['x']}\n")
        kept.append((found[2], day.isoformat(), float(message.get_payload()), message["From"]))
    return kept


def join(rows: list[tuple[str, str, float, str]]) -> dict[tuple[str, str], tuple[Fraction, Fraction]]:
    groups: dict[tuple[str, str], list[Fraction]] = collections.defaultdict(list)
    for host, day, x, _ in sorted(rows, key=lambda row: (row[1], row[0])):
        groups[host, day].append(Fraction(x).limit_denominator(1000))
    return {key: (statistics.mean(values), statistics.pvariance(values)) for key, values in groups.items()}


def solve(groups: dict[tuple[str, str], tuple[Fraction, Fraction]]) -> list[float]:
    def split(values: list[float]) -> list[float]:
        if len(values) < 2:
            return values
        middle = len(values) // 2
        left, right = split(values[:middle]), split(values[middle:])
        return [a + b for a, b in zip(left, right)] + left[len(right):] + right[len(left):]

    return split([float(mean) for mean, _ in groups.values()])


def store(values: list[float]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(enumerate(values))
    return json.dumps(list(csv.reader(io.StringIO(text.getvalue()))), indent=1)


end = time.perf_counter() + float(sys.argv[1])
with ThreadPoolExecutor(1, thread_name_prefix="Dask-Default-Threads") as pool:
    seed = 0
    while time.perf_counter() < end:
        value: Any = seed
        for task in (load, clean, join, solve, store):
            value = pool.submit(task, value).result()
        seed += 1
