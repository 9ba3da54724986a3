"""The examples of CONTRIBUTING.md, as they are printed there: built in, and in a distribution installed next to whet.

Both ways they pass the contract suites and the linters.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^`((?:src|rules)/\S+\.py)`:\n\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
RULE_PAGE = (ROOT / "docs" / "writing-a-rule.md").read_text(encoding="utf-8")
LONG_RULE = re.findall(r"^```python\n(.*?)^```$", RULE_PAGE, re.MULTILINE | re.DOTALL)[0]
BUILT_IN = {**EXAMPLES, "rules/whet_rules/keys_view.py": LONG_RULE}
"""These go into the project: the rule of docs/writing-a-rule.md too."""
(PROJECT,) = (block for block in re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
ENTRY_POINTS = tomllib.loads(PROJECT)["project"]["entry-points"]
SEAMS = {
    "whet.collectors": ("COLLECTORS", "whet.collect.api", "Collector"),
    "whet.formats": ("FORMATS", "whet.formats.api", "ProfileFormat"),
    "whet.renderers": ("RENDERERS", "whet.report.api", "Renderer"),
}
NAMES = tuple(name for group in ENTRY_POINTS.values() for name in group)
PARTS = ("src", "rules", "templates", "tests/contract", "tests/unit", "fixtures/captures", "fixtures/targets")


def find_example(target: str) -> str:
    """Return the path of the example that the entry point ``target`` names."""
    module = target.partition(":")[0].rpartition(".")[2]
    (found,) = (path for path in EXAMPLES if Path(path).stem == module)
    return found


def name_module(path: str) -> str:
    """Return the module that a built-in file is."""
    return ".".join(Path(path).with_suffix("").parts[1:])


def run(words: Sequence[str], folder: Path, *paths: Path) -> str:
    """Run Python in ``folder`` with ``paths`` before what is installed; return what it printed."""
    # Coverage of this process is not that of the copy.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (*map(str, paths), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    return done.stdout


def run_suites(folder: Path, names: Sequence[str], *paths: Path) -> None:
    """Run what the contract suites ask of the examples ``names``, and what is asked of the table of plug-ins."""
    selected = " or ".join(names)
    options = ["-p", "no:cacheprovider", "-q", "-rA", "-n", "0"]
    for words in (["tests/contract", "-k", selected], ["tests/unit/test_plugins.py"]):
        printed = run(["-m", "pytest", *words, *options], folder, *paths)
        if "-k" in words:
            for name in names:
                assert re.search(rf"^PASSED .*\[.*{name}", printed, re.MULTILINE), f"nothing was tested of {name}"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the examples are built in, as the page says how."""
    root = tmp_path_factory.mktemp("project")
    for part in PARTS:
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "tests/conftest.py", "tests/hostile.py"):
        shutil.copy(ROOT / file, root / file)
    for path, code in BUILT_IN.items():
        assert not (root / path).exists()
        (root / path).write_text(code, encoding="utf-8")
    table = root / "src" / "whet" / "plugins.py"
    text = table.read_text(encoding="utf-8")
    for group, (member, _, _) in SEAMS.items():
        for name, target in ENTRY_POINTS[group].items():
            line = f'        "{name}": "{name_module(find_example(target))}:{target.partition(":")[2]}",\n'
            text, count = re.subn(rf"(    Group\.{member}: {{\n)", rf"\g<1>{line}", text)
            assert count == 1
    table.write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed a distribution that holds the examples and is declared as on the page."""
    sources, site = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("site")
    (sources / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    package = sources / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text('"""Plug-ins for whet."""\n', encoding="utf-8")
    for path, code in EXAMPLES.items():
        (package / Path(path).name).write_text(code, encoding="utf-8")
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    run(["-m", "pip", "install", *offline, "--target", str(site), str(sources)], sources)
    return site


def test_the_page_has_an_example_of_each_kind() -> None:
    assert set(ENTRY_POINTS) == {*SEAMS, "whet.rules"}
    targets = [target for group in ENTRY_POINTS.values() for target in group.values()]
    assert sorted(map(find_example, targets)) == sorted(EXAMPLES)


@pytest.mark.slow
def test_built_in_they_pass_the_contract_suites(copy: Path) -> None:
    run_suites(copy, (*NAMES, "keys-view"), copy / "src", copy / "rules", copy / "templates", copy)


@pytest.mark.slow
def test_in_a_distribution_they_pass_the_contract_suites(installed: Path) -> None:
    run_suites(ROOT, NAMES, installed, ROOT)


def test_in_a_distribution_the_commands_know_them(installed: Path, tmp_path: Path) -> None:
    assert "sorted-list" in run(["-m", "whet", "rules"], tmp_path, installed)
    run(["-m", "whet", "rules", "sorted-list", "--check"], tmp_path, installed)
    (tmp_path / "app.py").write_text("def order(values):\n    return list(sorted(values))\n", encoding="utf-8")
    run(["-m", "whet", "check", "--fix", "--no-cache", "app.py"], tmp_path, installed)
    assert (tmp_path / "app.py").read_text("utf-8") == "def order(values):\n    return sorted(values)\n"


def test_they_pass_the_linters(copy: Path, installed: Path) -> None:
    for tool in ("ruff", "mypy", "importlinter"):
        pytest.importorskip(tool, reason="comes with the lint extra")
    paths = (copy / "src", copy / "rules", copy / "templates")
    files = [*BUILT_IN, "src/whet/plugins.py"]
    run(["-m", "ruff", "check", "--no-cache", *files], copy)
    run(["-m", "ruff", "format", "--no-cache", "--check", *files], copy)
    run(
        ["-m", "ruff", "check", "--no-cache", "--config", str(ROOT / "pyproject.toml"), str(installed / "my_package")],
        copy,
    )
    run(["-m", "mypy", "--cache-dir", str(copy / "cache"), *_list_promises(copy)], copy, *paths, installed)
    code = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    run(["-c", code], copy, *paths)


def _list_promises(copy: Path) -> list[str]:
    """Return the files to check: the examples, and one for each that promises what its seam asks."""
    files = list(BUILT_IN)
    for group, (_, module, protocol) in SEAMS.items():
        for number, (name, target) in enumerate(ENTRY_POINTS[group].items()):
            built_in, made = name_module(find_example(target)), target.partition(":")[2]
            file = copy / f"promise_{protocol.lower()}_{number}_{name}.py"
            file.write_text(
                f"import {built_in}\nimport {module}\n\nPROMISE: {module}.{protocol} = {built_in}.{made}()\n", "utf-8"
            )
            files.append(file.name)
    return files
