"""The steps of `action.yml` and of the GitLab component, run as shell in a repository with a pull request."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="its steps are bash")]
FAST = "def work():\n    return sum(range(1_500_000))\n\n\nprint(work())\n"
SLOW = FAST.replace(
    "return sum", "total = 0\n    for _ in range(6):\n        total = sum(range(1_500_000))\n    return sum"
)
GH = """#!/bin/sh
for word in "$@"; do printf '%s ' "$word"; done >> "$GH_LOG"
echo >> "$GH_LOG"
[ -z "$GH_FAILS" ] || exit 1
case "$*" in *--paginate*) echo '[]';; esac
"""


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "app.py").write_text(FAST)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    (folder / "app.py").write_text(SLOW)
    git(folder, "commit", "-qam", "two")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "whet").write_text(f'#!/bin/sh\nexec {sys.executable} -m whet "$@"\n')
    (bin_ / "gh").write_text(GH)
    (bin_ / "jq").write_text('#!/bin/sh\ncat > /dev/null\nprintf "%s" "$OLD_COMMENT"\n')
    for tool in bin_.iterdir():
        tool.chmod(0o755)
    return folder


def holds(condition: str, context: dict[str, str]) -> bool:
    """Evaluate what the action's conditions consist of: comparisons joined by ``&&``."""

    def value(word: str) -> str:
        word = word.strip()
        return word[1:-1] if word.startswith("'") else context[word]

    for part in condition.split("&&"):
        left, operator, right = re.split(r"(==|!=)", part)
        if (value(left) == value(right)) != (operator == "=="):
            return False
    return True


def fill(text: str, context: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: context[found[1]], text)


def run_action(repository: Path, inputs: dict[str, str], *, fork: bool = False, **environ: str) -> dict[str, Any]:
    """Run the steps as a runner does; return the outputs, the summary, the calls of gh, and the step that failed."""
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    given = {name: str(spec.get("default", "")) for name, spec in action["inputs"].items()}
    files = {name: repository.parent / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GH_LOG")}
    for file in files.values():
        file.write_text("")
    context = {f"inputs.{name}": value for name, value in {**given, "install": "", "token": "t", **inputs}.items()}
    context |= {
        "github.event_name": "pull_request",
        "github.repository": "me/shop",
        "github.event.pull_request.head.repo.full_name": "you/shop" if fork else "me/shop",
        "github.event.pull_request.number": "7",
        "github.token": "t",
        "steps.compare.outputs.verdict": "",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "PYTHON"))}
    kept |= {name: str(file) for name, file in files.items()}
    kept |= {"PATH": f"{repository.parent / 'bin'}{os.pathsep}{os.environ['PATH']}", **environ}
    failed, said = "", ""
    for step in action["runs"]["steps"]:
        if "run" not in step or not holds(step.get("if", "'' == ''"), context):
            continue
        own = {name: fill(str(value), context) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=repository,
            env={**kept, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        said += done.stdout + done.stderr
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            name, _, value = line.partition("=")
            context[f"steps.{step['id']}.outputs.{name}"] = value if "id" in step else ""
        files["GITHUB_OUTPUT"].write_text("")
        if done.returncode:
            failed = step["name"]
            break
    outputs = {
        name: fill(spec["value"], {"steps.measure.outputs.report": "", **context})
        for name, spec in action["outputs"].items()
    }
    summary, calls = files["GITHUB_STEP_SUMMARY"].read_text(), files["GH_LOG"].read_text().splitlines()
    return {"outputs": outputs, "summary": summary, "calls": calls, "failed": failed, "said": said}


def test_a_slower_pull_request_fails_with_a_summary_and_a_comment(repository: Path) -> None:
    found = run_action(repository, {"command": "app.py", "against": "HEAD~1", "max-slowdown": "20%", "sarif": "true"})
    assert found["failed"] == "Decide", found["said"]
    assert found["outputs"] == {"report": "whet-report.html", "verdict": "slower"}
    assert found["summary"].startswith("<!-- whet:report -->")
    assert "### Compared with HEAD~1: slower" in found["summary"]
    assert "a slowdown beyond 20 % was shown" in found["summary"]
    assert len(found["summary"]) < 65_536
    assert [call.split()[:2] for call in found["calls"]] == [["api", "--paginate"], ["api", "--silent"]]
    assert (repository / "whet-report.html").stat().st_size > 10_000
    assert '"version": "2.1.0"' in (repository / "whet.sarif").read_text()


def test_an_earlier_comment_is_replaced_and_a_token_that_cannot_is_a_warning(repository: Path) -> None:
    found = run_action(repository, {"command": "app.py"}, OLD_COMMENT="42")
    assert found["failed"] == "", found["said"]
    assert found["calls"][1].startswith("api --silent --method PATCH repos/me/shop/issues/comments/42 ")
    assert found["outputs"]["verdict"] == ""
    found = run_action(repository, {"command": "app.py"}, GH_FAILS="yes")
    assert found["failed"] == "", found["said"]
    assert "::warning::whet could not comment" in found["said"]


def test_a_fork_has_the_summary_only(repository: Path) -> None:
    found = run_action(repository, {"command": "app.py"}, fork=True)
    assert (found["failed"], found["calls"]) == ("", [])
    assert "<!-- whet:report -->" in found["summary"]


def test_a_program_that_fails_fails_the_step(repository: Path) -> None:
    assert run_action(repository, {"command": "nothing.py"})["failed"] == "Measure"
    found = run_action(repository, {"command": "app.py", "against": "no-such-commit"})
    assert found["failed"] == "Compare"


def test_inputs_reach_the_shell_through_the_environment_only() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    assert not [step["name"] for step in action["runs"]["steps"] if "${{" in step.get("run", "")]
    assert all(step.get("shell") == "bash" for step in action["runs"]["steps"] if "run" in step)


def test_the_component_of_gitlab(repository: Path) -> None:
    spec, jobs = yaml.safe_load_all((ROOT / "templates" / "whet.yml").read_text("utf-8"))
    inputs = {name: str((each or {}).get("default", "")) for name, each in spec["spec"]["inputs"].items()}
    inputs |= {"command": "app.py", "against": "HEAD~1", "install": ""}
    job = jobs["whet"]
    environ = {
        name: re.sub(r"\$\[\[ inputs\.(.*?) \]\]", lambda found: inputs[found[1]], str(value))
        for name, value in job["variables"].items()
    }
    environ["PATH"] = f"{repository.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    statuses = [
        subprocess.run(
            ["bash", "-eo", "pipefail", "-c", line], cwd=repository, env={**os.environ, **environ}, check=False
        ).returncode
        for line in job["script"]
    ]
    assert statuses == [0, 0, 0, 0, 1]
    assert {path.name for path in repository.iterdir()} >= {
        "whet.md",
        "whet-report.html",
        "gl-code-quality-report.json",
    }
