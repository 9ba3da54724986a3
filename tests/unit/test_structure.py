"""The shape of the code: sizes, who prints, who exits, what is documented, what is imported late."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for root in ("src/whet", "rules/whet_rules", "templates/whet_templates")
    for path in (ROOT / root).rglob("*.py")
)
PAGES = sorted(path for pattern in ("*.js", "*.css", "*.j2") for path in (ROOT / "templates").rglob(pattern))
HARD_BORDER = 500
HEAVY = ("libcst", "rich", "jinja2", "pygments", "memray", "pyinstrument", "line_profiler")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_sources_are_found() -> None:
    assert len(SOURCES) > 20


def _count_lines(path: Path) -> int:
    """Return the lines of a file; of a rule without its page and its examples, which are no code."""
    text = path.read_text(encoding="utf-8")
    count = len(text.splitlines())
    if path.is_relative_to(ROOT / "rules"):
        for node in ast.parse(text).body:
            is_page = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_example = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in {"CASES", "REFUSE", "BENCH"}
            if is_page or is_example:
                count -= (node.end_lineno or node.lineno) - node.lineno + 1
    return count


@pytest.mark.parametrize("path", SOURCES + PAGES, ids=_name)
def test_file_is_short(path: Path) -> None:
    count = _count_lines(path)
    assert count <= HARD_BORDER


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_only_commands_and_reports_print_and_only_commands_exit(path: Path) -> None:
    part = path.relative_to(ROOT).parts[2] if path.is_relative_to(ROOT / "src") else ""
    # Inside the target whet stands in for the interpreter: it exits as that does, and says on stderr what that says.
    may_print, may_exit = part in {"cli", "report"}, part in {"cli", "inprocess"} or path.name == "__main__.py"
    for node in ast.walk(_parse(path)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        as_interpreter = part == "inprocess" and any(ast.unparse(word) == "file=sys.stderr" for word in node.keywords)
        assert may_print or as_interpreter or called != "print", f"{_name(path)}:{node.lineno} prints"
        assert may_exit or called not in {"exit", "quit", "sys.exit"}, f"{_name(path)}:{node.lineno} exits"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_public_names_are_documented(path: Path) -> None:
    module = _parse(path)
    assert ast.get_docstring(module), f"{_name(path)} has no docstring"
    public = [node for node in module.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for owner in [module, *public]:
        for node in owner.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(
                "_"
            ):
                assert ast.get_docstring(node), f"{_name(path)}:{node.lineno} {node.name} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_exported_names_exist(path: Path) -> None:
    """What ``__all__`` promises is bound in the module."""
    module = _parse(path)
    bound = {
        name
        for node in ast.walk(module)
        for name in (
            [node.name]
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            else [alias.asname or alias.name.split(".")[0] for alias in node.names]
            if isinstance(node, ast.Import | ast.ImportFrom)
            else [node.id]
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            else []
        )
    }
    for node in module.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            assert set(ast.literal_eval(node.value)) <= bound


def _list_modules_after(code: str) -> set[str]:
    """Return the top-level modules that a new interpreter has loaded after ``code``."""
    tell = "\nimport sys; sys.stderr.write('\\n@@' + ' '.join({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code + tell], check=True, capture_output=True, text=True, encoding="utf-8", cwd=ROOT
    )
    return set(done.stderr.rsplit("@@", 1)[1].split())


def test_modules_are_listed() -> None:
    assert "libcst" in _list_modules_after("import libcst")


def test_importing_the_command_line_defers_heavy_libraries() -> None:
    assert not _list_modules_after("import whet.cli.main").intersection(HEAVY)


def test_help_defers_heavy_libraries() -> None:
    code = (
        "import sys, whet.cli.main\n"
        "sys.argv = ['whet', '--help']\n"
        "try: whet.cli.main.main()\n"
        "except SystemExit as end: assert not end.code"
    )
    assert not _list_modules_after(code).intersection(HEAVY)


def test_importing_the_model_loads_nothing_else_of_whet() -> None:
    code = (
        "import importlib, pkgutil, whet.model\n"
        "[importlib.import_module('whet.model.' + m.name) for m in pkgutil.iter_modules(whet.model.__path__)]\n"
        "import sys\n"
        "loaded = {name.split('.')[1] for name in sys.modules if name.startswith('whet.')}\n"
        "assert loaded == {'model', 'errors'} or loaded == {'model'}, loaded"
    )
    assert not _list_modules_after(code).intersection(HEAVY)
