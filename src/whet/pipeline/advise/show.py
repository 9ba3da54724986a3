"""From a run to its report: merge, find, advise, view, render."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from whet.errors import UsageError
from whet.merge.flame import DRAWN, fold_calls, view_metric
from whet.model.advice import Advice
from whet.model.hotspot import Hotspots
from whet.model.run import Run
from whet.pipeline.advise.advise import Advised, advise_run
from whet.pipeline.next_command import is_worth_proving, name_next_command
from whet.records import dataclass
from whet.report.view import ReportView, build_view

if TYPE_CHECKING:
    from whet.model.growth import Cause, GrowingLine, Growth
    from whet.report.api import Renderer


@dataclass(frozen=True, slots=True)
class Shown:
    """A run's view, ready for any renderer."""

    view: ReportView
    hotspots: Hotspots
    advice: tuple[Advice, ...]


def show(
    run: Run,
    *,
    include_source: bool = True,
    title: str = "",
    before: Run | None = None,
    changes: str = "",
    reference: str = "",
    project_rules: bool = True,
) -> Shown:
    """Merge a run, run the rules on its hot functions, and build the view.

    With ``before``, the flame graph compares the run with that one; ``changes`` summarizes the differences.
    ``reference`` names the run where it is not the latest. Without ``project_rules``, no code of the project is run.
    """
    with _without_collector():
        shown, advised = _show(
            run, before, changes, include_source=include_source, title=title, project_rules=project_rules
        )
        return replace(shown, view=_name_next(shown.view, advised, reference))


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the garbage collector from scanning growing tables without garbage again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _show(
    run: Run, before: Run | None, changes: str, *, include_source: bool, title: str, project_rules: bool
) -> tuple[Shown, Advised]:
    advised = advise_run(run, project_rules=project_rules)
    present = {samples.metric for profile in run.profiles for samples in profile.samples}
    calls = fold_calls(run, before=before)
    flames = {metric: view_metric(calls, metric) for metric in DRAWN if metric in present}
    growth, causes = _find_growth(run, advised.advice) if run.scaling.runs else (None, ())
    view = build_view(
        advised.run,
        advised.hotspots,
        advised.advice,
        flames,
        calls=calls,
        before=before,
        changes=changes,
        include_source=include_source,
        title=title,
        growth=growth,
        causes=causes,
        growing=_find_growing(run, advised.hotspots),
    )
    return Shown(view, advised.hotspots, advised.advice), advised


def _find_growing(run: Run, hotspots: Hotspots) -> dict[tuple[str, int], GrowingLine]:
    if not any(seen.track for seen in run.evidence.seen):
        return {}
    from whet.advise.growing_lines import find_growing_lines

    return find_growing_lines(run.evidence, hotspots, run.sources, run.profiles)


def _find_growth(run: Run, advice: tuple[Advice, ...]) -> tuple[Growth | None, tuple[Cause, ...]]:
    # Most runs have no sizes, and need neither.
    from whet.advise.growth import find_causes
    from whet.scale.growth import find_growth

    growth = find_growth(run.scaling)
    return growth, find_causes(growth, advice) if growth is not None else ()


def _name_next(view: ReportView, advised: Advised, reference: str) -> ReportView:
    """Set the next command of the loop measure, prove, apply, if the run has got that far."""
    command = name_next_command(advised.run, advised.advice, reference)
    needs_samples = view.summary.more_samples and not is_worth_proving(advised.advice)
    if not command or (needs_samples and not advised.run.proof.started):
        return view
    return replace(view, summary=replace(view.summary, next_command=command))


def find_renderer(name: str) -> Renderer:
    """Return the renderer called ``name``. Raises ``UsageError`` and ``PluginError``."""
    from typing import cast

    from whet.plugins import Group, load_plugin

    try:
        made = load_plugin(Group.RENDERERS, name)
    except UsageError as error:
        from whet.pipeline.foreign.formats import refuse_unknown

        raise refuse_unknown(name, error.hint) from None
    return cast("Renderer", made() if callable(made) else made)


def render(shown: Shown, renderer: Renderer, sink: BinaryIO) -> None:
    """Write a view with a renderer."""
    renderer.render(shown.view, sink)


def print_terminal(shown: Shown, stream: TextIO, report: Path | None, *, color: bool | None = None) -> None:
    """Print the summary to ``stream``, naming the report's path. Without ``color`` a terminal decides."""
    from whet.report.terminal import print_summary

    print_summary(shown.view, stream, str(report) if report is not None else "", color=color)


def write_rendering(shown: Shown, renderer: Renderer, path: Path) -> int:
    """Write a view with any renderer to a new file, or over one that whet wrote, and return its size in bytes.

    Raises ``StoreError``.
    """
    from whet.report.write import write_rendering as write

    return write(renderer, shown.view, path)


def write_html(shown: Shown, path: Path) -> int:
    """Write the HTML report and return its size in bytes. Raises :class:`whet.errors.StoreError`."""
    from whet.report.write import write_report

    return write_report(shown.view, path)
