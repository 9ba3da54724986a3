"""The newest interpreter beside the one that ran."""

import os
import sys

import pytest

from whet.program.newer_python import find_newer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names with endings")


def make(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("")
        (folder / name).chmod(0o755)
    return str(folder)


def test_newest_on_the_path_and_of_managers(tmp_path):
    path = make(tmp_path / "bin", "python3.12", "python3.13", "python3.13-config", "python3")
    environ = {"PATH": f"{path}{os.pathsep}/nowhere", "HOME": str(tmp_path)}
    assert find_newer(sys.executable, "3.11.7", environ) == ("3.13", f"{path}/python3.13")
    assert find_newer(sys.executable, "3.13.0", environ) is None
    managed = make(tmp_path / ".pyenv" / "versions" / "3.14.1" / "bin", "python")
    make(tmp_path / ".pyenv" / "versions" / "3.15.0a1" / "bin", "python")
    assert find_newer(sys.executable, "3.13.0", environ) == ("3.14", f"{managed}/python")


def test_shims_other_machines_and_odd_versions_say_nothing(tmp_path):
    environ = {"PATH": make(tmp_path / "shims", "python3.14"), "HOME": str(tmp_path)}
    assert find_newer(sys.executable, "3.11.7", environ) is None
    environ = {"PATH": make(tmp_path / "bin", "python3.14"), "HOME": str(tmp_path)}
    assert find_newer("/on/another/machine", "3.11.7", environ) is None
    assert find_newer(sys.executable, "", environ) is None
