"""What CONTRIBUTING.md and docs/architecture.md say of the code holds, and the pages do not contradict one another.

The examples are run through the contract suites by ``tests/packaging/test_examples.py``.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

from whet.errors import FormatError
from whet.model.metric import Metric
from whet.pipeline.rules.new_rule import write_new_rule
from whet.report.fakes import make_advice, make_hotspots, make_run
from whet.report.view import build_view

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"`((?:src|rules|templates|tests|docs|benchmarks|fixtures)/[\w./-]*)`")
DEFINED = re.compile(r"\| `(src/[\w/.]+\.py)` \| `(\w+)(?:\(\))?`")
MOST_SHAPES = 8


def load(stem: str, folder: Path) -> ModuleType:
    """Import the example whose file is ``stem``."""
    (code,) = re.findall(rf"^`\S+/{stem}\.py`:\n\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    path = folder / f"{stem}.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_format_example(tmp_path: Path) -> None:
    folded = load("folded", tmp_path).Folded()
    text = b"folded stacks 1\nmain;work 3\nmain 1\nmain;work;deep 2\n"
    assert folded.recognizes(text)
    assert not folded.recognizes(text[1:])
    (profile,) = folded.read(io.BytesIO(text.replace(b"work 3", b"work 1") + b"main;work 2\n"))
    assert [frame.name for frame in profile.frames] == ["main", "work", "deep"]
    assert list(profile.stacks.parent) == [-1, 0, 1]
    (samples,) = profile.samples
    assert (samples.metric, samples.count, list(samples.value)) == (Metric.CPU, 6, [30_000_000, 10_000_000, 20_000_000])
    sink = io.BytesIO()
    folded.write(profile, sink)
    assert sink.getvalue() == text
    for hostile in (b"no count\n", b"a;b\n", b"a \xb2\n", b"a -1\n", b"a " + b"9" * 5000 + b"\n"):
        with pytest.raises(FormatError, match="line 2"):
            list(folded.read(io.BytesIO(b"folded stacks 1\n" + hostile)))


def test_renderer_example_writes_no_formula(tmp_path: Path) -> None:
    sink = io.BytesIO()
    view = build_view(make_run(), make_hotspots(), make_advice())
    load("tsv_table", tmp_path).TsvRenderer().render(view, sink)
    head, first, *_ = sink.getvalue().decode().splitlines()
    assert head == "kind\tname\tplace\tshare of the run\tseconds"
    assert first == "function\tLedger.seen\tshop/ledger.py:21\t0.412\t1.28544"
    write_cell = load("tsv_table", tmp_path)._write_cell
    assert [write_cell(text) for text in ("=cmd()", " =cmd()", "\t=x", "x=1")] == [
        "'=cmd()",
        "' =cmd()",
        "\\t=x",
        "x=1",
    ]


def test_the_rule_is_the_one_that_a_new_rule_starts_from(tmp_path: Path) -> None:
    written = write_new_rule("sorted-list", tmp_path).read_text("utf-8")
    assert written in [code for language, code in BLOCK.findall(PAGE) if language == "python"]


def test_each_rule_of_the_pages_has_a_slug_of_its_own() -> None:
    slugs = re.findall(r'^    slug="([a-z-]+)",$', "".join(path.read_text("utf-8") for path in DOCUMENTS), re.MULTILINE)
    built_in = {path.stem.replace("_", "-") for path in (ROOT / "rules" / "whet_rules").glob("*.py")}
    assert len(slugs) >= 2
    assert len(set(slugs)) == len(slugs)
    assert not built_in & set(slugs)


@pytest.mark.parametrize("text", [PAGE, ARCHITECTURE], ids=["CONTRIBUTING", "architecture"])
def test_paths_exist(text: str) -> None:
    named = {path for path in PATH.findall(BLOCK.sub("", text)) if not (ROOT / path).exists()}
    examples = {path for path in named if f"`{path}`:\n\n```python\n" in text}
    assert named - examples == set()


def test_folders_of_the_layout_exist() -> None:
    (layout,) = (code for _, code in BLOCK.findall(PAGE) if code.startswith("src/whet/\n"))
    folders = re.findall(r"^  (\w+)/  |  (\w+)/   ", layout, re.MULTILINE)
    missing = [name for pair in folders for name in pair if name and not list((ROOT / "src/whet").rglob(name))]
    assert not missing


@pytest.mark.parametrize("text", [PAGE, ARCHITECTURE], ids=["CONTRIBUTING", "architecture"])
def test_named_functions_and_fields_are_in_the_files_named(text: str) -> None:
    found = DEFINED.findall(text)
    assert found
    for path, name in found:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        names = {
            getattr(node, "name", "")
            or getattr(node, "attr", "")
            or getattr(node, "arg", "")
            or getattr(node, "id", "")
            for node in ast.walk(tree)
        }
        assert name in names, f"{path} has no {name}"


def test_walks_are_short() -> None:
    walks = re.findall(r"^(?:\| \d+ \|.*\n)+", ARCHITECTURE, re.MULTILINE)
    assert len(walks) == 2
    assert all(0 < len(walk.splitlines()) <= MOST_SHAPES for walk in walks)


def test_pictures_are_drawn_from_their_text() -> None:
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "docs" / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    pictures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pictures)
    named = set(re.findall(r"\]\(images/(\S+\.svg)\)", ARCHITECTURE))
    assert named == set(pictures.PICTURES)
    for name, text in pictures.PICTURES.items():
        drawn = pictures.draw(text)
        ElementTree.fromstring(drawn)
        assert (ROOT / "docs" / "images" / name).read_text("utf-8") == drawn, "run python docs/pictures.py"
        for path in re.findall(r"`(\w+/[\w/]+\.(?:py|html\.j2))`", text):
            folder = "templates/whet_templates" if path.endswith("j2") else "src/whet"
            assert (ROOT / folder / path).is_file(), path


def test_each_room_has_a_folder_of_unit_tests() -> None:
    rooms = {path.parent.name for path in (ROOT / "src" / "whet").glob("*/*.py")}
    tested = {path.relative_to(ROOT / "tests" / "unit").parts[0] for path in (ROOT / "tests/unit").rglob("*/test_*.py")}
    assert tested - {"rules"} == rooms


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md", "docs/writing-a-rule.md"])
def test_prose_wraps(name: str) -> None:
    text = BLOCK.sub("", (ROOT / name).read_text(encoding="utf-8"))
    assert [line for line in text.splitlines() if len(line) > 120 and not line.startswith("|")] == []
