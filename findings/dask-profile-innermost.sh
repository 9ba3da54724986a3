#!/usr/bin/env bash
# One would think: Dask's profile of its workers (the dashboard's page, `performance_report`, `Client.profile()`) shows
# the function in which the time is spent, as other flame graphs do.
# What happens: the worker adds a sample to the callers on a stack only. The function that was running gets a node whose
# count stays 0, and the picture leaves out nodes without a count. A task that computes in its own body is not to be seen
# in it: all of its time stands at Dask's `__call__`, which called it. One function further out is what the picture shows
# as the innermost, and what seems to be its own time is that of functions that it called.
# Seen with distributed 2026.8.0 on CPython 3.11.7, Linux.
set -euo pipefail
python=${PYTHON:-python3.11}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check distributed==2026.8.0
cd "$folder"
cat >job.py <<'PY'
import sys

from distributed import Client, LocalCluster
from distributed.profile import plot_data


def crunch(rounds):
    total = 0
    for number in range(rounds):
        total += number * number % 7
    return total


def find(node, name):
    """Return the counts of all nodes of that name."""
    found = [each["count"] for each in node["children"].values() if each["description"]["name"] == name]
    return found + [count for each in node["children"].values() for count in find(each, name)]


if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.submit(crunch, 15_000_000).result()
        tree = client.profile()
    shown = plot_data(tree)["name"]
    counts = find(tree, "crunch")
    print(f"{tree['count']} samples; counts of `crunch`, the only function that computes: {counts}")
    print(f"functions in the picture: {', '.join(filter(None, shown))}; Python {sys.version.split()[0]}")
    assert tree["count"] >= 5, "too few samples to say anything"
    assert counts and not any(counts), "the running function is counted now"
    assert "crunch" not in shown, "the running function is shown now"
PY
venv/bin/python job.py
