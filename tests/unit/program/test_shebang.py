from __future__ import annotations

import os
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from whet.program.shebang import interpreter_of_script

POSIX = pytest.mark.skipif(os.name == "nt", reason="paths as POSIX writes them")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#!/venv/bin/python\nimport sys\n", "/venv/bin/python"),
        ("#!/venv/bin/python3.13 -E\n", "/venv/bin/python3.13"),
        ("#!/with space/bin/python3\n", "/with space/bin/python3"),
        ('#!"/with space/python3" -I\n', "/with space/python3"),
        ("#!/usr/bin/env python3.47\n", "python3.47"),
        ("#!/usr/bin/env -S python3.47 -E\n", "python3.47"),
        ("#!/usr/bin/pypy3\n", "/usr/bin/pypy3"),
        ("#!/bin/sh\n'''exec' \"/long path/bin/python\" \"$0\" \"$@\"\n' '''\n", "/long path/bin/python"),
        ("#!/bin/sh\n'''exec' '/uv/bin/python3' \"$0\" \"$@\"\n' '''\n", "/uv/bin/python3"),
        ("#!/bin/sh\n'''exec' /long/bin/python \"$0\" \"$@\"\n' '''\n", "/long/bin/python"),
        ('#!/bin/sh\n"exec" "/buildout/python" "$0" "$@"\n', "/buildout/python"),
        ("#!/bin/sh\necho hello\n", None),
        ("#!/bin/bash\nexec python x.py\n", None),
        ("#!/usr/bin/env node\n", None),
        ("#!/usr/bin/perl\n", None),
        ("#!/opt/python-tools/run\n", None),
        ("#!\n", None),
        ("#!/usr/bin/env\n", None),
        ("print(1)\n", None),
        ("", None),
    ],
)
@POSIX
def test_interpreter_of_script(tmp_path, text, expected):
    script = tmp_path / "script"
    script.write_text(text)
    found = interpreter_of_script(script)
    assert found == (Path(expected) if expected else None)


@POSIX
@pytest.mark.parametrize("inner", ['"$(realpath -- "$0")"', '"$0"'])
def test_relocatable_script(tmp_path, inner):
    script = tmp_path / "bin" / "tool"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\n'''exec' \"$(dirname -- {inner})\"/'python3' \"$0\" \"$@\"\n' '''\n")
    assert interpreter_of_script(script) == script.parent / "python3"


@pytest.mark.parametrize("shebang", [rb"#!C:\venv\Scripts\python.exe", rb'#!"C:\my venv\Scripts\python.exe"'])
def test_windows_launcher(tmp_path, shebang):
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("__main__.py", "")
    launcher = tmp_path / "tool.exe"
    launcher.write_bytes(b"MZ" + b"\x90" * 5000 + shebang + b"\r\n" + archive.getvalue())
    assert str(interpreter_of_script(launcher)) == shebang[2:].strip(b'"').decode()


def test_program_that_is_no_launcher(tmp_path):
    program = tmp_path / "tool.exe"
    program.write_bytes(b"MZ" + b"#!" * 3000)
    assert interpreter_of_script(program) is None


def test_file_that_is_not_there(tmp_path):
    assert interpreter_of_script(tmp_path / "nowhere") is None
