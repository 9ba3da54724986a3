from __future__ import annotations

import os
from pathlib import Path

import pytest

from whet.model.run import Interpreter
from whet.program.host import TargetHost
from whet.program.roots import count_compiled, find_launchers, find_program_roots
from whet.program.spec import TargetKind, TargetSpec

pytestmark = pytest.mark.skipif(os.name == "nt", reason="paths as POSIX has them")

BLACK = """\
#!/venv/bin/python
# -*- coding: utf-8 -*-
import re
import sys
from black import patched_main
if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])
    sys.exit(patched_main())
"""


@pytest.fixture
def host(tmp_path: Path) -> TargetHost:
    """An interpreter with some packages and a standard library."""
    site, stdlib = tmp_path / "site", tmp_path / "lib"
    for package in ("black", "pytest", "deep/inner"):
        (site / package).mkdir(parents=True)
    for module in (site / "six.py", stdlib / "timeit.py", stdlib / "calendar.py"):
        module.parent.mkdir(exist_ok=True)
        module.touch()
    interpreter = Interpreter("/py", "3.13.0")
    return TargetHost(interpreter, (3, 13, 0), "", site_packages=(str(site),), stdlib=(str(stdlib),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


def module(name: str, folder: Path) -> TargetSpec:
    return TargetSpec(TargetKind.MODULE, name, directory=str(folder))


def console(text: str | bytes, folder: Path, name: str = "tool") -> TargetSpec:
    (folder / "bin").mkdir(exist_ok=True)
    script = folder / "bin" / name
    script.write_bytes(text if isinstance(text, bytes) else text.encode())
    return TargetSpec(TargetKind.CONSOLE_SCRIPT, str(script), directory=str(folder))


def names(roots: tuple[str, ...]) -> list[str]:
    return [Path(root).name for root in roots]


def test_code_on_the_command_line_is_the_program(host: TargetHost) -> None:
    assert find_program_roots(TargetSpec(TargetKind.CODE, "import black"), host) == ("<string>",)


def test_a_script_of_ones_own_needs_no_naming(host: TargetHost, folder: Path) -> None:
    assert find_program_roots(TargetSpec(TargetKind.SCRIPT, "app.py", directory=str(folder)), host) == ()


def test_a_script_among_installed_code_is_the_program_with_what_lies_beside_it(host: TargetHost, folder: Path) -> None:
    site, stdlib = Path(host.site_packages[0]), Path(host.stdlib[0])

    def find(script: Path) -> tuple[str, ...]:
        return find_program_roots(TargetSpec(TargetKind.SCRIPT, str(script), directory=str(folder)), host)

    assert find(site / "deep" / "run.py") == (str(site / "deep" / "run.py"), str(site / "deep"))
    other = Path("/opt/x/lib/python3/dist-packages")
    assert find(other / "tool" / "run.py") == (str(other / "tool" / "run.py"), str(other / "tool"))
    # The folders themselves hold everything.
    assert find(site / "six.py") == (str(site / "six.py"),)
    assert find(other / "six.py") == (str(other / "six.py"),)
    assert find(stdlib / "timeit.py") == (str(stdlib / "timeit.py"),)
    named = TargetSpec(TargetKind.SCRIPT, "../site/deep/../six.py", directory=str(folder))
    assert find_program_roots(named, host) == (str(folder / named.name),)


@pytest.mark.parametrize(
    ("name", "roots"),
    [
        ("black", ["black"]),
        ("black.sub.mod", ["black"]),
        ("deep.inner", ["deep"]),
        ("six", ["six.py"]),
        ("calendar", ["calendar.py"]),
        ("pytest", []),  # runs the user's code
        ("timeit", []),
        ("unknown", []),
    ],
)
def test_an_installed_module_is_the_program_unless_it_runs_others(
    name: str, roots: list[str], host: TargetHost, folder: Path
) -> None:
    assert names(find_program_roots(module(name, folder), host)) == roots


@pytest.mark.parametrize("place", ["black", "black.py"])
def test_a_module_of_the_working_folder_is_the_users_anyhow(place: str, host: TargetHost, folder: Path) -> None:
    (folder / place).mkdir() if place == "black" else (folder / place).touch()
    assert find_program_roots(module("black", folder), host) == ()


def test_a_console_script_is_the_program_with_the_package_behind_it(host: TargetHost, folder: Path) -> None:
    spec = console(BLACK, folder)
    assert find_program_roots(spec, host) == (spec.name, str(Path(host.site_packages[0]) / "black"))
    assert find_launchers(spec) == ()


def test_a_console_script_that_is_named_from_the_working_folder(host: TargetHost, folder: Path) -> None:
    spec = console(BLACK, folder)
    relative = TargetSpec(TargetKind.CONSOLE_SCRIPT, "bin/tool", directory=str(folder))
    assert find_program_roots(relative, host) == find_program_roots(spec, host)


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        ("import sys\nimport six\nsys.exit(six.main())\n", ["tool", "six.py"]),
        ("from pytest import main\nmain()\n", []),
        ("from . import x\n", []),
        ("print('nothing imported')\n", []),
        ('#!/bin/sh\nexec python "$@"\n', []),
        (b"\x7fELF\x00\xff\xfe", []),
    ],
)
def test_what_stands_behind_a_console_script_is_read_from_it(
    text: str | bytes, roots: list[str], host: TargetHost, folder: Path
) -> None:
    assert names(find_program_roots(console(text, folder), host)) == roots


def test_a_console_script_that_is_gone_has_no_roots(host: TargetHost, folder: Path) -> None:
    assert find_program_roots(TargetSpec(TargetKind.CONSOLE_SCRIPT, "/gone", directory=str(folder)), host) == ()


def test_the_script_that_only_starts_a_runner_is_nobodys_hot_code(host: TargetHost, folder: Path) -> None:
    for name in ("pytest", "py.test", "anything"):
        spec = console("from pytest import console_main\nconsole_main()\n", folder, name)
        assert find_launchers(spec) == (spec.name,)


def test_globs_of_launchers_are_escaped(folder: Path) -> None:
    (folder / "[x]").mkdir()
    spec = console("from pytest import console_main\n", folder / "[x]")
    (pattern,) = find_launchers(spec)
    assert pattern == spec.name.replace("[x]", "[[]x]")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (TargetSpec(TargetKind.SCRIPT, "/venv/bin/uvicorn"), ("/venv/bin/uvicorn",)),
        (TargetSpec(TargetKind.SCRIPT, "/home/me/pytest.py"), ()),
        (TargetSpec(TargetKind.SCRIPT, "/home/me/app.py"), ()),
        (TargetSpec(TargetKind.MODULE, "pytest"), ()),
        (TargetSpec(TargetKind.CODE, "import pytest"), ()),
    ],
)
def test_only_scripts_are_launchers(spec: TargetSpec, expected: tuple[str, ...]) -> None:
    assert find_launchers(spec) == expected


def test_compiled_modules_of_the_program_are_counted(host: TargetHost) -> None:
    package = Path(host.site_packages[0]) / "black"
    assert count_compiled([str(package), "<string>", "/gone", str(package.parent / "six.py")]) == 0
    (package / "sub").mkdir()
    for name in ("a.cpython-313-x86_64-linux-gnu.so", "sub/b.pyd", "sub/c.py"):
        (package / name).touch()
    assert count_compiled([str(package)]) == 2
