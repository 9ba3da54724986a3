#!/usr/bin/env bash
# One would think: line_profiler costs what the registered functions cost; a module that is only imported, and of which
# nothing is registered, costs next to nothing.
# What happens: on CPython 3.12 and 3.13 line_profiler turns LINE events on for all code (sys.monitoring, global events).
# A module whose body is one table of many lines then takes time that grows with the square of its lines, although no
# function of it is registered. On 3.14 it does not.
# Seen with line_profiler 5.1.0 on CPython 3.13.0, Linux; CPython 3.14.10 took no longer than plainly.
set -euo pipefail
python=${PYTHON:-python3.13}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check line_profiler==5.1.0
cd "$folder"
venv/bin/python - <<'PY'
import sys
import time

from line_profiler import LineProfiler


def registered():
    return 1


def write(lines):
    name = f"table_{lines}"
    with open(f"{name}.py", "w") as file:
        file.write("TABLE = [\n" + "".join(f"    len('{line}'),\n" for line in range(lines)) + "]\n")
    return name


def load(name):
    began = time.process_time()
    __import__(name)
    return time.process_time() - began


sys.path.insert(0, ".")
for size in (5_000, 10_000, 20_000):
    load(write(size))
    sys.modules.pop(f"table_{size}")
plain = {size: load(f"table_{size}") for size in (5_000, 10_000, 20_000)}
for size in plain:
    sys.modules.pop(f"table_{size}")
profiler = LineProfiler(registered)
profiler.enable()
traced = {size: load(f"table_{size}") for size in plain}
profiler.disable()
for size in plain:
    print(f"{size:6} lines: plain {plain[size]:.4f} s, one unrelated function registered {traced[size]:.3f} s")
growth = traced[20_000] / traced[5_000]
print(f"four times the lines: {growth:.1f} times the time, on Python {sys.version.split()[0]}")
assert growth > 8, "it grows with the lines now"
assert traced[20_000] > 20 * plain[20_000], "it costs next to nothing now"
PY
