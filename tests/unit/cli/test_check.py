"""``whet check`` as its users meet it: settings, comments, profiles, mending, exit statuses.

The rules are those of the project that is checked, made up here: what is tested does not depend on whet's own.
"""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from whet.cli.main import run_command_line
from whet.model.hot import HotPlace, write_hot

DOCS = Path(__file__).parents[3] / "docs"

RULE = '''
"""A page."""
import ast
from whet.engine.api import *

RULE = Rule("{slug}", "T", "project", Safety.{safety}, Speed.ASYMPTOTIC, Triggers(nodes=frozenset({{ast.Call}})))

def detect(context):
    for call in context.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id == "{slug}":
            rewrite = context.rewrite()
            rewrite.replace(call, "{new}")
            if {condition}:
                yield context.finding(call, "Said of {slug}.", rewrite=rewrite if {edits} else None)

CASES = (Case("c", "def f(): pass\\n", "def f(): pass\\n", "f", ("()",)),)
REFUSE = (Refuse("r", "pass\\n"),)
'''


class Project:
    """A folder with rules of its own."""

    def __init__(self, root, capfd):
        self.root = root
        self.capfd = capfd
        (root / ".git").mkdir()
        self.rule("safe")
        self.rule("offer", safety="OFFER")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def rule(self, slug, folder=".whet/rules", **values):
        known = {"slug": slug, "safety": "SAFE", "new": "done()", "condition": "True", "edits": "True"}
        self.write(f"{folder}/{slug}.py", RULE.format(**known | values))

    def settings(self, text):
        self.write("pyproject.toml", f"[tool.whet]\n{text}\n")

    def check(self, *words, select="safe,offer,unused-ignore"):
        selection = ["--select", select] if select else []
        status = run_command_line(["check", "--no-cache", *words, *selection])
        out, err = self.capfd.readouterr()
        return status, out, err

    def found(self, *words, **options):
        status, out, err = self.check("--format", "json", *words, **options)
        rows = json.loads(out)
        assert status == (1 if rows else 0), err
        return [(row["file"], row["line"], row["rule"]) for row in rows]


