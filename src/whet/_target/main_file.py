"""Compiles the program into a ``.pyc`` that starts the agent before its first statement."""

from __future__ import annotations

import ast
import dis
import importlib.util
import json
import marshal
import os
import runpy
import sys
import types
import warnings
from typing import Any

from . import anchors, importer, placing, toggling, windows

START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "start.py")

_RUN_MODULE = """\
def _run_module_as_main():
    {start}
    import runpy
    import sys
    try:
        mod_name, mod_spec, code = runpy.{details}({name}runpy._Error)
    except runpy._Error as exc:
        msg = "%s: %s" % (sys.executable, exc)
        sys.exit(msg)
    main_globals = sys.modules["__main__"].__dict__
    if {named}:
        sys.argv[0] = mod_spec.origin
    return runpy._run_code(code, main_globals, None, "__main__", mod_spec)
"""


def make_main_file(settings_path: str) -> None:
    """Write the compiled program where the settings' ``main`` says, and its anchors beside it as JSON.

    Raises whatever compiling the program raises.
    """
    with open(settings_path, encoding="utf-8", errors="surrogateescape") as file:
        settings = json.load(file)
    kind, name = settings["kind"], settings["name"]
    warned: list[tuple[str, str, int]] = []
    if kind == "module" or (kind == "script" and is_bundle(name)):
        placed = placing.Placed(_compile_runpy(settings_path, name, named=kind == "module"), [])
    else:
        placed, warned = _compile_program(settings_path, settings, kind, name)
    described = {"anchors": [anchor.describe() for anchor in placed.anchors], "warnings": warned}
    with open(settings["main"] + ".json", "w", encoding="utf-8", errors="surrogatepass") as sink:
        json.dump(described, sink)
    with open(settings["main"], "wb") as out:
        out.write(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(placed.code))


def is_bundle(name: str) -> bool:
    """Tell whether a script is a folder or a zip file with a ``__main__.py`` in it."""
    if os.path.isdir(name):
        return True
    import zipimport

    try:
        zipimport.zipimporter(name)
    except zipimport.ZipImportError:
        return False
    return True


def script_path(name: str) -> str:
    """Return ``__file__`` as the interpreter makes it: absolute, but on POSIX not normalised."""
    if os.name == "nt":
        return os.path.abspath(name)
    return name if os.path.isabs(name) else os.path.join(os.getcwd(), name)


def _start_expression(settings_path: str) -> str:
    with open(START, encoding="utf-8") as file:
        text = file.read()
    names = f"{{'__name__': '_whet_start', '__file__': {START!r}, 'SETTINGS': {settings_path!r}}}"
    return f"exec(compile({text!r}, {START!r}, 'exec'), {names})"


def _compile_program(
    settings_path: str, settings: dict[str, Any], kind: str, name: str
) -> tuple[placing.Placed, list[tuple[str, str, int]]]:
    if kind == "script" and name.endswith(".pyc"):
        raise ValueError("a program without its source is run plainly")
    file = "<string>" if kind == "code" else script_path(name)
    source = read_source(kind, name)
    warned = _gather_warnings(source, file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        placed = placing.compile_with_anchors(
            source,
            file,
            _budget(settings, file),
            togglable=toggling.can_toggle(),
            is_main=True,
            change=lambda tree: _insert_start(tree, settings_path),
        )
    return placing.Placed(windows.pad_code(placed.code, {}), placed.anchors), warned


def _gather_warnings(source: bytes, file: str) -> list[tuple[str, str, int]]:
    """Return the compiler's warnings that a plain run shows: words, the category's name, line.

    Raises ``SyntaxError`` where the program's options make errors of them.
    """
    with warnings.catch_warnings(record=True) as shown:
        compile(source, file, "exec", dont_inherit=True)
    return [(str(each.message), each.category.__name__, each.lineno) for each in shown]


def read_source(kind: str, name: str) -> bytes:
    """Return the program's source."""
    if kind == "code":
        return dedent(name).encode("utf-8", "surrogateescape")
    with open(name, "rb") as program:
        return program.read()


def dedent(text: str) -> str:
    """Return the code of ``-c`` as the interpreter reads it: from 3.14 on without common indentation."""
    if sys.version_info >= (3, 14):
        import textwrap

        text = textwrap.dedent(text)
    return text


def _budget(settings: dict[str, Any], file: str) -> int:
    """Return how many anchors may be placed: none where they cannot be put among the constants later."""
    agent = settings.get("agent")
    if not agent or not anchors.can_patch():
        return 0
    is_user = importer.UserCode(agent["foreign"], agent["program"], agent["include"], agent["exclude"])
    return importer.MAX_ANCHORS if file == "<string>" or is_user(file) else 0


def _insert_start(tree: ast.Module, settings_path: str) -> None:
    at = 0
    body = tree.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        at = 1 if isinstance(body[0].value.value, str) else 0
    while at < len(body):
        statement = body[at]
        if not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            break
        at += 1
    start = ast.parse(_start_expression(settings_path)).body[0]
    _set_line(start, body[at].lineno if at < len(body) else 1)
    body.insert(at, start)


def _set_line(tree: ast.AST, line: int) -> None:
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = line  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]


def _compile_runpy(settings_path: str, name: str, *, named: bool) -> types.CodeType:
    """Return code whose frame looks like that of ``runpy._run_module_as_main``, which does the same."""
    original = runpy._run_module_as_main.__code__  # type: ignore[attr-defined]
    details = "_get_module_details" if named else "_get_main_module_details"
    text = _RUN_MODULE.format(
        start=_start_expression(settings_path), named=named, details=details, name=f"{name!r}, " if named else ""
    )
    tree = ast.parse(text)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)  # see the text
    for statement in function.body:
        called = {"_run_code"} if isinstance(statement, ast.Return) else {details}
        _set_line(statement, _line_of(original, called))
    module = compile(tree, original.co_filename, "exec", dont_inherit=True)
    return next(each for each in module.co_consts if isinstance(each, types.CodeType))


def _line_of(code: types.CodeType, names: set[str]) -> int:
    """Return the line on which ``code`` loads one of ``names``."""
    for one in dis.get_instructions(code):
        if one.argval in names and one.positions is not None and one.positions.lineno:
            return one.positions.lineno
    return code.co_firstlineno
