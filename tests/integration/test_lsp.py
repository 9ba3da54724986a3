"""`whet lsp` over stdio, as an editor uses it: costs, findings and rewrites of a text that changes, and proofs."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.pieces import mark_slow

pytest.importorskip("pygls")
from lsprotocol import types
from tests.integration.conftest import WHET, list_children
from tests.integration.editor_client import Editor, apply_edits, open_editor, until

from whet.program.ptrace import ptrace_trouble

pytestmark = [
    pytest.mark.skipif(
        sys.platform == "win32" or ptrace_trouble() is not None, reason="sampling from outside is not permitted here"
    ),
    # Of pygls 2.1 on CPython 3.14, in the client.
    pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning"),
]
HOT = r'    mark = "😀"; match = re.compile(r"(\w+)-(\d+)-(\w+)").match(line)'
APP = f"""\
import re


def load(lines):
    found = 0
    for line in lines:
        found += parse(line)
    return found


def parse(line):
{HOT}
    return len(match[2])


def main():
    print(load([f"name-{{number}}-end" for number in range(600_000)]))


main()
"""
SLOW = """\
def common(words, others):
    known = [other.lower() for other in others]
    return [word for word in words if word in known]
"""
AT = APP.split("\n").index(HOT)
REWRITE = "whet: Constant regex not precompiled"
PROVE = f"whet: prove this: {REWRITE.removeprefix('whet: ')} (runs app.py)"


@pytest.fixture(scope="module")
def measured_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose program was measured once; what tests do to it they do to a copy."""
    folder = tmp_path_factory.mktemp("measured") / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "other.py").write_text("import os\n")
    done = subprocess.run(
        [*WHET, "run", "--quiet", "-o", "report.html", "app.py"], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def project(measured_project: Path, tmp_path: Path) -> Path:
    return shutil.copytree(measured_project, tmp_path / "project", symlinks=True)


def read_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def open_measured(editor: Editor) -> str:
    """Open the program's file, and wait until its run is shown."""
    uri = editor.open("app.py")
    while not any(each.code == "regex-compile" for each in await editor.find_diagnostics(uri)):
        await asyncio.sleep(0.05)
    return uri


@pytest.mark.parametrize("encoding", mark_slow(["utf-16", "utf-8"], ["utf-16"]))
def test_costs_findings_and_rewrites_are_shown_where_they_are(project, encoding):
    async def use() -> None:
        kinds = None if encoding == "utf-16" else [types.PositionEncodingKind.Utf8]
        async with open_editor([*WHET, "lsp", "--stdio"], project, encodings=kinds, versioned=bool(kinds)) as editor:
            uri = await open_measured(editor)
            (found,) = [each for each in await editor.find_diagnostics(uri) if each.code == "regex-compile"]
            assert (found.range.start.line, found.severity) == (AT, types.DiagnosticSeverity.Warning)
            assert "of the run is on its lines" in found.message
            hints = {hint.position.line: hint for hint in await editor.find_hints(uri)}
            size = len(HOT.encode(encoding)) if kinds else len(HOT.encode("utf-16-le")) // 2
            assert hints[AT].position.character == size
            assert str(hints[AT].label).endswith(" %")
            assert "whet run app.py" in str(hints[AT].tooltip)
            hover = await editor.find_hover(uri, AT)
            assert "regex-compile: Constant regex not precompiled" in hover
            assert "whet run app.py" in hover
            assert "parse: " in await editor.find_hover(uri, AT - 1)
            assert await editor.find_hover(uri, 1) == ""

            here = types.Range(types.Position(AT, 5), types.Position(AT, 5))
            actions = await editor.find_actions(uri, here)
            assert list(actions) == [REWRITE, PROVE]
            edit = actions[REWRITE]
            if kinds:
                (change,) = edit.document_changes
                assert (change.text_document.version, edit.changes) == (1, None)
                edits = change.edits
            else:
                edits = edit.changes[uri]
            text = apply_edits(APP, edits, encoding)
            assert "\n_PATTERN = re.compile(" in text
            assert 'mark = "😀"; match = _PATTERN.match(line)' in text
            compile(text, "app.py", "exec")
            nowhere = types.Range(types.Position(0, 0), types.Position(1, 0))
            assert await editor.find_actions(uri, nowhere) == {}
            assert await editor.find_actions(uri, here, [types.CodeActionKind.SourceOrganizeImports]) == {}

            outside = editor.open(str(project.parent / "outside.py"), SLOW)
            virtual, fresh = editor.open(".venv/lib/site.py", SLOW), editor.open("fresh.py", SLOW)
            (found,) = await editor.find_diagnostics(fresh)
            assert (found.code, found.severity) == ("list-membership", types.DiagnosticSeverity.Information)
            assert await editor.find_diagnostics(virtual) == []
            assert outside not in editor.diagnostics
            assert editor.messages == []

    asyncio.run(use())


@pytest.mark.slow
def test_a_text_that_changed_has_no_cost_on_the_wrong_line_and_no_stale_rewrite(project):
    before = read_files(project)

    async def use() -> None:
        async with open_editor([*WHET, "lsp"], project) as editor:
            uri = await open_measured(editor)
            moved = APP.replace("import re\n", "import re\nimport sys\n\n")
            stale = (await editor.find_actions(uri))[PROVE]
            editor.change(uri, 2, moved)
            # At once, while nothing of this version was found out: no rewrite of the last one.
            assert REWRITE not in await editor.find_actions(uri)
            assert AT + 2 in [hint.position.line for hint in await editor.find_hints(uri)]
            await editor.execute("whet.prove", *stale)
            await until(lambda: editor.messages)
            assert "the text changed since" in editor.messages.pop()

            assert "changed-since" not in [each.code for each in await editor.find_diagnostics(uri, 2)]
            assert "its measured lines are still the same" in await editor.find_hover(uri, AT + 2)
            actions = await editor.find_actions(uri)
            (change,) = actions[REWRITE].document_changes
            assert change.text_document.version == 2
            assert "_PATTERN.match(line)" in apply_edits(moved, change.edits, "utf-16")
            await editor.execute("whet.prove", *actions[PROVE])
            await until(lambda: editor.messages)
            assert editor.messages.pop().startswith("whet: app.py is not saved; save it first")

            editor.change(uri, 3, APP.replace(HOT, '    match = re.match("(.+)-([0-9]+)", line)'))
            changed = [each for each in await editor.find_diagnostics(uri, 3) if each.code == "changed-since"]
            assert len(changed) == 1
            assert AT not in [hint.position.line for hint in await editor.find_hints(uri)]

            editor.change(uri, 4, APP.replace("def main():", "def main(:"))
            assert "regex-compile" in [each.code for each in await editor.find_diagnostics(uri, 4)]
            assert AT in [hint.position.line for hint in await editor.find_hints(uri)]
            assert REWRITE not in await editor.find_actions(uri)

            for version in range(5, 25):
                editor.change(uri, version, APP + "\n" * version)
            assert "regex-compile" in [each.code for each in await editor.find_diagnostics(uri, 24)]
            document = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
            editor.client.text_document_did_close(document)
            await until(lambda: not editor.diagnostics[uri].diagnostics)
            assert await editor.find_hints(uri) == []

    asyncio.run(use())
    assert read_files(project) == before


def test_a_proof_shows_its_progress_and_ends_with_its_programs_when_it_is_cancelled(project):
    (project / "app.py").write_text(APP, encoding="utf-8")
    before = read_files(project)

    async def use() -> None:
        async with open_editor([*WHET, "lsp"], project) as editor:
            uri = await open_measured(editor)
            prove = (await editor.find_actions(uri))[PROVE]
            await editor.execute("whet.prove", *prove)
            await until(lambda: any(each["kind"] == "report" for each in editor.progress))
            assert editor.progress[0]["title"] == f"whet: proving {REWRITE.removeprefix('whet: ')}"
            assert editor.progress[0]["cancellable"]
            assert await editor.find_hints(uri)  # others are answered meanwhile
            await editor.execute("whet.prove", *prove)
            await until(lambda: editor.messages)
            assert "a proof is running" in editor.messages.pop()
            assert list(list_children(editor.process.pid))
            editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams("whet.prove"))
            await until(lambda: editor.progress[-1]["kind"] == "end")
            assert editor.progress[-1]["message"] == "cancelled"
            await until(lambda: not list(list_children(editor.process.pid)))
            assert editor.messages == []

    asyncio.run(use())
    assert read_files(project) == before