@pytest.fixture
def project(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return Project(tmp_path, capfd)


def test_findings_are_listed_by_place_and_change_the_status(project):
    nothing = "whet: no Python files were found in .; check the path\n"
    assert project.check() == (0, "No findings in 0 files.\n", nothing)
    assert project.check("--force-exclude")[2] == ""
    project.write("b.py", "x = 1\nsafe()\n")
    project.write("a/c.py", "def f():\n    y = offer()\n    safe()\n")
    status, out, err = project.check()
    assert (status, err) == (1, "")
    assert out == (
        "a/c.py:2:9 offer Said of offer. (offer)\n"
        "a/c.py:3:5 safe [*] Said of safe. (safe)\n"
        "b.py:2:1 safe [*] Said of safe. (safe)\n"
        "Found 3 findings in 2 files.\n"
        "[*] 2 can be fixed with `--fix`.\n"
    )
    assert project.check("--exit-zero")[0] == 0
    assert project.check("b.py", "a")[1] == out
    assert project.check("a", "-j", "2")[1].count("\n") == 4
    assert project.check("-q")[1] == out[: out.index("Found")]
    assert project.check("-q", "--statistics")[1] == "2  safe   [*]  T\n1  offer  [ ]  T\n"
    assert project.check("--show-files")[1].splitlines() == [str(project.root / name) for name in ("a/c.py", "b.py")]
    assert project.check("--statistics")[1].splitlines()[:2] == ["2  safe   [*]  T", "1  offer  [ ]  T"]


def test_json_names_the_fields_of_a_finding(project):
    project.write("a.py", "def f():\n    y = safe()\n")
    (row,) = json.loads(project.check("--format", "json")[1])
    assert len(row.pop("id")) == 10
    assert row == {
        "file": "a.py", "line": 2, "end_line": 2, "column": 9, "rule": "safe", "title": "T",
        "message": "Said of safe.", "safety": "safe", "speed": "∞", "function": "f", "share": None, "fixable": True,
        "edits": [{"line": 2, "column": 9, "end_line": 2, "end_column": 15, "text": "done()"}],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["sarif", "gitlab", "github"])
def test_paths_for_machines_are_the_repositorys_wherever_whet_is_started(project, name, monkeypatch):
    project.write("sub/a.py", "safe()\n")
    project.write("sub/pyproject.toml", "[tool.whet]\nrules = ['../.whet/rules']\n")
    monkeypatch.chdir(project.root / "sub")
    status, out, _ = project.check("--format", name)
    assert status == 1
    assert "sub/a.py" in out
    assert str(project.root) not in out
    assert project.check()[1].startswith("a.py:1:1 ")


def test_settings_hold(project):
    for name in ("a.py", "tests/b.py", "vendored/c.py"):
        project.write(name, "safe()\noffer()\n")
    project.settings(
        'select = ["safe", "offer"]\nexclude = ["vendored"]\nignore = ["offer"]\n'
        'per-file-ignores = {"tests/**" = ["ALL"]}'
    )
    assert project.found(select="") == [("a.py", 1, "safe")]
    assert project.found("vendored/c.py", select="") == [("vendored/c.py", 1, "safe")]
    assert project.found("--force-exclude", "vendored/c.py", select="") == []
    assert project.found("--exclude", "a.py", select="") == []
    assert project.found("a.py", select="offer") == [("a.py", 2, "offer")]
    assert project.found("a.py", "--ignore", "safe", select="") == []


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--selct", "x"], "unknown option --selct", "did you mean --select?"),
        (["--select", "saef"], "unknown rule or family 'saef' (--select)", "did you mean safe?"),
        (["--format", "xml"], "unknown format 'xml' for findings", "known are: text, json"),
        (["none.py"], "there is no file or folder", "check the path"),
        (["--profile", "hot.json"], "cannot be read", "whet report --format hot"),
        (["--min-share", "two"], "'two' is not a percentage", "--help"),
        (["-j", "0"], "'0' is not a number of processes", "--help"),
        (["--rules", "none"], "there is no rules folder", "give a folder"),
        (["--statistics", "--format", "sarif"], "no statistics as sarif", "--format text"),
        (["-", "a.py"], "cannot be combined with other files", "name files"),
    ],
)
def test_wrong_use_is_2_and_says_what_mends_it(project, words, message, hint):
    status, out, err = project.check(*words, select="")
    assert (status, out) == (2, "")
    assert message in err
    assert hint in err


def test_an_unknown_key_is_an_error_that_names_the_nearest(project):
    project.settings("exlude = []")
    status, _, err = project.check()
    assert status == 2
    assert "[tool.whet] has no key 'exlude'" in err
    assert "did you mean 'exclude'?" in err


def test_comments_silence_and_those_that_do_nothing_are_said(project):
    project.write("a.py", "safe()  # whet: ignore[safe]\noffer()  # whet: ignore[safe]\nx = 1  # whet: ignore[nope]\n")
    assert project.found() == [("a.py", 2, "offer"), ("a.py", 2, "unused-ignore"), ("a.py", 3, "unused-ignore")]
    # A rule that is not asked is not judged.
    assert project.found(select="offer,unused-ignore") == [
        ("a.py", 2, "offer"),
        ("a.py", 3, "unused-ignore"),
    ]
    assert project.found(select="safe") == []
    assert project.check("--fix")[0] == 1
    assert (project.root / "a.py").read_text() == "safe()  # whet: ignore[safe]\noffer()\nx = 1\n"


