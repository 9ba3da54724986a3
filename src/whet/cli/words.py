"""Reading a command's words by ``argparse``, for commands that are done before typer would be loaded."""

from __future__ import annotations

import argparse
from typing import NoReturn

from whet.errors import UsageError


class WordParser(argparse.ArgumentParser):
    """A parser that raises :class:`UsageError` instead of ending the process, and knows ``--help``."""

    def __init__(self, command: str, summary: str, details: str) -> None:
        super().__init__(
            prog=f"whet {command}",
            description=f"{summary}\n\n{details}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )
        self._command = command
        self._positionals.title, self._optionals.title = "Arguments", "Options"
        self.add_argument("-h", "--help", action="store_true", help="Show this message and exit.")

    def format_help(self) -> str:
        """Return the help; what stands above the options is wrapped at the terminal's width, line by line."""
        import shutil
        import textwrap

        width = max(20, shutil.get_terminal_size().columns - 2)
        lines = (self.description or "").splitlines()
        self.description = "\n".join(textwrap.fill(line, width, break_on_hyphens=False) for line in lines)
        return super().format_help().replace("usage: ", "Usage: ", 1)

    def error(self, message: str) -> NoReturn:
        """Raise :class:`UsageError` for wrong use."""
        hint = f"`whet {self._command} --help` tells the options"
        word = message.removeprefix("unrecognized arguments: ").split(" ")[0]
        if word != message and word.startswith("--"):
            import difflib

            near = difflib.get_close_matches(word.partition("=")[0], self._option_string_actions, n=1)
            message = f"there is no option {word}"
            hint = f"did you mean {near[0]}?" if near else hint
        raise UsageError(message, hint)
