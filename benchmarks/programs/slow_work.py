"""Small programs with one slow habit each, next to other work: ``python slow_work.py NAME N``. See `estimates.py`."""

from __future__ import annotations

import copy
import json
import re
import sys
from dataclasses import asdict, dataclass


def other_work(n):
    """Something that no advice is about, and which takes a part of the time."""
    total = 0
    for i in range(n):
        total = (total * 31 + i) % 10007
    return total


def membership(n):
    wanted = [f"key{i}" for i in range(300)]
    found = 0
    for i in range(n):
        if f"key{i % 600}" in wanted:
            found += 1
    return found, other_work(5 * n)


def joined(n):
    names = [f"name {i}" for i in range(n)]
    text = ""
    for name in names:
        text += name.upper() + ","
    return len(text), other_work(n)


def pattern(n):
    found = 0
    for i in range(n):
        if re.match(r"(\d+)-(\w+)", f"{i}-word"):
            found += 1
    return found, other_work(n)


def queue(n):
    todo = list(range(n))
    total = 0
    while todo:
        total += todo.pop(0)
    return total, other_work(10 * n)


def copies(n):
    template = {"name": "x", "tags": ["a", "b"], "size": 3}
    made = 0
    for i in range(n):
        each = copy.deepcopy(template)
        each["size"] = i
        made += len(each["tags"])
    return made, other_work(20 * n)


@dataclass
class Point:
    x: int
    y: int
    name: str


def dicts(n):
    points = [Point(i, i, "p") for i in range(n)]
    rows = []
    for point in points:
        rows.append(asdict(point))
    return len(rows), other_work(10 * n)


def lists(n):
    total = 0
    for _ in range(n // 1000):
        squares = []
        for i in range(1000):
            squares.append(i * i)
        total += len(squares)
    return total, other_work(n // 2)


def weight(word):
    total = 0
    for k in range(100):
        total = (total * 31 + k * len(word)) % 10007
    return total


def cached(n):
    words = [f"word{i % 50}" * (i % 7 + 1) for i in range(n)]
    total = 0
    for word in words:
        total += weight(word)
    return total, other_work(20 * n)


def sorting(n):
    scores = [(i * 7919) % 10007 for i in range(n)]
    best = 0
    for i in range(0, n, 50):
        best += sorted(scores[i : i + 5000])[0]
    return best, other_work(20 * n)


def lookups(n):
    counts = {}
    for i in range(n):
        key = i % 997
        if key in counts.keys():
            counts[key] += 1
        else:
            counts[key] = 1
    return len(counts), other_work(n // 2)


def starts(n):
    lines = [f"{'http' if i % 3 else 'ftp'}://host/{i}" for i in range(n)]
    found = 0
    for line in lines:
        if line.startswith("http") or line.startswith("ftps") or line.startswith("file"):
            found += 1
    return found, other_work(n)


def joins(n):
    left = [{"id": i, "name": str(i)} for i in range(n)]
    right = [{"id": i * 2, "size": i} for i in range(n)]
    pairs = []
    for a in left:
        for b in right:
            if a["id"] == b["id"]:
                pairs.append((a["name"], b["size"]))
    return len(pairs), other_work(100 * n)


def flattened(n):
    groups = [[i] * 10 for i in range(n)]
    return len(sum(groups, [])), other_work(50 * n)


def fibonacci(n):
    def ignored(k):
        return k

    return steps(n), other_work(200_000), ignored(n)


def steps(n):
    if n < 2:
        return n
    return steps(n - 1) + steps(n - 2)


def counted(n):
    words = [f"w{i % 500}" for i in range(n)]
    distinct = []
    for word in words:
        if word not in distinct:
            distinct.append(word)
    return len(distinct), other_work(10 * n)


def encoded(n):
    texts = [json.dumps({"a": i, "b": [i, i + 1], "c": str(i)}) for i in range(n)]
    total = 0
    for text in texts:
        total += json.loads(json.dumps(json.loads(text)))["a"]
    return total, other_work(n)


def prefixes(n):
    total = 0
    for i in range(n):
        line = f"field{i}: value{i}"
        name = line.split(":")[0]
        total += len(name)
    return total, other_work(n)


def removed(n):
    kept = [f"item{i}" for i in range(n)]
    for i in range(0, n, 3):
        kept.remove(f"item{i}")
    return len(kept), other_work(40 * n)


def minimum(n):
    values = [(i * 7919) % 100_003 for i in range(2000)]
    total = 0
    for i in range(n):
        total += sorted(values)[0] + i
    return total, other_work(50 * n)


def ranges(n):
    rows = list(range(1000))
    total = 0
    for _ in range(n):
        for i in range(len(rows)):
            total += rows[i]
    return total, other_work(300 * n)


if __name__ == "__main__":
    print(globals()[sys.argv[1]](int(sys.argv[2])))
