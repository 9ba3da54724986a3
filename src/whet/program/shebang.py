"""Reads from a console script which interpreter it was installed for."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

_PYTHON = re.compile(r"(python|pypy)(w?)(\d+(\.\d+)*t?)?(\.exe)?", re.IGNORECASE)
# What installers write where a path is too long for a shebang, or has spaces in it: a line that is
# a command to the shell and a string to Python.
_SHELL_TRICK = re.compile(r"""^(?:'''exec'|"exec")\s+(?P<words>.+?)\s+"\$0"\s+"\$@"\s*$""", re.MULTILINE)
_OWN_FOLDER = re.compile(r"""^"\$\(dirname (?:-- )?"(?:\$0|\$\((?:realpath|readlink -f) (?:-- )?"\$0"\))"\)"/""")
_HEAD = 4096
_LAUNCHER_TAIL = 256 * 1024


def interpreter_of_script(path: Path) -> Path | None:
    """Return the interpreter that the script at ``path`` starts with; ``None`` if it is no Python script.

    Understands ``#!/path/python``, ``#!/usr/bin/env python3``, the ``#!/bin/sh`` wrappers of pip and uv, and the
    ``.exe`` launchers of Windows, which carry the shebang of the script that is appended to them. An interpreter
    named without a folder is looked up on PATH, and is returned by its bare name if it is not there.
    """
    line, rest = _read_head(path)
    if line is None:
        return None
    if Path(line.split(" ", 1)[0]).name in ("sh", "bash"):
        words = _words_of_shell_trick(rest, path)
    else:
        words = _split_shebang(line)
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if not words or not _is_python_name(words[0]):
        return None
    if "/" in words[0] or "\\" in words[0]:
        return Path(words[0])
    return Path(shutil.which(words[0]) or words[0])


def _is_python_name(word: str) -> bool:
    return _PYTHON.fullmatch(word.replace("\\", "/").rpartition("/")[2]) is not None


def _read_head(path: Path) -> tuple[str | None, str]:
    """Return the shebang without ``#!`` and the text that follows; ``(None, "")`` if there is none."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if head[:2] == b"MZ":
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _LAUNCHER_TAIL))
                head = _cut_launcher(file.read())
    except OSError:
        return None, ""
    if head[:2] != b"#!":
        return None, ""
    line, _, rest = head.decode("utf-8", "replace").partition("\n")
    return line[2:].strip(), rest


def _cut_launcher(tail: bytes) -> bytes:
    """Return what follows the launcher's machine code: the shebang line and the zipped script."""
    archive = tail.rfind(b"PK\x03\x04")
    start = tail.rfind(b"#!", 0, archive) if archive >= 0 else -1
    return tail[start:archive] if start >= 0 else b""


def _split_shebang(line: str) -> list[str]:
    """Split a shebang; a path with spaces stands in quotes on Windows, and needs none elsewhere."""
    if line.startswith('"'):
        quoted, _, rest = line[1:].partition('"')
        return [quoted, *rest.split()]
    words = line.split()
    if len(words) > 1 and Path(words[0]).name != "env" and not _is_python_name(words[0]) and _is_python_name(line):
        return [line]
    return words


def _words_of_shell_trick(rest: str, path: Path) -> list[str]:
    match = _SHELL_TRICK.search(rest)
    if match is None:
        return []
    words = match["words"]
    beside = _OWN_FOLDER.match(words)
    if beside is not None:  # relocatable scripts name the interpreter relative to themselves
        words = shlex.join([f"{path.resolve().parent}/"]) + words[beside.end() :]
    try:
        return shlex.split(words)
    except ValueError:
        return []
