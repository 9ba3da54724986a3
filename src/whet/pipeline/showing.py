"""From a run to what is shown of it: merge, find, advise, view, render."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from whet.advise.join import advise
from whet.engine.loading import load_rules
from whet.engine.run import find_findings
from whet.errors import PluginError
from whet.merge.attribute import merge_run
from whet.merge.flame import DRAWN, fold_calls, view_metric
from whet.model.hotspot import Hotspots
from whet.model.run import Notice, Purpose, Run
from whet.observe.answers import answer
from whet.pipeline.project import find_project
from whet.report.view import ReportView, build_view

if TYPE_CHECKING:
    from whet.report.api import Renderer

HOT_SHARE = 0.005
"""Rules look at functions that own a line of this share of the run."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A run's view, ready for any renderer."""

    view: ReportView
    hotspots: Hotspots


def check_rules(project: Path) -> None:
    """Load all rules, so that one that is broken is known before the program runs. Raises ``PluginError``."""
    load_rules(project)


def show(run: Run, *, include_source: bool = True) -> Shown:
    """Merge a run, let the rules look at its hot functions, and build the view of it all."""
    hotspots = merge_run(run)
    hot: dict[str, set[int]] = {}
    for spot in hotspots.lines:
        cost = spot.cost
        if hotspots.busy_ns and (cost.charged_ns + cost.waiting_ns) / hotspots.busy_ns >= HOT_SHARE:
            hot.setdefault(spot.file, set()).add(spot.line)
    notices: tuple[Notice, ...] = ()
    try:
        rules = load_rules(_find_rules_of(run))
    except PluginError as error:
        # The measurement is there and must be shown; before a program runs, this is an error.
        rules = ()
        notices = (Notice("rules", f"no rule has looked at the program: {error.message}", error.hint),)
    python = tuple(int(part) for part in run.interpreter.version.split(".")[:2] if part.isdigit())
    findings, troubles = find_findings(
        run.sources,
        rules,
        {file: frozenset(lines) for file, lines in hot.items()},
        (python[0], python[1]) if len(python) == 2 else None,
    )
    advice = advise(run, hotspots, findings, answer=answer)
    if notices or troubles:
        from dataclasses import replace

        run = replace(run, notices=(*run.notices, *notices, *troubles))
    present = {samples.metric for profile in run.profiles for samples in profile.samples}
    calls = fold_calls(run)
    flames = {metric: view_metric(calls, metric) for metric in DRAWN if metric in present}
    return Shown(build_view(run, hotspots, advice, flames, calls=calls, include_source=include_source), hotspots)


def _find_rules_of(run: Run) -> Path | None:
    """Return the project whose own rules look at ``run``.

    The folder of a process that whet attached to may be somebody else's, or mean
    another folder here: only where whet itself was started are rules trusted.
    """
    if any(execution.purpose is Purpose.ATTACH for execution in run.executions):
        return find_project(Path.cwd())
    return Path(run.project) if run.project else None


def find_renderer(name: str) -> Renderer:
    """Return the renderer called ``name``. Raises ``UsageError`` and ``PluginError``."""
    from typing import cast

    from whet.plugins import Group, load_plugin

    made = load_plugin(Group.RENDERERS, name)
    return cast("Renderer", made() if callable(made) else made)


def render(shown: Shown, renderer: Renderer, sink: BinaryIO) -> None:
    """Write a view by a renderer."""
    renderer.render(shown.view, sink)


def print_terminal(shown: Shown, stream: TextIO, report: Path | None) -> None:
    """Print the summary to ``stream``, naming the report's path."""
    from whet.report.terminal import print_summary

    print_summary(shown.view, stream, str(report) if report is not None else "")


def write_rendering(shown: Shown, renderer: Renderer, path: Path) -> None:
    """Write a view by any renderer to a file that is not there, or that whet wrote. Raises ``StoreError``."""
    from whet.report.write import write_rendering as write

    write(renderer, shown.view, path)


def write_html(shown: Shown, path: Path) -> None:
    """Write the HTML report. Raises :class:`whet.errors.StoreError`."""
    from whet.report.write import write_report

    write_report(shown.view, path)
