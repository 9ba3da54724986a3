"""What whet is given, at a size: runs to report, captures to read, sources to check, stores to look into."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile

MS = 1_000_000
PLAIN = "def f(values):\n    total = 0\n    for value in values:\n        total += value * 2\n    return total\n\n\n"
FOUND = "def g(rows):\n    out = []\n    for row in rows:\n        out.append(row.strip())\n    return out\n\n\n"
SAMPLES_A_STACK = 10


@dataclass(frozen=True)
class Growth:
    """What grows: the sizes, and what is done with one."""

    sizes: Sequence[int]
    work: Callable[[int], None]


def make_run(functions: int, *, depth: int = 1, threads: int = 1, processes: int = 1) -> Run:
    """Return a run with ``functions`` places of one line each, in files of 100, on stacks ``depth`` deep."""
    body = "def f{0}(x):\n    return x + {0}\n"
    files = [f"/project/m{n}.py" for n in range(-(-functions // 100))]
    text = {file: "".join(body.format(100 * n + i) for i in range(100)) for n, file in enumerate(files)}
    frames = [
        Frame(files[n // 100], f"f{n}", 2 * (n % 100) + 2, 2 * (n % 100) + 1, Owner.USER) for n in range(functions)
    ]
    parent, frame = [], []
    for number in range(functions):
        parent.append(len(parent) - 1 if number % depth else ROOT)
        frame.append(number)
    made = tuple(Thread(process + 1, thread + 1) for process in range(processes) for thread in range(threads))
    samples = tuple(
        Samples(Metric.CPU, number, range(len(frame)), [MS] * len(frame), len(frame)) for number in range(len(made))
    )
    total = functions * len(made) * MS
    profile = Profile("py-spy", frames, StackTable(parent, frame), made, samples, period_ns=MS, ticks=functions)
    return Run(
        "scale", ("m0.py",), "2024-01-01T00:00:00+00:00", "/project", "/project", Interpreter("python", "3.13.0"),
        executions=(Execution(Purpose.TIME, ("py-spy",), total, total, 0),),
        profiles=(profile,),
        sources={file: SourceFile(file, Path(file).name, "", text[file], Owner.USER) for file in files},
    )  # fmt: skip


def report(run: Run) -> None:
    """Merge a run and render it."""
    from whet.pipeline.advise.show import find_renderer, render, show

    shown = show(run)
    for form in ("html", "json", "terminal"):
        render(shown, find_renderer(form), io.BytesIO())


def read_samples(count: int) -> None:
    """Read py-spy's capture of so many samples, a tenth as many stacks of five frames, and merge it."""
    from whet.formats.pyspy_raw import PySpyRaw
    from whet.merge.align import align_profile
    from whet.merge.hotspots import merge_run
    from whet.merge.ownership import Ownership

    with tempfile.TemporaryFile() as file:
        for number in range(count // SAMPLES_A_STACK):
            frames = ";".join(f"f{number // 10**at % 10} (/project/m{at}.py:{at + 1})" for at in range(4, -1, -1))
            file.write(f'process 1:"python a.py";thread (1): MainThread;{frames} {SAMPLES_A_STACK}\n'.encode())
        file.seek(0)
        (profile,) = PySpyRaw().read(file)
    ownership = Ownership(project="/project")
    merge_run(
        Run(
            "scale", ("a.py",), "2024-01-01T00:00:00+00:00", "/project", "/project", Interpreter("python", "3.13.0"),
            executions=(Execution(Purpose.TIME, ("py-spy",), count * MS, count * MS, 0),),
            profiles=(align_profile(profile, {}, ownership),),
        )
    )  # fmt: skip


def check(files: int, lines: int, text: str) -> None:
    """Check ``files`` files of about ``lines`` lines of ``text`` in this process."""
    from whet.engine.files import examine_files
    from whet.engine.loading import load_rules

    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name, f"m{number}.py") for number in range(files)]
        for path in paths:
            path.write_text(text * (lines // text.count("\n")), encoding="utf-8")
        examined = examine_files(paths, load_rules(), root=Path(name), workers=1)
        found = sum(len(each.findings) for each in examined)
    expected = files * (lines // text.count("\n")) if text is FOUND else 0
    assert found == expected, f"{found} findings instead of {expected}"


def keep_runs(count: int) -> None:
    """Save runs into a store that holds ``count``, list them and find one."""
    from whet import store

    store.KEPT = 10**9
    with tempfile.TemporaryDirectory() as name:
        run, home = make_run(10), Path(name)
        data = store.save_run(run, home).path.read_bytes()
        for number in range(count):
            folder = home / ".whet" / "runs" / f"20200101-{number // 1000:06}-{number % 1000:03}-old"
            folder.mkdir()
            (folder / store.RUN_FILE).write_bytes(data)
        for _ in range(20):
            store.save_run(run, home)
        store.find_run("20200101-000000-000", home)


GROWTHS = {
    "samples": Growth((10_000, 100_000, 1_000_000, 10_000_000), read_samples),
    "places": Growth((500, 2_000, 8_000, 50_000), lambda n: report(make_run(n))),
    "deep stacks": Growth((200, 1_000, 5_000, 20_000), lambda n: report(make_run(n, depth=n))),
    "threads reported": Growth((2, 10, 50, 200), lambda n: report(make_run(200, threads=n))),
    "processes reported": Growth((1, 10, 40, 100), lambda n: report(make_run(200, processes=n))),
    "lines checked": Growth((2_000, 8_000, 30_000, 120_000), lambda n: check(n // 500, 500, PLAIN)),
    "functions in one file": Growth((70, 280, 1_100, 4_400), lambda n: check(1, 7 * n, PLAIN)),
    "findings": Growth((100, 400, 1_600, 10_000), lambda n: check(1, 7 * n, FOUND)),
    "runs in the store": Growth((20, 80, 400, 2_000), keep_runs),
}
"""What is grown, the last size the largest that is to be borne, but for lines, of which 3 million take too long."""
