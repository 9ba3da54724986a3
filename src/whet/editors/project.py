"""A project that an editor has files of: its latest run, its hot profile and its settings, kept up to date."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.agents.commands import Commands, Done
from whet.config import LEAST_SHARE, Config, load_config
from whet.editors.measured import Measured, find_latest, read_measured
from whet.errors import UsageError, WhetError
from whet.report.sanitize import show
from whet.trust import list_trusted

if TYPE_CHECKING:
    from whet.pipeline.check.hot_lines import HotFiles

_SECONDS = 60.0
MOST_CHECKS = 2
"""Checks that run side by side."""


class Project:
    """The folder with the pyproject.toml or the ``.git`` above a file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands = Commands(root)
        self.measured: Measured | None = None
        self.hot: HotFiles | None = None
        self.hot_name = ""
        self.least = LEAST_SHARE
        self.troubles: list[str] = []
        """What could not be read, in sentences not yet shown."""
        self._config = Config(root)
        self._stamps: tuple[Any, ...] = ()
        self._refreshing = asyncio.Lock()
        self._checks = asyncio.Semaphore(MOST_CHECKS)

    async def refresh(self) -> bool:
        """Read what is new in the project; return whether anything was. One that is cancelled leaves it to the next."""
        async with self._refreshing:
            stamps = await asyncio.to_thread(self._read_stamps)
            if stamps == self._stamps:
                return False
            try:
                self._config = await asyncio.to_thread(load_config, self.root)
            except WhetError as error:
                self.troubles.append(_tell(error))
            self.least = self._config.min_share
            await self._refresh_run()
            await self._refresh_hot()
            # Those from before: what has changed meanwhile is read next time.
            self._stamps = stamps
            return True

    async def check(self, path: str, data: bytes, run: Path | None = None) -> list[dict[str, Any]]:
        """Return what the rules find in a text, as JSON; nothing where it does not parse.

        With a ``run``, what all rules find in the code that was hot in it.
        """
        words = [] if run is None else ["--profile", str(run), "--min-share", "0"]
        words = ["check", *words, "--format", "json", "--exit-zero", "--force-exclude", "--stdin-filename", path, "-"]
        try:
            async with self._checks:
                done = await self._run([*words, *self._choose_rules()], data)
        except OSError as error:
            self.troubles.append(f"the text cannot be checked: {error}")
            return []
        try:
            found: list[dict[str, Any]] = await asyncio.to_thread(json.loads, bytes(done.stdout.data))
        except ValueError:
            self.troubles.append(read_error(done))
            return []
        return found

    def _choose_rules(self) -> Sequence[str]:
        """Return the option that keeps the project's own rules from being run, unless `whet trust` named its folder.

        They are code, and that a file was opened is no reason to run it.
        """
        root = Path(os.path.realpath(self.root))
        trusted = any(root.is_relative_to(folder) for folder in list_trusted())
        return () if trusted else ("--no-project-rules",)

    async def _run(self, words: Sequence[str], stdin: bytes = b"") -> Done:
        return await self.commands.run(words, _say_nothing, doing="", seconds=_SECONDS, stdin=stdin)

    async def _refresh_run(self) -> None:
        latest = await asyncio.to_thread(find_latest, self.root)
        if latest is None:
            self.measured = None
            return
        path, stamp = latest
        if self.measured is not None and (self.measured.path, self.measured.stamp) == (path, stamp):
            return
        try:
            done = await self._run(["report", str(path), "--format", "json", *self._choose_rules()])
            if done.status:
                raise UsageError(f"the run {path.parent.name} cannot be shown: {read_error(done)}")
            self.measured = await asyncio.to_thread(read_measured, path, stamp, bytes(done.stdout.data))
        except (WhetError, OSError, ValueError, KeyError, TypeError) as error:
            self.measured = None
            self.troubles.append(_tell(error))

    async def _refresh_hot(self) -> None:
        from whet.pipeline.check.hot_lines import HotFiles

        self.hot, self.hot_name = None, self._config.profile
        if self.hot_name:
            path = self._config.root / self.hot_name
            try:
                self.hot = await asyncio.to_thread(HotFiles.read, path, self.hot_name, str(self._config.file))
            except WhetError as error:
                self.troubles.append(_tell(error))

    def _read_stamps(self) -> tuple[Any, ...]:
        latest = find_latest(self.root)
        files = [
            self.root / "pyproject.toml",
            self._config.root / self._config.profile if self._config.profile else None,
        ]
        return latest, *(_read_stamp(path) for path in files if path is not None)


def read_error(done: Done) -> str:
    """Return what a command that failed said was wrong."""
    lines = done.stderr.data[-4_000:].decode("utf-8", "replace").strip().splitlines()
    first = next((index for index, line in enumerate(lines) if line.startswith("whet: error: ")), None)
    if first is None:
        return show(lines[-1])[:300] if lines else f"it ended with status {done.status}"
    return "; ".join(show(line.removeprefix("whet: ").removeprefix("error: ")) for line in lines[first : first + 2])


async def _say_nothing(_done: float, _total: float | None, _message: str) -> None:
    """Take the progress of what is too short to show it."""


def _read_stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _tell(error: Exception) -> str:
    if isinstance(error, WhetError):
        return f"{error.message}; {error.hint}" if error.hint else error.message
    return f"the latest run cannot be shown: {error}"
