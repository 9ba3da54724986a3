"""The shape of the code: sizes, who prints, who exits, what is documented, what is imported late."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
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


def test_files_are_short() -> None:
    counts = {_name(path): _count_lines(path) for path in SOURCES + PAGES}
    assert not {name: count for name, count in counts.items() if count > HARD_BORDER}


def _list_output(path: Path) -> Iterator[str]:
    """Yield where a file prints or exits although it must not: only commands and reports print, only commands exit."""
    part = path.relative_to(ROOT).parts[2] if path.is_relative_to(ROOT / "src") else ""
    # Inside the target whet stands in for the interpreter: it exits as that does, and says on stderr what that says.
    may_print, may_exit = part in {"cli", "report"}, part in {"cli", "inprocess"} or path.name == "__main__.py"
    for node in ast.walk(_parse(path)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        as_interpreter = part == "inprocess" and any(ast.unparse(word) == "file=sys.stderr" for word in node.keywords)
        if not (may_print or as_interpreter or called != "print"):
            yield f"{_name(path)}:{node.lineno} prints"
        if not (may_exit or called not in {"exit", "quit", "sys.exit"}):
            yield f"{_name(path)}:{node.lineno} exits"


def test_only_commands_and_reports_print_and_only_commands_exit() -> None:
    assert not [fault for path in SOURCES for fault in _list_output(path)]


def _list_undocumented(path: Path) -> Iterator[str]:
    module = _parse(path)
    if not ast.get_docstring(module):
        yield _name(path)
    public = [node for node in module.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for owner in [module, *public]:
        for node in owner.body:
            is_definition = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            if not is_definition or any(ast.unparse(each) == "overload" for each in node.decorator_list):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node):
                yield f"{_name(path)}:{node.lineno} {node.name}"


def test_public_names_are_documented() -> None:
    assert not [fault for path in SOURCES for fault in _list_undocumented(path)]


def _list_unbound(path: Path) -> set[str]:
    """Return the names that ``__all__`` promises and the module does not bind."""
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
    promised: set[str] = set()
    for node in module.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            promised.update(ast.literal_eval(node.value))
    return promised - bound


def _takes_the_librarys_records(path: Path) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "dataclasses"
        and "dataclass" in {a.name for a in node.names}
        for node in ast.walk(_parse(path))
    ) and "@dataclass(frozen=True, slots=True)" in path.read_text(encoding="utf-8")


def test_records_are_made_quickly() -> None:
    """What runs inside the program has the standard library alone, rules their interface."""
    elsewhere = (ROOT / "src/whet/inprocess", ROOT / "rules", ROOT / "src/whet/records.py")
    own = [path for path in SOURCES if not any(path.is_relative_to(each) for each in elsewhere)]
    assert [_name(path) for path in own if _takes_the_librarys_records(path)] == []


def test_exported_names_exist() -> None:
    unbound = {_name(path): _list_unbound(path) for path in SOURCES}
    assert not {name: names for name, names in unbound.items() if names}


def test_faults_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / "src" / "whet" / "model" / "odd.py"
    text = (
        'print(1)\nexit()\n__all__ = ["gone"]\ndef open(): pass\nclass Kind:\n    """It."""\n    def go(self): pass\n'
    )
    monkeypatch.setattr(Path, "read_text", lambda _self, **_options: text)
    assert list(_list_output(path)) == ["src/whet/model/odd.py:1 prints", "src/whet/model/odd.py:2 exits"]
    assert [fault.partition(" ")[2] for fault in _list_undocumented(path)] == ["", "open", "go"]
    assert _list_unbound(path) == {"gone"}


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
        "assert loaded <= {'model', 'errors', 'records'}, loaded"
    )
    assert not _list_modules_after(code).intersection(HEAVY)
