#!/usr/bin/env bash
# One would think: a statistical profiler with an interval of 1 ms takes about 500 samples of a loop that computes for half
# a second, and the lines of its session are those that the loop was at.
# What happens: pyinstrument looks at the stack when a function is called or returns and the interval is over. A loop
# without calls is one sample, with all of its time, at the line where the function returns or makes its next call. Times
# of functions are right, those of lines are not, and the number of samples says nothing about how sure they are. A loop
# of the same length that calls a function gets its samples.
# Seen with pyinstrument 5.1.3, CPython 3.11.7, 3.13.0 and 3.14.10, Linux.
set -euo pipefail
python=${PYTHON:-python3.13}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$python" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check pyinstrument==5.1.3
cat > program.py <<'PY'
import sys
import time

import pyinstrument

SECONDS = 0.5


def without_calls(count):
    total = 0
    for number in range(count):
        total += number * number % 7
    return total


def square(number):
    return number * number % 7


def with_calls(count):
    total = 0
    for number in range(count):
        total += square(number)
    return total


def last_line(function):
    return max(line for _, _, line in function.__code__.co_lines() if line)


def sample(function, count):
    profiler = pyinstrument.Profiler(interval=0.001)
    profiler.start()
    function(count)
    session = profiler.stop()
    found = {}
    for stack, seconds in session.frame_records:
        for frame in stack:
            name, _, rest = frame.partition("\0")
            if name == function.__name__:
                line = int(rest.partition("\x01l")[2].partition("\x01")[0])
                samples, time = found.get(line, (0, 0.0))
                found[line] = samples + 1, time + seconds
    return found


def fit(function):
    began, count = time.perf_counter(), 20_000
    function(count)
    return int(count * SECONDS / (time.perf_counter() - began))


print(sys.version.split()[0], "pyinstrument", pyinstrument.__version__)
plain, calling = sample(without_calls, fit(without_calls)), sample(with_calls, fit(with_calls))
for name, found in (("without calls", plain), ("with calls", calling)):
    print(name, {line: f"{samples} samples, {seconds:.2f} s" for line, (samples, seconds) in found.items()})
assert list(plain) == [last_line(without_calls)], plain
assert plain[last_line(without_calls)][0] == 1, plain
assert sum(samples for samples, _ in calling.values()) > 20, calling
PY
env/bin/python program.py
