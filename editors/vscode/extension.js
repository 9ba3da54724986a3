// Starts `whet lsp` for Python files. All that is shown comes from the server.
"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
  const settings = workspace.getConfiguration("whet");
  const command = settings.get("path");
  client = new LanguageClient(
    "whet",
    "whet",
    { command, args: ["lsp"] },
    {
      documentSelector: [{ scheme: "file", language: "python" }],
      initializationOptions: { proveSeconds: settings.get("proveSeconds") },
    },
  );
  try {
    await client.start();
  } catch (error) {
    window.showErrorMessage(
      `${command} lsp does not start: ${error.message}. Install it with: pipx install 'whet-perf[lsp]', or set whet.path.`,
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running !== undefined && running.needsStop()) {
    await running.stop();
  }
}

async function restart() {
  await stop();
  await start();
}

async function activate(context) {
  context.subscriptions.push(
    commands.registerCommand("whet.restart", restart),
    workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("whet") && restart()),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
