"""What the interpreter loads before the program: it starts what the settings ask for and takes its traces away."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from whet.collect.execute import HOOK

posix = pytest.mark.skipif(os.name == "nt", reason="descriptors are passed on by number")
Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Run code with the hook on its path, as a program whose profilers have attached at once."""

    def start(
        code: str, *options: str, path: str | None = None, **settings: object
    ) -> subprocess.CompletedProcess[str]:
        ready_read, ready_write = os.pipe()
        go_read, go_write = os.pipe()
        os.write(go_write, b"G")
        file = tmp_path / "settings"
        words = {"ready": ready_write, "go": go_read, "pythonpath": path, "folder": str(tmp_path), **settings}
        file.write_bytes(marshal.dumps(words, 2))
        folders = os.pathsep.join([str(HOOK), *([path] if path else [])])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        try:
            return subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
                pass_fds=(ready_write, go_read),
                env={**kept, "PYTHONPATH": folders, "_WHET_SETTINGS": str(file)},
            )
        finally:
            for number in (ready_read, ready_write, go_read, go_write):
                os.close(number)

    return start


def make_values(folder: Path) -> dict[str, object]:
    return {"capture": str(folder / "values.jsonl"), "foreign": [], "program": [], "include": [], "exclude": []}


@posix
def test_the_program_finds_the_modules_descriptors_and_paths_of_a_plain_run(start: Start, tmp_path: Path) -> None:
    code = (
        "import sys, os\n"
        "print(sorted(sys.modules))\nprint(sys.path, sorted(sys.path_importer_cache))\n"
        "print(sorted(os.environ))\n"
        "if os.path.isdir('/proc/self/fd'): print(sorted(os.listdir('/proc/self/fd')))\n"
    )
    done = start(code, values=make_values(tmp_path))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    plain = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=kept)
    assert (done.stdout, done.stderr) == (plain.stdout, plain.stderr)
    assert (tmp_path / "values.jsonl").is_file()


@posix
def test_extension_modules_that_it_has_used_load_again(start: Start, tmp_path: Path) -> None:
    code = "import ctypes, resource, json, signal, functools; print(json.dumps({'a': ctypes.sizeof(ctypes.c_int)}))"
    assert start(code, values=make_values(tmp_path)).stdout == '{"a": 4}\n'


@posix
def test_what_the_user_set_pythonpath_to_is_back(start: Start, tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['PYTHONPATH'], sys.path[1])"
    assert start(code, path=str(tmp_path)).stdout == f"{tmp_path} {tmp_path}\n"


@posix
def test_a_failure_in_the_users_own_sitecustomize_is_told_as_in_a_plain_run(start: Start, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise ValueError('mine')\n")
    done = start("print('runs')", path=str(tmp_path))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    plain = subprocess.run(
        [sys.executable, "-c", "print('runs')"],
        capture_output=True,
        text=True,
        check=False,
        env={**kept, "PYTHONPATH": str(tmp_path)},
    )
    assert (done.stdout, done.stderr) == (plain.stdout, plain.stderr)


@posix
def test_a_usercustomize_still_runs_and_is_the_programs(start: Start, tmp_path: Path) -> None:
    (tmp_path / "usercustomize.py").write_text("import sys; sys.mine = 1\n")
    code = "import sys, site; print(getattr(sys, 'mine', 0) if site.ENABLE_USER_SITE else 1)"
    assert start(code, path=str(tmp_path)).stdout == "1\n"


@posix
def test_settings_that_cannot_be_read_leave_the_program_to_itself(start: Start, tmp_path: Path) -> None:
    done = start("print('runs')", ready=-1)
    assert (done.stdout, done.stderr, done.returncode) == ("runs\n", "", 0)


@posix
def test_where_nothing_asks_for_it_the_hook_only_goes_away() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    code = "import sys; print(sys.path, getattr(sys.modules.get('sitecustomize'), '__file__', None))"
    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**kept, **more}, check=True)
        for more in ({"PYTHONPATH": str(HOOK)}, {})
    ]
    assert said[0].stdout == said[1].stdout


@posix
def test_modules_that_a_heavy_profiler_needs_stay_but_for_those_that_the_program_brings(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "logging.py").write_text("mine = True\n")
    settings = {"capture": str(tmp_path / "exact.json"), "functions": [], "folder": None}
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import logging; print(logging.mine)"
    assert start(code, exact_lines=settings).stdout == "True\n"
