"""``whet rules`` and the code in its documentation."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from whet.cli.rules import rules_command
from whet.errors import PluginError, UsageError

DOCUMENT = Path(__file__).parents[3] / "docs" / "writing-a-rule.md"
APP = typer.Typer()
APP.command()(rules_command)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def invoke(*words):
    result = CliRunner().invoke(APP, words)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def blocks():
    return re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)


def test_catalogue_has_a_line_for_each_rule():
    header, *rows = invoke().splitlines()
    assert header.split() == ["rule", "family", "safety", "speed", "finds"]
    assert [row.split()[:4] for row in rows] == [
        ["list-membership", "containers", "observed", "∞"],
        ["regex-compile", "hoisting", "safe", "C"],
        ["str-concat", "text", "observed", "∞"],
    ]


@pytest.mark.parametrize("slug", ["str-concat", "str_concat"])
def test_page_is_the_docstring_plain_in_a_pipe(slug):
    from whet_rules import str_concat

    page = invoke(slug)
    assert page.startswith("# str-concat: ")
    assert str_concat.__doc__.strip() in page
    assert "asks at run time for: length, types" in page
    assert "\x1b" not in page


def test_an_unknown_slug_names_the_nearest():
    with pytest.raises(UsageError, match="no rule 'list-membershop'") as caught:
        invoke("list-membershop")
    assert "list-membership" in caught.value.hint


def test_a_pipe_that_cannot_show_infinity():
    code = "import typer; from whet.cli.rules import rules_command as c; a = typer.Typer(); a.command()(c); a()"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert b"list-membership" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize("words", [[], ["regex-compile"]])
def test_on_a_terminal_it_is_styled(words):
    import pty

    code = (
        f"import typer; from whet.cli.rules import rules_command as c; a = typer.Typer(); a.command()(c); a({words!r})"
    )
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm-256color"}
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", code], stdout=theirs, env=environment) as process:
        os.close(theirs)
        shown = bytearray()
        with contextlib.suppress(OSError):  # Linux ends a terminal with an error, not with an end of file
            while piece := os.read(ours, 4096):
                shown += piece
        os.close(ours)
    assert process.returncode == 0
    assert b"\x1b[1m" in shown
    assert b"regex-compile" in shown


def test_a_projects_rule_is_listed_and_a_broken_one_is_an_error(project):
    folder = project / ".whet" / "rules"
    folder.mkdir(parents=True)
    (folder / "keys_membership.py").write_text(blocks()[0], "utf-8")
    assert "keys-membership" in invoke()
    assert "Ask the dict itself" in invoke("keys-membership")
    (folder / "broken.py").write_text("1/0", "utf-8")
    with pytest.raises(PluginError, match=r"broken\.py does not load: ZeroDivisionError"):
        invoke()


def test_the_documented_rule_holds_and_the_documented_check_says_so(project):
    rule, check = blocks()
    path = project / "keys_membership.py"
    path.write_text(rule, "utf-8")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(check, {"path": path})
    checked, measured = printed.getvalue().splitlines()
    assert checked == "()"
    assert re.fullmatch(r"\{10: [\d.]+, 1000: [\d.]+\}", measured)
