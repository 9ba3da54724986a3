"""A pytest session that is sampled from outside, each of its processes by one of whet's, in one report."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from whet.errors import WhetError
from whet.library import Sampling

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_FOLDER = "whet_folder"
_SECONDS = 600


class MeasuredSession:
    """Samples the process that runs tests, or has those of pytest-xdist sampled, and reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._worker: dict[str, Any] = getattr(config, "workerinput", {})
        self._stack = contextlib.ExitStack()
        self._folder = Path(self._worker[_FOLDER]) if _FOLDER in self._worker else self._make_folder()
        self._sampling: Sampling | None = None
        self._tests: dict[str, list[Any]] = {}
        """Of each test the seconds of its phases together, its file and its qualified name."""
        self._said = ""

    def _make_folder(self) -> Path:
        from whet.scratch import scratch_folder

        return self._stack.enter_context(scratch_folder("tests"))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401  one of xdist's
        """Name to a worker the folder for its samples."""
        node.workerinput[_FOLDER] = str(self._folder)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Begin to sample this process, unless its workers run the tests."""
        if self._config.pluginmanager.has_plugin("dsession"):
            return
        from whet.library import make_request

        try:
            self._sampling = Sampling({**make_request(), "rate_option": ""})
        except WhetError as error:
            self._note(error)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """End the sampling, and where all is together, make the report."""
        if self._sampling is not None:
            name = str(self._worker.get("workerid", "main"))
            try:
                self._sampling.end(lambda file: shutil.copy(file, self._folder / f"{name}.run"))
            except WhetError as error:
                self._note(error)
        if not self._worker:
            with self._stack:
                self._said = self._report()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the phases of a test."""
        if type(report).__name__ != "SubtestReport":
            file, _, name = report.location
            self._tests.setdefault(report.nodeid, [0.0, file, name])[0] += report.duration

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print the summary."""
        if self._said:
            terminalreporter.section("whet")
            terminalreporter.write(self._said)

    def _note(self, error: WhetError) -> None:
        """Keep an error for the report, next to the samples of the other processes."""
        name = str(self._worker.get("workerid", "main"))
        text = f"{error.message} ({error.hint})" if error.hint else error.message
        (self._folder / f"{name}.error").write_text(text, encoding="utf-8")

    def _report(self) -> str:
        options = self._config.option
        slowest = sorted(self._tests.items(), key=lambda item: -item[1][0])[: options.whet_slowest]
        terminal: TerminalReporter | None = self._config.pluginmanager.get_plugin("terminalreporter")
        asked = {
            "folder": str(self._folder),
            "directory": str(self._config.invocation_params.dir),
            "words": ["-m", "pytest", *map(str, self._config.invocation_params.args)],
            "report": options.whet_report,
            "slowest": [[name, *found] for name, found in slowest],
            "width": terminal._tw.fullwidth if terminal is not None else 80,
            "color": terminal is not None and terminal._tw.hasmarkup,
        }
        code = (
            f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); "
            "from whet.pipeline.tests.process import main; main()"
        )
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", code],
                input=json.dumps(asked).encode("ascii"),
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"whet: no report: {error}\n"
        return (done.stdout + done.stderr).decode("utf-8", "replace")
