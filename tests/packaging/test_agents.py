"""`whet mcp` from the wheel in an environment of its own, used by the SDK's own client."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc"),
]
CLIENT = Path(__file__).with_name("agent_client.py")
TARGETS = Path(__file__).parents[2] / "fixtures" / "targets"
SMALL = "total = sum(number * number for number in range(300_000))\nprint(total)\n"


@pytest.fixture(scope="module")
def with_sdk(make_environment, wheel):
    environment = make_environment(borrow=True)
    environment.install(wheel)
    command = [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--quiet", "mcp>=2.3"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return environment


@pytest.fixture
def project(tmp_path):
    shutil.copy(TARGETS / "orders.py", tmp_path)
    shutil.copytree(TARGETS / "orderbook", tmp_path / "orderbook")
    (tmp_path / "small.py").write_text(SMALL)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def act(environment, folder: Path, what: str) -> dict[str, Any]:
    done = environment.start([str(environment.python), str(CLIENT), str(environment.bin / "whet"), what], folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(7200)
def test_an_agent_finds_patches_and_proves_the_worst_problem(with_sdk, project):
    before = {path: path.read_bytes() for path in project.rglob("*.py")}
    found = act(with_sdk, project, "improve")
    assert found["tools"] == ["run", "hotspots", "source", "advice", "prove_patch", "bench", "check"]
    assert "exit status 0" in found["run"]
    # At this size it saves most, others hardly less: which comes first is the measurement's.
    assert "list-membership" in found["advice"]["text"]
    assert found["progress"]
    assert all(done < total for done, total, _ in found["progress"])
    assert not found["hotspots"]["error"]
    assert " | " in found["source"]["text"]
    assert found["source"]["structured"] is None
    proof = found["proofs"][-1]["text"]
    assert proof.startswith("verdict: faster\nspeed: "), found["proofs"]
    assert "output: equal before and after" in proof
    assert "no file of the project was changed" in proof
    assert found["refuted"]["text"].startswith("verdict: different output\nwhy: "), found["refuted"]
    assert "p50" in found["bench"]["text"]
    assert " finding" in found["check"]["text"]
    assert "more: check(offset=1)" in found["paged"]["text"]
    assert "list-membership" in found["hot"]["text"]
    assert " of the profile, " in found["hot"]["text"]
    for result in found["outside"]:
        assert result["error"], result
        assert any(words in result["text"] for words in ("outside the project", "is not a git commit")), result
    for result in found["wrong"]:
        assert result["error"], result
        assert "Traceback" not in result["text"]
    assert {path: path.read_bytes() for path in project.rglob("*.py")} == before
    assert not (project / "whet-report.html").exists()


def test_a_cancelled_run_and_one_whose_client_has_gone_leave_nothing_running(with_sdk, project):
    found = act(with_sdk, project, "cancel")
    assert found["cancelled"]
    assert found["left"]
    assert found["tools"][0] == "run"


def test_without_the_sdk_the_error_names_the_extra(installed, tmp_path):
    if importlib.util.find_spec("mcp") is not None:
        pytest.skip("the SDK is among the borrowed libraries")
    done = installed.whet("mcp", folder=tmp_path)
    assert done.returncode == 2
    assert "pip install 'whet-perf[mcp]'" in done.stderr
