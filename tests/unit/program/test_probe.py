from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from whet.program import cache
from whet.program.ask import ask_interpreter, name_abi
from whet.program.cache import cache_folder, lend, wheels_folder
from whet.program.install import why_none
from whet.program.probe import own_abi, probe


def run(host, code: str, *words: str) -> str:
    done = subprocess.run([host.interpreter.path, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_answer_is_that_of_the_standard_library(make_environment, python_of, tmp_path):
    environment = make_environment()
    host = probe(python_of(environment), "because")
    code = """
import json, sys, sysconfig, platform
paths = sysconfig.get_paths()
print(json.dumps([platform.python_version(), platform.python_implementation(), sys.prefix, paths]))
"""
    version, implementation, prefix, paths = json.loads(run(host, code))
    assert version.startswith(host.interpreter.version.split()[0])
    assert host.interpreter.implementation == implementation
    assert host.interpreter.why == "because"
    assert host.version == sys.version_info[:3]
    assert host.prefix == prefix
    assert paths["purelib"] in host.site_packages
    assert paths["platlib"] in host.site_packages
    assert paths["stdlib"] in host.stdlib
    assert host.scripts == paths["scripts"]
    assert host.abi == own_abi()
    assert host.abi.startswith(("cpython-", "cp3"))
    assert host.interpreter.free_threaded == bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def test_extension_modules_of_the_standard_library_lie_in_its_folders(make_environment, python_of):
    host = probe(python_of(make_environment()), "")
    import _json

    origin = getattr(_json, "__file__", None)
    if origin is None:
        pytest.skip("built in here")
    assert str(Path(origin).parent) in {str(Path(folder)) for folder in host.stdlib}


def test_user_settings_are_those_of_a_plain_run(make_environment, python_of, tmp_path, monkeypatch):
    package = tmp_path / "lib" / "memray"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "lib" / "memray-0.1.dist-info").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    host = probe(python_of(make_environment()), "")
    assert host.packages["memray"] == str(tmp_path / "lib")
    assert host.versions["memray"] == "0.1"
    assert "memray" not in host.borrowed


def test_libraries_that_rewrites_may_use_are_named(make_environment, python_of, tmp_path, monkeypatch):
    assert probe(python_of(make_environment()), "").interpreter.libraries == ()
    package = tmp_path / "lib" / "numba"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    host = probe(python_of(make_environment()), "")
    assert host.interpreter.libraries == ("numba",)
    assert "numba" not in host.packages


def test_nothing_is_found_through_the_current_folder(make_environment, python_of, tmp_path, monkeypatch):
    for name in ("site", "os", "memray", "ast"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    answer = ask_interpreter(python_of(make_environment()))
    assert answer.found == {}


def test_words_of_start_up_hooks_do_not_hurt(make_environment, python_of, tmp_path):
    environment = make_environment()
    (site_packages,) = environment.glob("[Ll]ib/**/site-packages")
    (site_packages / "sitecustomize.py").write_text("print('whet-host nonsense'); print('hello')")
    assert ask_interpreter(python_of(environment)).version == sys.version_info[:3]


def test_probe_script_imports_nothing_but_what_the_start_has_imported(make_environment, python_of):
    script = Path(sys.modules["whet"].__file__).parent / "inprocess" / "launch" / "probe_host.py"
    code = (
        f"import sys; before = set(sys.modules); exec(open({str(script)!r}).read()); print(set(sys.modules) - before)"
    )
    done = subprocess.run([python_of(make_environment()), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_same_abi_borrows_from_whet(make_environment, python_of):
    host = probe(python_of(make_environment()), "")
    names = {name for name in ("line_profiler", "memray", "pyinstrument") if not why_none(name, host)}
    assert names <= host.borrowed
    for name in names:
        folder = Path(host.packages[name])
        assert folder.is_relative_to(cache_folder())
        visible = {entry.name for entry in folder.iterdir()}
        allowed = {name, f"{name}.libs", *(f"{part}" for part in ("rich", "typing_extensions.py"))}
        assert {entry for entry in visible if not entry.endswith(".dist-info")} <= allowed
        assert host.versions[name]
        code = f"import sys; sys.path.append(sys.argv[1]); import {name}; print({name}.__file__)"
        assert run(host, code, str(folder)).startswith(str(folder))


@pytest.mark.skipif(os.name == "nt", reason="memray does not exist for Windows")
def test_lent_memray_records_in_an_environment_without_its_companions(make_environment, python_of, tmp_path):
    host = probe(python_of(make_environment()), "")
    agent = Path(sys.modules["whet"].__file__).parent
    settings = {"path": host.packages["memray"], "capture": str(tmp_path / "capture.bin")}
    code = (
        f"import sys; sys.path.append({str(agent)!r}); from inprocess.profilers import memory; "
        f"stop = memory.start({settings!r}); "
        "x = bytearray(5_000_000); stop(); print('recorded')"
    )
    assert run(host, code).split() == ["recorded"]
    assert (tmp_path / "capture.bin").stat().st_size > 0


def test_foreign_abi_borrows_from_the_cache_only(fake_python, tmp_path):
    path = fake_python(abi="cpython-347-somewhere")
    host = probe(path, "")
    assert host.packages == {}
    package = wheels_folder(host.abi) / "memray" / "memray"
    package.mkdir(parents=True)
    (package.parent / "memray-9.8.dist-info").mkdir()
    assert probe(path, "").packages == {}, "made by an earlier whet, which brought less along"
    (package.parent / "rich").mkdir()
    (package.parent / "typing_extensions.py").touch()
    host = probe(path, "")
    assert host.packages["memray"] == str(package.parent)
    assert "memray" in host.borrowed
    assert host.versions == {"memray": "9.8"}


def test_lent_folder_is_mended_when_its_source_moved(tmp_path):
    old = tmp_path / "old"
    (old / "memray").mkdir(parents=True)
    folder = lend("memray", "abi", old)
    assert (folder / "memray").is_dir()
    assert lend("memray", "abi", old) == folder
    (folder / "memray").unlink()
    (folder / "memray").symlink_to(tmp_path / "gone")
    assert lend("memray", "abi", old) == folder
    assert (folder / "memray").resolve() == (old / "memray").resolve()
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


def test_copies_stand_in_where_links_are_not_allowed(tmp_path, monkeypatch):
    def refuse(*_args: object, **_words: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    (tmp_path / "memray").mkdir()
    (tmp_path / "memray" / "__init__.py").touch()
    folder = lend("memray", "abi", tmp_path)
    assert (folder / "memray" / "__init__.py").is_file()
    assert not (folder / "memray").is_symlink()


def test_cache_that_cannot_be_written_leaves_the_source(make_environment, python_of, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    host = probe(python_of(make_environment()), "")
    assert host.packages["line_profiler"] == str(cache.find_own("line_profiler"))


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"HOME": "/home/u"}, "/home/u/.cache/whet"),
        ("linux", {"HOME": "/home/u", "XDG_CACHE_HOME": "/c"}, "/c/whet"),
        ("linux", {"HOME": "/home/u", "XDG_CACHE_HOME": "relative"}, "/home/u/.cache/whet"),
        ("darwin", {"HOME": "/Users/u"}, "/Users/u/Library/Caches/whet"),
        ("win32", {"USERPROFILE": "/u", "LOCALAPPDATA": "/u/local"}, "/u/local/whet/Cache"),
        ("win32", {"USERPROFILE": "/u"}, "/u/AppData/Local/whet/Cache"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="paths as POSIX writes them")
def test_cache_folder(platform, environ, expected):
    assert cache_folder(environ, platform) == Path(expected)


def test_processor_is_part_of_the_abi_where_python_leaves_it_out():
    assert name_abi("cpython-313-darwin", "darwin", "arm64") == "cpython-313-darwin-arm64"
    assert name_abi("cpython-313-x86_64-linux-gnu", "linux", "x86_64") == "cpython-313-x86_64-linux-gnu"
    assert name_abi("", "darwin", "arm64") == ""
