"""Where servers keep their applications: found when they are imported, otherwise as they were."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from whet.inprocess.requests.applications import AsgiApplication
from whet.inprocess.requests.counts import Counts
from whet.inprocess.requests.servers import HOLDERS, STARTERS, Finder


def application() -> None:
    """Stand for one."""


class Config:
    """As uvicorn's."""

    def __init__(self) -> None:
        self.loaded = False

    def load(self) -> None:
        self.loaded_app = application
        assert self.loaded_app is application
        self.loaded = True


@pytest.fixture
def uvicorn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Any]:
    module = ModuleType("uvicorn.config")
    module.Config = type("Config", (Config,), {})  # type: ignore[attr-defined]
    finder: Any = Finder(["uvicorn.config"], Counts(str(tmp_path / "requests")), {})
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    finder.find_spec("anything")
    assert finder in sys.meta_path
    monkeypatch.setitem(sys.modules, "uvicorn.config", module)
    finder.find_spec("anything")
    assert finder not in sys.meta_path
    kind: type[Any] = module.Config
    return kind


def test_an_application_is_timed_once_the_server_has_it_ready(uvicorn: type[Any]) -> None:
    config = uvicorn()
    with pytest.raises(AttributeError, match="'Config' object has no attribute 'loaded_app'"):
        _ = config.loaded_app
    config.load()
    assert isinstance(config.loaded_app, AsgiApplication)
    assert config.loaded_app is config.loaded_app
    assert vars(config) == {"loaded": True, "loaded_app": application}
    del config.loaded_app
    assert not hasattr(config, "loaded_app") and not hasattr(uvicorn, "loaded_app")


def test_a_server_that_looks_otherwise_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = ModuleType("uvicorn.config")
    module.Config = 3  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uvicorn.config", module)
    Finder(["uvicorn.config"], Counts(str(tmp_path / "requests")), {}).find_spec("anything")
    assert vars(module)["Config"] == 3


def test_a_default_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from wsgiref.simple_server import WSGIServer

    kind = type("WSGIServer", (), {"application": None, "get_app": WSGIServer.get_app, "set_app": WSGIServer.set_app})
    module = ModuleType("wsgiref.simple_server")
    module.WSGIServer = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wsgiref.simple_server", module)
    Finder(["wsgiref.simple_server"], Counts(str(tmp_path / "requests")), {}).find_spec("anything")
    assert (kind.application, kind().get_app()) == (None, None)  # type: ignore[attr-defined]


@pytest.mark.skipif(os.name == "nt", reason="there is no sh here")
def test_a_worker_finds_the_variables_and_its_parent_does_not() -> None:
    seen: list[str] = []

    def spawn(path: Any, args: Any, passfds: Any) -> int:
        said = subprocess.run(["sh", "-c", "echo $WHET_TEST"], capture_output=True, text=True, check=True)
        seen.append(said.stdout.strip())
        assert "WHET_TEST" not in os.environ
        return 1

    (_, _, begin) = STARTERS["multiprocessing.util"][0]
    start = begin(spawn, {"WHET_TEST": "here"})
    assert start("python", ["python", "-c", "from multiprocessing.spawn import spawn_main"], ()) == 1
    assert start("python", ["python", "-c", "from multiprocessing.resource_tracker import main"], ()) == 1
    assert seen == ["here", ""]


def test_all_servers_of_the_command_line_are_known_inside() -> None:
    from whet.program.servers import _SERVERS

    for servers in _SERVERS.values():
        assert set(servers.holders) <= set(HOLDERS)
        assert set(servers.starters) <= set(STARTERS)
