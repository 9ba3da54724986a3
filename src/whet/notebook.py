"""whet in IPython and Jupyter: ``%load_ext whet``, then ``%whet STATEMENT`` and ``%%whet`` at the top of a cell.

A cell runs as it does without whet: its first line alone is replaced, before IPython reads it, by a call that begins
the sampling. So its value is shown, ``await`` works, and its lines keep their numbers. The sampling is that of
:mod:`whet.library`, by another process from outside.
"""

from __future__ import annotations

import argparse
import contextlib
import html
import inspect
import json
import shlex
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from whet.errors import UsageError, WhetError
from whet.library import Measured, Sampling, load_saved, make_request
from whet.notebook_cells import find_number, list_cells

if TYPE_CHECKING:
    from whet.report.view import ReportView

MAGIC = "%%whet"
PROVE_BUDGET = "5m"
MOST_ROWS = 8
LARGEST_REPORT = 4_000_000
"""Characters of a report that is shown in a notebook, which keeps it."""
_BEGIN = "_whet_begin"
_KEY = "_whet_magics"
_CELL = "padding:2px 10px 2px 0;text-align:left;vertical-align:top"
_NUMBER = "padding:2px 10px 2px 0;text-align:right;white-space:nowrap"


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401  an IPython shell
    """Add the magics to a shell: ``%load_ext whet``."""
    magics = Magics(shell)
    shell.register_magic_function(magics.run_statement_or_cell, "line_cell", "whet")
    shell.register_magic_function(magics.begin, "line", _BEGIN)
    shell.input_transformers_cleanup.append(transform_cell)
    shell.events.register("post_run_cell", magics.end_cell)
    setattr(shell, _KEY, magics)


def unload_ipython_extension(shell: Any) -> None:  # noqa: ANN401
    """Take them away: ``%unload_ext whet``."""
    magics = getattr(shell, _KEY, None)
    if magics is not None:
        shell.input_transformers_cleanup.remove(transform_cell)
        shell.events.unregister("post_run_cell", magics.end_cell)
        shell.magics_manager.magics["line"].pop(_BEGIN, None)
        for kind in ("line", "cell"):
            shell.magics_manager.magics[kind].pop("whet", None)
        delattr(shell, _KEY)


def transform_cell(lines: list[str]) -> list[str]:
    """Return a cell with its first line, if that is ``%%whet``, replaced by the call that begins the sampling."""
    first = lines[0].split(maxsplit=1) if lines else []
    if not first or first[0] != MAGIC:
        return lines
    options = lines[0].strip().removeprefix(MAGIC).strip()
    return [f"get_ipython().run_line_magic({_BEGIN!r}, {options!r})\n", *lines[1:]]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, "see %whet?")


