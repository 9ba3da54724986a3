"""Containers made and dropped, some in cycles: what the garbage collector runs often for."""

import pyperf


class Node:
    def __init__(self, before):
        self.before = before
        self.after = []


def grow():
    kept = [[number, {}] for number in range(20_000)]
    for _ in range(20):
        before = None
        for number in range(2_000):
            node = Node(before)
            if before is not None:
                before.after.append(node)
            kept[number] = [number, {"node": number}]
            before = node
    return len(kept)


if __name__ == "__main__":
    pyperf.Runner().bench_func("allocations", grow)
