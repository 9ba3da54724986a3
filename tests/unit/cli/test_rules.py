"""``whet rules`` and the code in its documentation."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from whet.cli.command import Command
from whet.cli.rules import _print_table, rules_command
from whet.errors import PluginError, StoreError, UsageError
from whet.pipeline.rules.rule_gains import BEGIN, END

DOCUMENT = Path(__file__).parents[3] / "docs" / "writing-a-rule.md"
COMMAND = Command("rules", rules_command)
CODE = "from whet.cli.main import main; main()"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def run(*words):
    """Return the command's status, and what it wrote to stdout and to stderr."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = COMMAND.run(words)
    return status, out.getvalue(), err.getvalue()


def invoke(*words):
    return run(*words)[1]


def blocks():
    return re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)


def test_catalogue_has_a_line_for_each_rule():
    header, *rows = invoke().splitlines()
    assert header.split() == ["rule", "family", "safety", "speed", "asks", "finds"]
    shown = {row.split()[0]: re.split(r"  +", row)[1:5] for row in rows}
    assert shown["list-membership"] == ["containers", "observed", "∞", "elements, length, share, types"]
    assert shown["regex-compile"] == ["hoisting", "safe", "C", "share"]
    assert shown["iterrows"] == ["arrays", "offer", "C", "–"]
    from whet.engine.loading import load_rules

    assert sorted(shown) == [module.rule.slug for module in load_rules()]


@pytest.mark.parametrize("slug", ["str-concat", "str_concat"])
def test_page_is_the_docstring_plain_in_a_pipe(slug):
    from whet_rules import str_concat

    page = invoke(slug)
    assert page.startswith("# str-concat: ")
    assert str_concat.__doc__.strip() in page
    assert "asks at run time for: length, share, types" in page
    assert "\x1b" not in page


def test_an_unknown_slug_names_the_nearest():
    with pytest.raises(UsageError, match="no rule 'list-membershop'") as caught:
        invoke("list-membershop")
    assert "list-membership" in caught.value.hint


def test_a_pipe_that_cannot_show_infinity():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", CODE, "rules"], capture_output=True, env=environment, check=True)
    assert b"list-membership" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize("words", [[], ["regex-compile"]])
def test_on_a_terminal_it_is_styled(words):
    import pty

    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm-256color"}
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", CODE, "rules", *words], stdout=theirs, env=environment) as process:
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
    (folder / "keys_view.py").write_text(blocks()[0], "utf-8")
    assert "keys-view" in invoke()
    assert "Test the dict, not its keys()" in invoke("keys-view")
    (folder / "broken.py").write_text("1/0", "utf-8")
    with pytest.raises(PluginError, match=r"broken\.py does not load: ZeroDivisionError"):
        invoke()


def test_the_documented_rule_holds_and_the_documented_check_says_so(project):
    rule, check = blocks()
    path = project / "keys_view.py"
    path.write_text(rule, "utf-8")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(check, {"path": path})
    checked, measured = printed.getvalue().splitlines()
    assert checked == "()"
    assert re.fullmatch(r"\{10: [\d.]+, 1000: [\d.]+\}", measured)


def test_a_new_rule_works_as_it_is(project):
    assert invoke("--new", "my-own-rule").strip() == str(project / ".whet" / "rules" / "my_own_rule.py")
    assert "my-own-rule" in invoke()
    assert f"from {project}" in invoke("my-own-rule")
    assert run("--check", "my-own-rule") == (0, "", "whet: 1 of 1 rules pass\n")
    with pytest.raises(UsageError, match="the rule my-own-rule already exists"):
        invoke("--new", "my-own-rule")
    module = (project / ".whet" / "rules" / "my_own_rule.py").read_text()
    compile(module, "rule", "exec")


@pytest.mark.parametrize("slug", ["My-Rule", "../x", "a b", "a--b", "class", "", "list-membership"])
def test_a_slug_that_is_none_or_taken(project, slug):
    with pytest.raises(UsageError):
        invoke("--new", slug)
    assert not (project / ".whet").exists()


def test_a_file_that_is_there_is_left_alone(project):
    folder = project / "more"
    (project / ".whet" / "rules").mkdir(parents=True)
    path = project / ".whet" / "rules" / "other.py"
    folder.mkdir()
    path.write_text(blocks()[0], "utf-8")
    with pytest.raises(StoreError, match="already exists"):
        invoke("--new", "other")
    assert path.read_text("utf-8") == blocks()[0]


def test_a_rule_that_does_not_hold_is_said_with_what_is_wrong(project):
    folder = project / "more"
    folder.mkdir()
    (folder / "keys_view.py").write_text(blocks()[0].replace("name in COLOURS\\n", "name not in COLOURS\\n"), "utf-8")
    status, out, _ = run("--check", "keys-view", "--rules", str(folder))
    assert status == 1
    assert "keys-view: a dict of the module: " in out


def test_benchmarks_are_measured_on_any_interpreter_and_kept_in_a_table(project):
    words = ["--bench", "regex-compile", "--python", sys.executable]
    table = invoke(*words)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert table.splitlines()[0] == f"| rule | on | {version} |"
    assert re.search(r"^\| `regex-compile` \| 1,000 characters in the string \| [\d.]+ \|$", table, re.MULTILINE)
    page = project / "page.md"
    page.write_text(
        f"# Rules\n\n{BEGIN}\n| rule | on | 2.7 |\n| --- | --- | ---: |\n| `gone` | 5 words | 1.5 |\n{END}\n\nEnd.\n"
    )
    _, out, err = run(*words, "-o", str(page))
    assert out == ""
    assert "regex-compile on" in err
    text = page.read_text("utf-8")
    assert text.startswith(f"# Rules\n\n{BEGIN}\n| rule | on | 2.7 | {version} |\n")
    assert "| `gone` | 5 words | 1.5 | – |\n" in text
    assert text.endswith(f"{END}\n\nEnd.\n")


def test_a_benchmark_that_cannot_run_there_is_said_and_costs_only_itself(project):
    (project / ".whet" / "rules").mkdir(parents=True)
    broken = blocks()[0].replace('setup="', 'setup="import no_such_module\\n')
    (project / ".whet" / "rules" / "keys_view.py").write_text(broken, "utf-8")
    _, out, err = run("--bench", "keys-view")
    assert "`keys-view`" not in out
    assert "not measured: ModuleNotFoundError" in err


def test_what_silences_nothing_has_a_page_too():
    assert "# unused-ignore: " in invoke("unused-ignore")


def test_one_thing_at_a_time():
    with pytest.raises(UsageError, match="cannot be combined"):
        invoke("--bench", "--check")


@pytest.mark.parametrize(
    ("columns", "header"), [(40, "rule finds"), (70, "rule family safety speed finds"), (140, None)]
)
def test_a_narrow_terminal_leaves_out_columns_and_never_cuts_a_name(columns, header, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = [("list-membership", "containers", "observed", "∞", "elements, length, types", "Membership test on a list")]
    _print_table(("rule", "family", "safety", "speed", "asks", "finds"), rows)
    first, *others = capsys.readouterr().out.splitlines()
    assert " ".join(first.split()) == (header or "rule family safety speed asks finds")
    assert others[0].startswith("list-membership ")
    assert max(map(len, [first, *others])) <= columns