def read_options(text: str) -> argparse.Namespace:
    """Return the options of a magic. Raises ``UsageError``."""
    parser = _Parser(prog=MAGIC, add_help=False)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--rate", type=int)
    try:
        return parser.parse_args(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{MAGIC} {text} cannot be read: {error}", "close the quotes") from None


class Magics:
    """The magics of one shell."""

    def __init__(self, shell: Any) -> None:  # noqa: ANN401
        self._shell = shell
        self._block: _Block | None = None
        self._failed: set[int] = set()
        """Numbers of cells that raised."""

    def run_statement_or_cell(self, line: str, cell: str | None = None) -> None:
        """Measure where a statement or a cell spends its time, and show it with what could be faster.

            %whet STATEMENT
            %%whet [--memory] [--lines] [--prove] [--rate N]

        --memory measures allocations too (memray), --lines counts how often each line of the notebook's functions runs
        (line_profiler); both slow the code down. --prove then tries the suggestions: it runs the cells up to this one
        many times as a script, in other processes. --rate is samples per second.
        """
        if cell is not None:  # a cell that another magic or a program runs
            self.begin(line)
            self._shell.run_cell(cell)
            return
        if not line.strip():
            _say("%whet needs a statement, as in %whet work()")
            return
        if line.lstrip().startswith("--"):
            _say("%whet takes no options: %%whet as the first line of a cell does")
            return
        code = self._shell.transform_cell(line)
        name = self._shell.compile.cache(code, find_number(self._shell))
        compiled = compile(code, name, "exec")
        with self._told():
            block = _Block(self._shell, read_options(""))
            try:
                exec(compiled, self._shell.user_ns)  # noqa: S102  the user's own statement
            finally:
                block.end({name: ("%whet", code)})

    def begin(self, line: str) -> None:
        """Begin to measure the rest of the cell."""
        with self._told():
            if self._block is not None:
                raise UsageError("a cell is being measured already", "end it first")
            self._block = _Block(self._shell, read_options(line))

    def end_cell(self, result: Any) -> None:  # noqa: ANN401  an ExecutionResult
        """End the measurement of the cell, if it was measured, and show what was found."""
        number = find_number(self._shell)
        if not result.success:
            self._failed.add(number)
        block, self._block = self._block, None
        if block is None:
            return
        with self._told():
            block.end({})
            if block.prove:
                history = self._shell.history_manager.input_hist_raw[: number + 1]
                prove_cells([cell for at, cell in enumerate(history) if at not in self._failed])

    @staticmethod
    @contextlib.contextmanager
    def _told() -> Iterator[None]:
        """Show whet's errors in words: the cell itself is fine."""
        try:
            yield
        except WhetError as error:
            _say(f"{error.message}{f'; {error.hint}' if error.hint else ''}")


class _Block:
    """One measurement, from :meth:`__init__` to :meth:`end`."""

    def __init__(self, shell: Any, options: argparse.Namespace) -> None:  # noqa: ANN401
        from whet.scratch import scratch_folder

        self._shell = shell
        self.prove: bool = options.prove
        self._stack = contextlib.ExitStack()
        self._captures: dict[str, str] = {}
        self._finish: list[Callable[[], object]] = []
        folder = self._stack.enter_context(scratch_folder("cell"))
        try:
            self._sampling = Sampling({**make_request(options.rate), "rate_option": "%%whet --rate {}"})
            if options.memory:
                self._trace_memory(folder / "memory.bin")
            if options.lines:
                self._count_lines(folder / "lines.lprof")
        except BaseException:
            self._stack.close()
            raise

    def end(self, more: dict[str, tuple[str, str]]) -> None:
        """End the measurement and show what was found. ``more`` are names and texts of code that is no cell."""
        with self._stack:
            for finish in self._finish:
                finish()
            cells = {**list_cells(self._shell), **more}
            run = self._sampling.end(load_saved, cells=cells, captures=self._captures)
        display_measured(Measured(replace(run, command=(f"In[{find_number(self._shell)}]",))))

    def _trace_memory(self, file: Path) -> None:
        try:
            from memray import Tracker
        except ImportError:
            raise UsageError("--memory needs memray", f"{sys.executable} -m pip install memray") from None
        tracker = Tracker(file)
        tracker.__enter__()
        self._captures["memory"] = str(file)
        self._finish.append(lambda: tracker.__exit__(None, None, None))

    def _count_lines(self, file: Path) -> None:
        try:
            from line_profiler import LineProfiler
        except ImportError:
            raise UsageError("--lines needs line_profiler", f"{sys.executable} -m pip install line_profiler") from None
        counter = LineProfiler(*list_functions(self._shell.user_ns))
        counter.enable_by_count()

        def finish() -> None:
            counter.disable_by_count()
            counter.dump_stats(str(file))

        self._captures["exact lines"] = str(file)
        self._finish.append(finish)


def list_functions(namespace: dict[str, Any]) -> list[Any]:
    """Return the functions and methods that the notebook itself defines, those behind decorators included."""
    values = [value for name, value in namespace.items() if not name.startswith("_")]
    found = [value for value in values if isinstance(value, types.FunctionType)]
    for value in values:
        if isinstance(value, type) and value.__module__ == "__main__":
            found += [each for each in vars(value).values() if isinstance(each, types.FunctionType)]
    found = list(dict.fromkeys(inspect.unwrap(each) for each in found))
    return [each for each in found if isinstance(each, types.FunctionType) and each.__module__ == "__main__"]


def display_measured(measured: Measured) -> None:
    """Show a measurement: a table where output is shown as HTML, with the report below, else the summary."""
    import io

    from IPython.display import publish_display_data

    from whet.report.html import HtmlRenderer

    text = io.StringIO()
    measured.show(text)
    page = io.BytesIO()
    HtmlRenderer().render(measured.view, page)
    report = page.getvalue().decode("utf-8", "replace")
    publish_display_data({"text/plain": text.getvalue(), "text/html": write_table(measured.view, report)})


def write_table(view: ReportView, report: str) -> str:
    """Return a measurement as HTML that a notebook shows even where it does not trust it.

    That loses scripts, styles, ids and SVG; the report is in a frame of its own, which then is missing.
    """
    rows = [row for row in view.lines if row.cost.spent_seconds.value][:MOST_ROWS]
    parts = [f"<p><b>{_escape(view.summary.verdict)}</b></p>"]
    if rows:
        columns = view.columns
        heads = ["share", "time", *["hits"] * columns.hits, *["allocated"] * columns.memory]
        parts.append("<table><tr>" + "".join(f'<th style="{_NUMBER}">{head}</th>' for head in heads))
        parts.append(f'<th style="{_CELL}">line</th><th style="{_CELL}">code</th></tr>')
        for row in rows:
            figures = [row.cost.spent_share, row.cost.spent_seconds]
            figures += [row.cost.hits] if view.columns.hits else []
            figures += [row.cost.allocated_bytes] if view.columns.memory else []
            cells = "".join(f'<td style="{_NUMBER}">{_escape(str(figure))}</td>' for figure in figures)
            code = f'<td style="{_CELL}"><code>{_escape(row.code[:100])}</code></td>'
            parts.append(f'<tr>{cells}<td style="{_CELL}">{_escape(row.place)}</td>{code}</tr>')
        parts.append("</table>")
    for item in view.top_suggestions:
        facts = f"{item.worth}, {item.safety}" + (f", {item.gain}" if item.gain.value else "")
        parts.append(f"<p><b>{_escape(item.title)}</b> at {_escape(item.place)} ({_escape(facts)})<br>")
        parts.append(f"{_escape(item.message)}</p>")
        if item.diff:
            parts.append(f'<pre style="margin-left:1em">{_escape(item.diff)}</pre>')
    parts += [f"<p>Warning: {_escape(caution.message)}</p>" for caution in view.cautions[:3]]
    if len(report) <= LARGEST_REPORT:
        frame = 'style="width:100%;height:640px;border:1px solid #999" sandbox="allow-scripts" title="whet report"'
        inside = f'<iframe {frame} srcdoc="{html.escape(report)}"></iframe>'
        parts.append(f"<details><summary>Report</summary>{inside}</details>")
    return "".join(parts)


def prove_cells(cells: list[str]) -> None:
    """Run cells as a script, many times, with and without the suggestions, and print the verdicts with their diffs."""
    from whet.pipeline.run.cells import comment_out_magics
    from whet.scratch import scratch_folder

    with scratch_folder("cells") as folder:
        script = folder / "cells.py"
        script.write_text("\n\n".join(map(comment_out_magics, cells)) + "\n", encoding="utf-8")
        report = str(folder / "report.html")
        ran = _call_whet("run", "--python", sys.executable, "-o", report, str(script))
        if ran.returncode:
            raise UsageError(f"the cells fail as a script: {_last_line(ran)}", "leave --prove out")
        proven = _call_whet("prove", "--budget", PROVE_BUDGET, "--format", "json")
    try:
        proof = json.loads(proven.stdout)
    except ValueError:
        raise UsageError(f"nothing was proven: {_last_line(proven)}", "") from None
    for line in list_verdicts(proof):
        sys.stdout.write(f"{line}\n")


def list_verdicts(proof: dict[str, Any]) -> Iterator[str]:
    """Yield what a proof, as ``whet prove --format json`` prints it, says of each rewrite and of all together."""
    from whet.report.sanitize import show_source

    for number, each in enumerate(proof["rewrites"], 1):
        why = f": {each['why']}" if each["why"] else ""
        yield show_source(f"{number}. {each['title']}: {each['verdict']}{_state_gain(each['gain'])}{why}")
        yield from (f"   {show_source(line)}" for line in each["diff"].splitlines()[2:])
    total = proof["total"]
    checked = "output identical" if proof["checked"]["is_checked"] else "output not compared"
    yield f"All together: {total['verdict']}{_state_gain(total['gain'])}, {checked}"


def _state_gain(gain: dict[str, Any] | None) -> str:
    return f" {gain['speed']:.3g}× [{gain['low']:.3g}, {gain['high']:.3g}]" if gain else ""


def _call_whet(*words: str) -> subprocess.CompletedProcess[bytes]:
    code = f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); from whet.cli.main import main; main()"
    command = [sys.executable, "-P", "-c", code, *words]
    return subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)


def _last_line(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if "Error" in line or "error" in line]
    return (errors or lines or [f"status {done.returncode}"])[-1][:300]


def _escape(text: str) -> str:
    from whet.report.sanitize import show_source

    return html.escape(show_source(text))


def _say(text: str) -> None:
    sys.stderr.write(f"whet: {text}\n")
