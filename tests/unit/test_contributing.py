"""The examples of CONTRIBUTING.md work as they stand there."""

from __future__ import annotations

import importlib.util
import io
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from whet.engine.loading import read_rule_module
from whet.engine.run import find_findings
from whet.errors import FormatError
from whet.model.finding import Finding
from whet.model.frame import Owner
from whet.model.hotspot import Cost, FunctionSpot, Hotspots
from whet.model.metric import Metric
from whet.model.run import Interpreter, Run, SourceFile
from whet.plugins import Group
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec
from whet.report.view import build_view

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^### (A [^\n]+)$.*?^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def _load(title: str, folder: Path) -> ModuleType:
    path = folder / f"{title.removeprefix('A ').replace(' ', '_')}.py"
    path.write_text(EXAMPLES[title], encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_kind_of_plugin_has_an_example() -> None:
    assert set(EXAMPLES) == {"A collector", "A profile format", "A rule", "A renderer"}
    assert all(f'[project.entry-points."{group.value}"]' in PAGE for group in Group)


def test_examples_keep_to_the_style(tmp_path: Path) -> None:
    """Linted and formatted as a file of the project's would be; types are checked where mypy is installed."""
    pytest.importorskip("ruff", reason="ruff comes with the lint extra")
    for title, code in EXAMPLES.items():
        for words in (["check", "--stdin-filename", "src/whet/example.py", "-"], ["format", "--check", "-"]):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *words],
                input=code,
                capture_output=True,
                text=True,
                cwd=ROOT,
                check=False,
            )
            assert done.returncode == 0, f"{title}: {done.stdout}{done.stderr}"


def test_examples_fit_the_seams(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy comes with the lint extra")
    promises = {
        "A collector": ("GilCollector", "whet.collect.api", "Collector"),
        "A profile format": ("Collapsed", "whet.formats.api", "ProfileFormat"),
        "A renderer": ("CsvRenderer", "whet.report.api", "Renderer"),
    }
    files = []
    for number, (title, code) in enumerate(EXAMPLES.items()):
        file = tmp_path / f"example_{number}.py"
        made, module, protocol = promises.get(title, ("", "", ""))
        check = f"\nimport {module}\n\nPROMISE: {module}.{protocol} = {made}()\n" if made else ""
        file.write_text(code + check, encoding="utf-8")
        files.append(str(file))
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *files], capture_output=True, text=True, cwd=ROOT, check=False
    )
    told = [line for line in done.stdout.splitlines() if "example_" in line]
    assert not told, done.stdout + done.stderr
    assert "checked 4 source files" in done.stdout or "no issues found" in done.stdout, done.stdout + done.stderr


def test_collector_example(tmp_path: Path) -> None:
    collector = _load("A collector", tmp_path).GilCollector()
    spec = TargetSpec(TargetKind.SCRIPT, "app.py")
    launch = collector.launch(spec, tmp_path)
    assert all("{pid}" in command for command in launch.attach)
    assert len(launch.attach) == 1
    assert dict(launch.captures) == {"pyspy-raw": tmp_path / "gil.txt"}
    assert collector.missing(TargetHost(Interpreter(sys.executable, "3.13.0"), (3, 13, 0), "cpython-313")) in (
        None,
        _load("A collector", tmp_path).Missing("py-spy is not on PATH", "pip install py-spy"),
    )


def test_format_example(tmp_path: Path) -> None:
    collapsed = _load("A profile format", tmp_path).Collapsed()
    text = b"main;work 3\nmain 1\nmain;work;deep 2\n"
    (profile,) = collapsed.read(io.BytesIO(text))
    assert [frame.name for frame in profile.frames] == ["main", "work", "deep"]
    assert list(profile.stacks.parent) == [-1, 0, 1]
    (samples,) = profile.samples
    assert (samples.metric, samples.count, list(samples.value)) == (Metric.CPU, 6, [30_000_000, 10_000_000, 20_000_000])
    sink = io.BytesIO()
    collapsed.write(profile, sink)
    assert sink.getvalue() == text
    for hostile in (b"no count\n", b"a;b\n", b"a \xb2\n", b"a -1\n", b"a " + b"9" * 5000 + b"\n"):
        with pytest.raises(FormatError, match="line 1"):
            list(collapsed.read(io.BytesIO(hostile)))


def _find(module: ModuleType, code: str, *, hot: bool) -> tuple[Finding, ...]:
    source = SourceFile("/app.py", "app.py", "", code)
    lines = {"/app.py": frozenset(range(1, code.count("\n") + 2))}
    rule = read_rule_module(module, "an example")
    findings, notices = find_findings({"/app.py": source}, [rule], lines if hot else None)
    assert not notices
    return findings


def test_rule_example(tmp_path: Path) -> None:
    module = _load("A rule", tmp_path)
    for case in module.CASES:
        assert len(_find(module, case.before, hot=case.hot)) == 1
        assert not _find(module, case.after, hot=True)
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        exec(case.before, before)
        exec(case.after, after)
        for inputs in case.inputs:
            assert before[case.call](*eval(inputs)) == after[case.call](*eval(inputs))
    for refuse in module.REFUSE:
        assert not _find(module, refuse.code, hot=True)


def test_renderer_example(tmp_path: Path) -> None:
    renderer = _load("A renderer", tmp_path).CsvRenderer()
    run = Run("0", ("python", "app.py"), "2026-01-01T00:00:00+00:00", "/", "/", Interpreter(sys.executable, "3.13.0"))
    cost = Cost(attributed_ns=1_500_000_000, spent_share=0.75, samples=150)
    spots = tuple(FunctionSpot("/app.py", name, 1, 2, Owner.USER, cost) for name in ("work", "=cmd()"))
    hotspots = Hotspots(busy_ns=2_000_000_000, cpu_ns=2_000_000_000, samples=200, functions=spots)
    sink = io.BytesIO()
    renderer.render(build_view(run, hotspots), sink)
    head, first, second = sink.getvalue().decode().splitlines()
    assert head == "function,seconds,share of the run"
    assert first == "work,1.5,0.75"
    assert second.startswith("'=cmd()")
