"""Programs whose cost grows in a known way: ``python growing_work.py NAME N`` calls the function NAME.

Loops count without numbers: those above 256 are allocated and cost more, which would be a growth of its own.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
import time
from itertools import repeat


def constant(n):
    total = n
    for _ in repeat(None, 3_000_000):
        total ^= 1
    return total


def log(n):
    total = 0
    for _ in range(30_000):
        low, high = 0, n
        while low < high:  # a binary search for the end
            middle = (low + high) // 2
            total += 1
            low = middle + 1
    return total


def linear(n):
    total = 0
    for i in range(n):
        total ^= i & 1
    return total


def n_log_n(n):
    return merge_sort([(i * 7919) % 1_000_003 for i in range(n)])


def merge_sort(values):
    # One function on the stack, whatever the depth: runs are merged from below.
    width = 1
    while width < len(values):
        merged = []
        for start in range(0, len(values), 2 * width):
            left, right = start, start + width
            middle, end = min(right, len(values)), min(right + width, len(values))
            right = middle
            while left < middle or right < end:
                if right >= end or (left < middle and values[left] <= values[right]):
                    merged.append(values[left])
                    left += 1
                else:
                    merged.append(values[right])
                    right += 1
        values = merged
        width *= 2
    return values


def n_to_1_5(n):
    total = 0
    step = round(n**0.5)
    for _ in repeat(None, n):
        for _ in repeat(None, step):
            total ^= 1
    return total


def quadratic(n):
    seen = []
    for i in range(n):
        if i not in seen:
            seen.append(i)
    return seen


def cubic(n):
    total = 0
    for _ in repeat(None, n):
        for _ in repeat(None, n):
            for _ in repeat(None, n):
                total ^= 1
    return total


def two_phases(n):
    return linear(n * 300), quadratic(n)


def two_parameters(n):
    total = 0
    for _ in repeat(None, n):
        for _ in repeat(None, 400):  # the other parameter, which does not grow
            total ^= 1
    return total


class Colliding:
    def __init__(self, number):
        self.number = number

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return self.number == other.number


def collisions(n):
    return {Colliding(i) for i in range(n)}


class Text:
    def __init__(self):
        self.text = ""


def string_growth(n):
    # In an attribute each step copies all of it: 1 kB a step.
    holder = Text()
    piece = "x" * 1000
    for _ in range(n):
        holder.text += piece
    return holder


def nearly_sorted(n):
    values = list(range(n))
    total = 0
    for _ in range(100):
        values[n // 3], values[n // 2] = values[n // 2], values[n // 3]
        values.sort()
        total += values[0]
    return total


def memo(n):
    known = {}

    def ways(i, j):
        if (i, j) not in known:
            known[i, j] = 1 if not i or not j else (ways(i - 1, j) + ways(i, j - 1)) % 1_000_007
        return known[i, j]

    sys.setrecursionlimit(100_000)
    for i in range(n):
        for j in range(40):
            ways(i, j)
    return ways(n - 1, 39)


def amortised(n):
    values = []
    for i in range(n):
        values.append(i)
        if len(values) % 1000 == 0:
            len(values)
    return values


def io_bound(n):
    with tempfile.TemporaryFile() as file:
        for _ in range(n):
            os.write(file.fileno(), b"x" * 100)
            time.sleep(0.0005)


def threads(n):
    started = [threading.Thread(target=linear, args=(n // 4,)) for _ in range(4)]
    for each in started:
        each.start()
    for each in started:
        each.join()


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