def test_a_comment_for_what_only_hot_code_brings_out_is_left_alone(project):
    project.rule("hot", condition="context.measured")
    project.write("a.py", "def f():\n    hot()  # whet: ignore[hot]\n    x = 1  # whet: ignore[hot]\n")
    assert project.found(select="hot,unused-ignore") == [("a.py", 3, "unused-ignore")]
    project.write("b.py", "def f():\n    hot()\n")
    assert project.found("b.py", select="hot") == []
    assert project.found("b.py", select="ALL") == [("b.py", 2, "hot")]


def test_what_cannot_be_examined_is_2_and_the_rest_goes_on(project):
    project.rule("raises", condition="1 / 0")
    project.write("a.py", "def (\n")
    project.write("b.py", b"# coding: utf-8\nx = '\xff'\n")
    project.write("c.py", "safe()\nraises()\n")
    status, out, err = project.check(select="safe,raises")
    assert status == 2
    assert out.startswith("c.py:1:1 safe")
    running = ".".join(map(str, sys.version_info[:2]))
    assert (
        f"whet: a.py does not parse as Python {running}: invalid syntax (line 1); fix it, or add it to exclude" in err
    )
    assert "whet: b.py " in err
    assert "failed at c.py:1 (<module>): ZeroDivisionError" in err
    assert "Traceback" not in err
    assert project.check("--exit-zero", select="safe,raises")[0] == 2


def test_fix_mends_what_is_safe_and_offers_that_are_allowed(project):
    text = "\ufeffdef f():\r\n    y = safe()  # why\r\n    offer()\r\n"
    path = project.write("a.py", text)
    assert project.check("--diff")[0] == 1
    assert path.read_bytes() == text.encode()
    status, out, _ = project.check("--fix")
    assert (status, out) == (1, "a.py:3:5 offer Said of offer. (offer)\nFound 1 finding in 1 file, 1 fixed.\n")
    assert path.read_bytes() == text.replace("safe()", "done()").encode()
    assert project.check("--fix", "--allow", "offer")[:2] == (0, "No findings left in 1 file, 1 fixed.\n")
    assert path.read_bytes() == text.replace("safe()", "done()").replace("offer()", "done()").encode()
    assert project.check("--fix")[:2] == (0, "No findings in 1 file.\n")
    project.settings('allow = ["offer"]')
    project.write("b.py", "offer()\n")
    assert project.check("--fix")[0] == 0


def test_the_diff_is_what_git_applies(project):
    before = "x = 1\r\n\r\ndef f():\r\n    return [safe(), 2]"
    path = project.write("sub/a.py", before)
    project.write("sub/b.py", "offer()\n")
    status, out, _ = project.check("--diff")
    assert status == 1
    diff = project.root / "all.diff"
    assert project.check("--diff", "-o", str(diff))[1] == ""
    assert diff.read_bytes().decode() == out
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    subprocess.run(["git", "apply", "all.diff"], cwd=project.root, check=True)
    assert path.read_bytes().decode() == before.replace("safe()", "done()")
    assert project.check("--diff") == (0, "", "")


def test_the_diff_is_in_the_encoding_of_its_file(project):
    before = "# coding: latin-1\nx = 'é'\ny = 'ü', safe()\n"
    path = project.write("a.py", before.encode("latin-1"))
    assert project.check("--diff", "-o", str(project.root / "all.diff"))[0] == 1
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    subprocess.run(["git", "apply", "all.diff"], cwd=project.root, check=True)
    assert path.read_bytes() == before.replace("safe()", "done()").encode("latin-1")


def test_a_file_that_is_data_is_passed_by_with_a_word(project):
    project.write("a.py", "X = [" + "0," * 450_000 + "]\n")
    status, _, err = project.check()
    assert status == 0
    assert "whet: a.py was not checked: it has more than 400,000 elements" in err


def test_what_is_mended_may_change_the_status_too(project):
    project.write("a.py", "safe()\n")
    status, _, err = project.check("--diff")
    assert (status, err) == (1, "whet: 1 can be fixed with --fix\n")
    assert project.check("--diff", "-q")[2] == ""
    assert project.check("--fix", "--exit-non-zero-on-fix")[0] == 1
    assert project.check("--fix", "--exit-non-zero-on-fix")[0] == 0


