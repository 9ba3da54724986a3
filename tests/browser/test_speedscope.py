"""What whet writes, opened in speedscope itself: the functions and times that it shows are those that were measured."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.unit.formats.test_round_trips import PROFILE, write

from whet.formats.api import ProfileFormat
from whet.formats.chrome import Chrome
from whet.formats.collapsed import Collapsed
from whet.formats.frame_text import write_frame
from whet.formats.pprof import Pprof
from whet.formats.speedscope import Speedscope
from whet.model.metric import Metric
from whet.model.profile import Samples

pytestmark = pytest.mark.browser
PACKAGE = "speedscope-1.25.0"
SHA256 = "2831f1e0d26df914b477e522d78b8485511495a6af81a0b88158f8b48f9e0d03"
UNITS = {"": 1, "ns": 1, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "B": 1, "KB": 1024, "MB": 1024**2}
Shown = dict[str, tuple[float, float]]
"""Total and own value of each function."""


@pytest.fixture(scope="module")
def viewer() -> Path:
    """Return speedscope's page, fetched once; where it cannot be, there is nothing to open the files in."""
    folder = Path(os.environ["WHET_TESTS_CACHE"]) / PACKAGE
    page = folder / "package/dist/release/index.html"
    if page.is_file():
        return page
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("Node is not here: without npm there is no speedscope")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="speedscope-") as name:
        words = [
            npm,
            "pack",
            PACKAGE.replace("-", "@"),
            "--loglevel=error",
            "--fetch-retries=0",
            "--pack-destination",
            name,
        ]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=name)
        except subprocess.TimeoutExpired:
            pytest.skip("npm could not fetch speedscope in a minute")
        archive = Path(name, f"{PACKAGE}.tgz")
        if done.returncode or not archive.is_file():
            pytest.skip(f"npm could not fetch speedscope: {done.stderr.strip()[:200]}")
        assert hashlib.sha256(archive.read_bytes()).hexdigest() == SHA256
        with tarfile.open(archive) as packed:
            packed.extractall(Path(name, "unpacked"), filter="data")
        # A test beside this one may have been quicker.
        if not folder.exists():
            Path(name, "unpacked").rename(folder)
    return page


def add_up(samples: Iterable[Samples], *, threads: bool = False) -> Shown:
    """Return total and own value of each function; recursion counts once."""
    totals: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for each in samples:
        thread = PROFILE.threads[each.thread]
        roots = [f"thread ({thread.tid}): {thread.name}", f'process {thread.pid}:"{thread.process}"'] if threads else []
        for row, value in zip(each.stack, each.value, strict=True):
            frames = [PROFILE.frames[PROFILE.stacks.frame[at]] for at in PROFILE.stacks.walk(row)]
            names = [write_frame(frame).replace(";", ":") if threads else frame.name for frame in frames]
            own[names[0]] += value
            totals.update(dict.fromkeys([*names, *roots], value))
    return {name: (totals[name], own[name]) for name in totals}


CPU = [each for each in PROFILE.samples if each.metric is Metric.CPU]
TIMES = [each for each in PROFILE.samples if each.metric in {Metric.CPU, Metric.WAITING}]
CASES: list[tuple[ProfileFormat, list[Shown]]] = [
    (Speedscope(), [add_up([each]) for each in PROFILE.samples]),
    (Pprof(), [add_up(CPU)]),
    (Collapsed(), [add_up(CPU, threads=True)]),
    (Chrome(), [add_up(each for each in TIMES if each.thread == thread) for thread in (0, 1)]),
]


def read_table(text: str) -> Shown:
    """Return what the table of functions shows: total with its part, own value with its part, name."""
    # Of a trace it shows the arguments of an event after its name.
    rows = re.sub(r' \{"file":.*\}$', "", text.partition("Symbol Name\n")[2], flags=re.MULTILINE)
    value = r"([\d,.]+) ?([a-zA-Zµμ]*) \([<\d.]+%\)\s+"
    found = re.findall(rf"{value}{value}(.+)", rows)
    return {
        name.strip(): (float(a.replace(",", "")) * UNITS[unit_a], float(b.replace(",", "")) * UNITS[unit_b])
        for a, unit_a, b, unit_b, name in found
    }


@pytest.mark.parametrize(
    ("form", "wanted"),
    [pytest.param(*case, id=case[0].name, marks=pytest.mark.slow if case is not CASES[0] else ()) for case in CASES],
)
def test_speedscope_shows_the_functions_and_their_times(viewer, open_file, tmp_path, form, wanted):
    script = tmp_path / "profile.js"
    data = base64.b64encode(write(form)).decode()
    script.write_text(f"speedscope.loadFileFromBase64({json.dumps('run.' + form.name)}, {json.dumps(data)})")
    page = open_file(f"{viewer.as_uri()}#localProfilePath={script}")
    page.get_by_text("Sandwich").click()
    shown = []
    for number in range(1, len(wanted) + 1):
        if len(wanted) > 1:
            page.wait_for_function(f"document.body.innerText.includes('({number}/{len(wanted)})')")
        page.wait_for_function("document.body.innerText.includes('Symbol Name')")
        shown.append(read_table(page.inner_text("body")))
        page.keyboard.press("n")
    assert len(shown) == len(wanted)
    for each in wanted:
        # Two digits behind the point are shown, and events of a trace have three.
        assert [
            table
            for table in shown
            if table.keys() == each.keys()
            and all(table[name] == pytest.approx(each[name], rel=0.01, abs=5_000) for name in each)
        ], (each, shown)
