"""What reading large profiles of other tools takes: time and memory of 10 million samples, and of 500 MB.

    python benchmarks/formats.py [--only speedscope,pprof,collapsed] [--shapes many,deep,moments] [--samples N]

The bar: 30 seconds and 500 MB for each file. ``many`` has that many samples on short stacks, ``deep`` as many megabytes
of stacks about 25 frames deep, ``moments`` is ``many`` with a moment in each sample, as Datadog's have. Each file is
read in a process of its own, at a hundredth, a tenth and the whole of its size. The ratio is the CPU time against that
of ``json.load`` of a list of as many bytes of numbers; the exponent is of growth from a tenth on. Exit status 1: one is
above the bar, or grows faster than n^1.3: there are ten times as many different stacks too, which fit the processor's
caches less and less.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

BAR_SECONDS, BAR_BYTES, BAR_GROWTH = 30.0, 500_000_000, 1.3
AT_ONCE = 20_000
FUNCTIONS = 3_000
DEPTH = {"many": (2, 7), "moments": (2, 7), "deep": (15, 35)}
"""Least and most frames of a stack."""


def make_stacks(shape: str, count: int) -> list[list[int]]:
    """Return different stacks of the numbers of functions, outermost first; neighbours share most of theirs."""
    chance = random.Random(1)
    least, most = DEPTH[shape]
    made: dict[tuple[int, ...], None] = {}
    stack = [0]
    while len(made) < count:
        del stack[max(1, len(stack) - chance.randrange(1, 6)) :]
        depth = chance.randrange(least, most + 1)
        stack += [chance.randrange(1, FUNCTIONS) for _ in range(depth - len(stack))]
        made[tuple(stack)] = None
    return [list(stack) for stack in made]


def draw(stacks: Sequence[bytes], samples: int, most: int, sink: BinaryIO, join: bytes) -> int:
    """Write ``samples`` of the encoded stacks, or what fits into ``most`` bytes; return how many."""
    chance = random.Random(2)
    mean = sum(map(len, stacks)) // len(stacks) + 1
    written = size = 0
    while written < samples and size < most:
        part = chance.choices(stacks, k=min(AT_ONCE, samples - written, (most - size) // mean + 1))
        text = join.join(part)
        sink.write((join if written else b"") + text)
        written += len(part)
        size += len(text)
    return written


def make_speedscope(path: Path, stacks: list[list[int]], samples: int, most: int, shape: str) -> int:
    frames = [{"name": f"function_{n}", "file": f"/srv/app/m{n % 90}.py", "line": n + 1} for n in range(FUNCTIONS)]
    texts = [json.dumps(stack, separators=(",", ":")).encode() for stack in stacks]
    head = {"$schema": "https://www.speedscope.app/file-format-schema.json", "exporter": "py-spy@0.4.3"}
    with path.open("wb") as sink:
        sink.write(
            json.dumps(head).encode()[:-1] + b',"profiles":[{"type":"sampled","name":"Thread 1 \\"MainThread\\"",'
        )
        sink.write(b'"unit":"seconds","startValue":0,"endValue":1,"samples":[')
        written = draw(texts, samples, most, sink, b",")
        sink.write(b'],"weights":[')
        draw([b"0.01", b"0.01", b"0.010012"], written, most, sink, b",")
        sink.write(b']}],"shared":{"frames":' + json.dumps(frames).encode() + b"}}")
    return written


def make_collapsed(path: Path, stacks: list[list[int]], samples: int, most: int, shape: str) -> int:
    names = [f"function_{n} (/srv/app/m{n % 90}.py:{n + 1})" for n in range(FUNCTIONS)]
    if shape == "many":
        names = [f"function_{n}" for n in range(FUNCTIONS)]
    texts = [(";".join(names[n] for n in stack) + f" {7 + at % 50}").encode() for at, stack in enumerate(stacks)]
    with path.open("wb") as sink:
        written = draw(texts, samples, most, sink, b"\n")
        sink.write(b"\n")
    return written


def make_pprof(path: Path, stacks: list[list[int]], samples: int, most: int, shape: str) -> int:
    from whet.formats._protobuf import write_field, write_packed

    strings = [b"", b"cpu", b"nanoseconds", b"thread_id", b"end_timestamp_ns", b"samples", b"count"]
    first = len(strings)
    strings += [f"function_{n}".encode() for n in range(FUNCTIONS)] + [f"/srv/app/m{n}.py".encode() for n in range(90)]
    labels = [write_field(3, write_field(1, 3) + write_field(3, 100 + n)) for n in range(8)]
    bodies = []
    for at, stack in enumerate(stacks):
        values = write_packed(2, [1, 10_000_000 + at % 50])
        bodies.append(write_packed(1, [n + 1 for n in reversed(stack)]) + values + labels[at % 8])
    texts = [write_field(2, body) for body in bodies]
    with path.open("wb") as sink:
        sink.write(write_field(1, write_field(1, 5) + write_field(2, 6)))
        sink.write(write_field(1, write_field(1, 1) + write_field(2, 2)))
        if shape == "moments":
            written = 0
            chance = random.Random(2)
            while written < samples and sink.tell() < most:
                body = bodies[int(chance.random() * len(bodies))]
                moment = write_field(3, write_field(1, 4) + write_field(3, 1_700_000_000_000_000_000 + 7_001 * written))
                sink.write(write_field(2, body + moment))
                written += 1
        else:
            written = draw(texts, samples, most, sink, b"")
        for n in range(FUNCTIONS):
            line = write_field(1, n + 1) + write_field(2, n + 3)
            sink.write(write_field(4, write_field(1, n + 1) + write_field(4, line)))
            names = write_field(2, first + n) + write_field(4, first + FUNCTIONS + n % 90)
            sink.write(write_field(5, write_field(1, n + 1) + names + write_field(5, n + 1)))
        for text in strings:
            sink.write(write_field(6, text))
    return written


MAKERS: dict[str, Callable[[Path, list[list[int]], int, int, str], int]] = {
    "speedscope": make_speedscope,
    "pprof": make_pprof,
    "collapsed": make_collapsed,
}
SHAPES = {"speedscope": ("many", "deep"), "pprof": ("many", "deep", "moments"), "collapsed": ("many", "deep")}


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def read_one(path: Path) -> None:
    """Read a file as `whet report --from` does, and print what that took."""
    from whet.pipeline.foreign.formats import read_profiles

    started = time.process_time()
    _, profiles = read_profiles(path)
    took = time.process_time() - started
    samples = sum(each.count for profile in profiles for each in profile.samples)
    rows = sum(len(profile.stacks) for profile in profiles)
    sys.stdout.write(json.dumps([took, peak_bytes(), samples, rows]))


def load_numbers(size: int) -> None:
    """Load a list of about ``size`` bytes of JSON, and print the CPU time."""
    text = json.dumps([[n % 3_000, n % 700, 7] for n in range(size // 16)])
    started = time.process_time()
    json.loads(text)
    sys.stdout.write(json.dumps([(time.process_time() - started) * size / len(text)]))


def ask(*words: str) -> list[float]:
    done = subprocess.run([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True, check=True)
    found: list[float] = json.loads(done.stdout)
    return found


def measure(form: str, shape: str, asked: argparse.Namespace, folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield a line for each size, and whether it keeps the bar."""
    before = (1, 1.0)
    for part in (100, 10, 1):
        samples = asked.samples // part if shape != "deep" else 10**9
        most = asked.megabytes * 1_000_000 // part if shape == "deep" else 10**12
        path = folder / f"{form}-{shape}"
        stacks = make_stacks(shape, max(100, asked.stacks // part))
        written = MAKERS[form](path, stacks, samples, most, shape)
        size = path.stat().st_size
        took, peak, counted, rows = ask("--read", str(path))
        path.unlink()
        # A twentieth of the text is enough to know the rate, and lets the peer keep to this machine's memory.
        peer = ask("--numbers", str(min(size, 25_000_000)))[0] * max(1, size / 25_000_000)
        grows = math.log(took / before[1]) / math.log(written / before[0])
        before = (written, took)
        fits = took <= BAR_SECONDS and peak <= BAR_BYTES and (part > 1 or grows <= BAR_GROWTH)
        line = f"{form:10} {shape:8} {written:>11,} samples {size / 1e6:6.0f} MB {rows:>9,.0f} rows "
        line += f"{took:6.2f} s {peak / 1e6:4.0f} MB {took / peer:6.2f} of json.loads"
        yield line + (f"  time ^{grows:.2f}" if part == 1 else "") + ("" if fits else "  ABOVE THE BAR"), fits
        if form != "collapsed" and counted < written:
            yield f"only {counted:,.0f} samples were read", False


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default=",".join(MAKERS))
    parser.add_argument("--shapes", default="many,deep,moments")
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--stacks", type=int, default=100_000, help="different stacks of the largest file")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--numbers", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read:
        read_one(asked.read)
        return 0
    if asked.numbers:
        load_numbers(asked.numbers)
        return 0
    keeps = True
    with tempfile.TemporaryDirectory() as name:
        for form in asked.only.split(","):
            for shape in SHAPES[form]:
                if shape in asked.shapes.split(","):
                    for line, fits in measure(form, shape, asked, Path(name)):
                        print(line, flush=True)
                        keeps &= fits
    return 0 if keeps else 1


if __name__ == "__main__":
    sys.exit(main())