def test_a_file_and_a_link_to_it_are_mended_once(project):
    path = project.write("s/a.py", "safe()\n")
    try:
        (project.root / "b.py").symlink_to(path)
    except OSError:
        pytest.skip("no links here")
    assert project.check("--fix")[:2] == (0, "No findings left in 1 file, 1 fixed.\n")
    assert path.read_text() == "done()\n"
    assert (project.root / "b.py").is_symlink()


def test_rules_that_undo_one_another_end(project):
    project.rule("ping", new="pong()")
    project.rule("pong", new="ping()")
    path = project.write("a.py", "ping()\n")
    status, _, err = project.check("--fix", select="ping,pong")
    assert status == 2
    assert "two rules undo each other" in err
    assert path.read_text() in {"ping()\n", "pong()\n"}


def test_a_rewrite_that_does_not_parse_is_not_made(project):
    project.rule("refused", new="(")
    project.rule("breaks", condition='rewrite.insert_before(context.facts.statement(call), "(") is None')
    path = project.write("b.py", "refused()\n")
    status, out, _ = project.check("--fix", "b.py", select="refused")
    assert (status, "No edit is made: the new code would not parse." in out) == (1, True)
    path.unlink()
    path = project.write("a.py", "breaks()\nsafe()\n")
    status, out, err = project.check("--fix", select="breaks,safe")
    assert status == 2
    assert "the rewrite of breaks does not parse" in err
    assert path.read_text() == "breaks()\ndone()\n"
    assert "a.py:1:1 breaks" in out


def test_stdin(project, monkeypatch):
    def give(text):
        stream = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8")
        monkeypatch.setattr(sys, "stdin", stream)

    give("safe()\n")
    assert project.check("-")[1].startswith("-:1:1 safe")
    give("safe()\n")
    assert project.found("-", "--stdin-filename", "sub/a.py") == [("sub/a.py", 1, "safe")]
    give("safe()\n")
    assert project.check("-", "--fix") == (0, "done()\n", "")
    give("safe()\noffer()\n")
    left = "-:2:1 offer Said of offer. (offer)\nFound 1 finding in 1 file, 1 fixed.\n"
    assert project.check("-", "--fix") == (1, "done()\noffer()\n", left)
    give("x = 1\n")
    assert project.check("-", "--fix")[:2] == (0, "x = 1\n")
    give("def (")
    assert project.check("-")[0] == 2
    project.settings('per-file-ignores = {"tests/**" = ["safe"]}')
    give("safe()\n")
    assert project.found("-", "--stdin-filename", "tests/a.py") == []
    give("safe()\n")
    assert project.found("-", "--stdin-filename", ".venv/a.py") == [(".venv/a.py", 1, "safe")]
    give("safe()\n")
    assert project.found("-", "--force-exclude", "--stdin-filename", ".venv/a.py") == []
    give("safe()\n")
    assert project.found("-", "--force-exclude", "--stdin-filename", "new/a.py") == [("new/a.py", 1, "safe")]


HOT = [
    HotPlace("app.py", "f", "return safe() + 1", 20),
    HotPlace("app.py", "g", "hot()", 1),
    HotPlace("app.py", "g", "gone()", 5),
    HotPlace("removed.py", "h", "safe()", 50),
]
APP = "def cold():\n    return safe()\n\ndef f():\n    x = safe()\n    return safe() + 1\n\ndef g():\n    hot()\n"


