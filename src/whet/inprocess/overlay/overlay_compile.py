"""Compiles the rewritten files of every variant beforehand: ``python [options] overlay_compile.py ORDER``.

``ORDER`` is a JSON file::

    {"out": folder, "log": path or "", "main": null or {"name": as given, "file": its __file__,
     "source": its name among the variants' files, "pyc": where it is run},
     "variants": {"0": {file: where its source is}, …}}

Each variant becomes a ``table`` for ``overlay_hook.py`` and, where the program's own
script is among the files, a ``main.pyc`` that stands in for it: the interpreter
reads a script itself, no import hook is asked. It starts with an expression that makes
the process look as if the script had been started, and is over before the
script's first statement.

What does not compile is told on stdout: ``{variant: error}``.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import marshal
import os
import sys
import warnings
from typing import Any

_AS_SCRIPT = """
import sys
from os import path
main = sys.modules["__main__"].__dict__
main["__file__"] = FILE
main["__loader__"] = sys.modules["_frozen_importlib_external"].SourceFileLoader("__main__", FILE)
main.pop("__cached__", None)
if sys.version_info < (3, 15):
    main["__cached__"] = None
sys.argv[0] = NAME
sys.orig_argv[sys.orig_argv.index(PYC)] = NAME
if not sys.flags.safe_path:
    sys.path[0] = path.dirname(path.realpath(NAME))
"""


def compile_variants(order: dict[str, Any]) -> dict[str, str]:
    """Write the tables, and return what does not compile."""
    failed: dict[str, str] = {}
    for variant, sources in order["variants"].items():
        try:
            _compile_variant(order, variant, sources)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            failed[variant] = f"{type(error).__name__}: {error}"
    return failed


def _compile_variant(order: dict[str, Any], variant: str, sources: dict[str, str]) -> None:
    main = order["main"]
    files: dict[str, tuple[bytes, bytes]] = {}
    for file, where in sources.items():
        with open(where, "rb") as opened:
            source = opened.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, file, "exec", dont_inherit=True)
            files[file] = source, marshal.dumps(code)
            if main is not None and main["source"] == file:
                _write_main(os.path.join(order["out"], f"{variant}.pyc"), source, main)
    table = {
        "magic": importlib.util.MAGIC_NUMBER,
        "optimize": sys.flags.optimize,
        "files": files,
        "log": order["log"],
    }
    with open(os.path.join(order["out"], f"{variant}.table"), "wb") as sink:
        marshal.dump(table, sink)


def _write_main(path: str, source: bytes, main: dict[str, str]) -> None:
    tree = ast.parse(source, main["file"])
    names = {"FILE": main["file"], "NAME": main["name"], "PYC": main["pyc"]}
    start = ast.parse(f"exec({_AS_SCRIPT!r}, {names!r})").body[0]
    at = _first_statement(tree.body)
    line = tree.body[at].lineno if at < len(tree.body) else 1
    for node in ast.walk(start):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = line  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
    tree.body.insert(at, start)
    code = compile(tree, main["file"], "exec", dont_inherit=True)
    with open(path, "wb") as sink:
        sink.write(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code))


def _first_statement(body: list[ast.stmt]) -> int:
    """Return where something may stand first: after a docstring and imports from ``__future__``."""
    at = 0
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        at = 1 if isinstance(body[0].value.value, str) else 0
    while at < len(body):
        statement = body[at]
        if not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            break
        at += 1
    return at


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8", errors="surrogateescape") as order_file:
        failures = compile_variants(json.load(order_file))
    sys.stdout.write(json.dumps(failures))