@pytest.mark.slow
def test_without_a_run_the_hot_profile_is_shown_and_a_new_run_as_soon_as_it_is_saved(project):
    words = [*WHET, "report", "--format", "hot", "-o", "whet-hot.json"]
    assert subprocess.run(words, cwd=project, check=False, capture_output=True).returncode == 0
    (project / "pyproject.toml").write_text('[tool.whet]\nprofile = "whet-hot.json"\n')
    runs = (project / ".whet").rename(project.parent / "kept")

    async def use() -> None:
        async with open_editor([*WHET, "lsp"], project) as editor:
            uri = editor.open("app.py")
            (found,) = [each for each in await editor.find_diagnostics(uri) if each.code == "regex-compile"]
            assert found.severity == types.DiagnosticSeverity.Warning
            hints = {hint.position.line: hint for hint in await editor.find_hints(uri)}
            assert str(hints[AT].label).startswith("≥ ")
            assert "whet-hot.json" in str(hints[AT].tooltip)
            assert PROVE not in await editor.find_actions(uri)  # there is no program to run
            runs.rename(project / ".whet")
            while not any("whet run app.py" in str(hint.tooltip) for hint in await editor.find_hints(uri)):
                await asyncio.sleep(0.1)
            (project / "pyproject.toml").write_text("[tool.whet]\nno-such-setting = 1\n")
            await until(lambda: editor.messages)
            assert "no-such-setting" in editor.messages[0]

    asyncio.run(use())


def test_the_projects_own_rules_are_run_only_where_its_folder_is_trusted(project, tmp_path):
    rules = project / ".whet" / "rules"
    rules.mkdir(parents=True)
    (rules / "noisy.py").write_text("import os\nopen(os.environ['MARK'], 'w').close()\nprint('hello')\n")
    settings = tmp_path / "settings" / "whet"
    settings.mkdir(parents=True)
    mark = tmp_path / "mark"

    async def use() -> None:
        variables = {"MARK": str(mark), "XDG_CONFIG_HOME": str(settings.parent)}
        async with open_editor([*WHET, "lsp"], project, **variables) as editor:
            uri = editor.open("other.py")
            assert await editor.find_diagnostics(uri) == []
            assert not mark.exists()
            (settings / "trusted.json").write_text(f'["{os.path.realpath(project)}"]')
            editor.change(uri, 2, "import sys\n")
            await editor.find_diagnostics(uri, 2)
            assert mark.exists()

    asyncio.run(use())