def test_with_a_profile_only_hot_code_is_said_with_its_cost(project):
    project.rule("hot", condition="context.measured", edits="False")
    project.write("app.py", APP)
    project.write("other.py", "safe()\n")
    project.write("whet-hot.json", write_hot(HOT))
    project.settings('profile = "whet-hot.json"')
    status, out, err = project.check(select="")
    assert status == 1
    assert out.splitlines()[:2] == [
        "app.py:6:12 safe [*] Said of safe. (safe, at least 20 % of the run)",
        "app.py:9:5 hot Said of hot. (safe, at least 1 % of the run)",
    ]
    assert "whet: app.py: the hot 'gone()' is no longer in g; measure again" in err
    assert "whet: removed.py was hot and no longer exists (1 places)" in err
    rows = json.loads(project.check("--format", "json", select="")[1])
    assert [row["share"] for row in rows] == [0.2, 0.01]
    assert project.found("--min-share", "5%", select="") == [("app.py", 6, "safe")]
    project.settings('profile = "whet-hot.json"\nmin-share = 2')
    assert project.found(select="") == [("app.py", 6, "safe")]


def test_edits_above_move_nothing(project):
    project.write("whet-hot.json", write_hot(HOT[:1]))
    project.write("app.py", APP)
    project.write("b.json", "")
    first = json.loads(project.check("--profile", "whet-hot.json", "--format", "json")[1])
    project.write("app.py", "# new\nimport os\n\n" + APP.replace("safe() + 1", "safe()  +  1  # so"))
    second = json.loads(project.check("--profile", "whet-hot.json", "--format", "json")[1])
    assert [row["line"] for row in first + second] == [6, 9]
    assert first[0]["id"] == second[0]["id"]


def test_a_saved_run_changes_no_finding(project):
    project.write("a.py", "safe()\n")
    before = project.check("--format", "json")
    project.write(".whet/latest", "20250101-000000-x\n")
    project.write(".whet/runs/20250101-000000-x/run.json.gz", b"not even one")
    assert project.check("--format", "json") == before


def test_rules_of_folders_that_are_named(project):
    project.rule("extra", folder="tools/rules")
    project.write("a.py", "extra()\n")
    assert project.found("a.py", "--rules", "tools/rules", select="extra") == [("a.py", 1, "extra")]
    project.settings('rules = ["tools/rules"]')
    assert project.found("a.py", select="extra") == [("a.py", 1, "extra")]


def test_output_goes_to_a_file(project):
    project.write("a.py", "safe()\n")
    status, out, _ = project.check("--format", "sarif", "-o", "out.sarif")
    assert (status, out) == (1, "")
    assert json.loads((project.root / "out.sarif").read_text())["version"] == "2.1.0"
    assert project.check("-o", "none/out")[0] == 2


def test_help_tells_every_option(project):
    status, out, _ = project.check("--help", select="")
    assert status == 0
    assert project.check("-h", select="")[1] == out
    documented = set(re.findall(r"`(?:whet check )?(--[a-z-]+)", (DOCS / "check.md").read_text("utf-8")))
    assert {"--fix", "--allow", "--diff", "--select", "--exit-zero", "--statistics", "--no-cache"} <= documented
    assert documented <= set(re.findall(r"--[a-z-]+", out))


def test_one_file_with_nothing_to_find_loads_no_more_than_it_needs(project):
    path = project.write("a.py", "def f(x):\n    return x in [1]\n")
    code = (
        "import sys\n"
        "from whet.cli.main import run_command_line\n"
        f"assert run_command_line(['check', '--no-cache', {str(path)!r}]) == 0\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project.root)
    loaded = set(eval(done.stdout.splitlines()[-1]))
    assert not loaded & {"libcst", "rich", "argparse", "jinja2", "pygments", "difflib", "memray", "asyncio"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_colors_are_for_terminals(project):
    import os
    import pty

    path = project.write("a.py", "safe()\n")
    code = "from whet.cli.main import main; main()"
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"}
    command = [sys.executable, "-c", code, "check", str(path)]
    with subprocess.Popen(command, stdout=theirs, env=environment, cwd=project.root) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:
            pass
        os.close(ours)
    assert process.returncode == 1
    assert b"\x1b[1m" in shown
    assert "\x1b" not in project.check("a.py")[1]
    assert Path(path).read_text() == "safe()\n"
