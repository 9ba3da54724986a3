from __future__ import annotations

import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from whet.errors import CollectorError, StoreError
from whet.program import install
from whet.program.cache import wheels_folder
from whet.program.host import TargetHost
from whet.program.install import install_collectors, list_missing, why_none
from whet.program.probe import probe


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder of wheels that is all that pip and uv can reach."""
    folder = tmp_path / "index"
    folder.mkdir()
    for variable in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_OFFLINE", "1")
    return folder


def make_wheel(index: Path, name: str, version: str, tag: str = "py3-none-any") -> None:
    metadata = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(index / f"{name}-{version}-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", f"import sys\nversion = {version!r}\n")
        wheel.writestr("stray.py", "")
        wheel.writestr(f"{metadata}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{metadata}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{metadata}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        wheel.writestr(f"{metadata}/RECORD", "")


@pytest.fixture
def bare_host(make_environment, python_of, monkeypatch) -> TargetHost:
    """An environment that has nothing, and that whet's own cannot lend anything to."""
    monkeypatch.setattr("whet.program.probe.own_abi", lambda: "another")
    return probe(python_of(make_environment()), "")


@pytest.mark.slow
def test_missing_are_fetched_into_the_cache_only(index, bare_host, python_of, tmp_path):
    for name in ("line_profiler", "memray", "pyinstrument"):
        make_wheel(index, name, "99.0")
    before = sorted((tmp_path / "env").rglob("*"))

    fetched = install_collectors(bare_host)

    assert fetched == [f"{name} 99.0" for name in list_missing(bare_host)]
    assert sorted((tmp_path / "env").rglob("*")) == before
    host = probe(Path(bare_host.interpreter.path), "")
    assert list_missing(host) == []
    assert host.versions["line_profiler"] == "99.0"
    folder = Path(host.packages["line_profiler"])
    assert folder == wheels_folder(host.abi) / "line_profiler"
    assert {entry.name for entry in folder.iterdir()} == {
        "line_profiler",
        "line_profiler-99.0.dist-info",
        "typing_extensions.py",
    }
    assert not (folder / "typing_extensions.py").is_symlink()  # outlives whet's environment
    assert sorted(entry.name for entry in folder.parent.iterdir()) == sorted(list_missing(bare_host))
    assert install_collectors(host) == []


def test_version_of_whet_itself_is_preferred(index, bare_host, monkeypatch):
    own = install.read_version("line_profiler", install.find_own("line_profiler"))
    make_wheel(index, "line_profiler", own)
    make_wheel(index, "line_profiler", "99.0")
    monkeypatch.setattr(install, "list_missing", lambda _host: ["line_profiler"])
    assert install_collectors(bare_host) == [f"line_profiler {own}"]


def test_what_does_not_exist_for_an_interpreter_is_not_missing_there(bare_host):
    newer = replace(bare_host, version=(3, 15, 0))
    assert "pyinstrument" not in list_missing(newer)
    assert "line_profiler" in list_missing(newer)
    assert "pyinstrument" in list_missing(replace(bare_host, version=(3, 14, 0)))
    assert why_none("pyinstrument", newer) == "does not exist for Python 3.15 yet"


@pytest.mark.slow
def test_no_wheel_for_the_interpreter(index, bare_host):
    make_wheel(index, "line_profiler", "99.0")
    make_wheel(index, "pyinstrument", "99.0", tag="cp347-cp347-any")
    make_wheel(index, "memray", "0.1")  # older than whet can use
    with pytest.raises(CollectorError) as caught:
        install_collectors(bare_host)
    assert "no wheel" in caught.value.message
    assert caught.value.hint == ""
    assert "line_profiler 99.0" in caught.value.message  # what could be had was kept
    assert list_missing(probe(Path(bare_host.interpreter.path), "")) == [
        name for name in list_missing(bare_host) if name != "line_profiler"
    ]


def test_no_network(index, bare_host, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setattr(install, "_list_installers", lambda host: [next(iter(original(host)))])
    monkeypatch.setattr(install, "list_missing", lambda _host: ["pyinstrument"])
    with pytest.raises(CollectorError, match="cannot be reached") as caught:
        install_collectors(bare_host)
    assert "index" in caught.value.hint


original = install._list_installers


def test_nothing_that_installs(bare_host, monkeypatch):
    monkeypatch.setattr(install, "find_spec", lambda _name: None)
    monkeypatch.setattr(install, "_find_bundled_pip", lambda _host: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CollectorError, match="neither pip nor uv"):
        install_collectors(bare_host)


@pytest.mark.slow
def test_pip_of_the_standard_library_will_do(index, bare_host, monkeypatch):
    if install._find_bundled_pip(bare_host) is None:
        pytest.skip("this Python comes without ensurepip")
    make_wheel(index, "pyinstrument", "99.0")
    monkeypatch.setattr(install, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(install, "list_missing", lambda _host: ["pyinstrument"])
    assert install_collectors(bare_host) == ["pyinstrument 99.0"]


@pytest.mark.skipif(sys.platform == "win32", reason="a file in the place of a folder says so differently")
def test_cache_that_cannot_be_written(index, bare_host, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="cannot put"):
        install_collectors(bare_host)
