"""``whet merge``: the runs and profiles of many processes as one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whet.errors import UsageError, WhetError
from whet.merge.gather import Gathering
from whet.model.moved import move_run
from whet.model.run import Notice, Run
from whet.pipeline.foreign.inputs import Input, Inputs
from whet.reading import named_errors
from whet.store import load_run

_MOST_FAILED = 5


def merge_runs(references: Sequence[str], source_roots: Sequence[str], start: Path) -> Run:
    """Return the run that everything which ``references`` name makes, each under its label.

    One file that cannot be read does not keep the others from being merged; it is named in a notice. Raises
    ``WhetError`` for references that lead to nothing, and where no file can be read.
    """
    gathering = Gathering()
    failed: list[tuple[Input, WhetError]] = []
    known: Counter[str] = Counter()
    passed_over: list[Input] = []
    project = ""
    with Inputs(references, start) as inputs:
        for each in inputs.find():
            try:
                run = _read(each, source_roots, start)
            except WhetError as error:
                failed.append((each, error))
                continue
            if run.parts and not each.is_named:
                passed_over.append(each)
                continue
            # One project, whose copies on other machines may be in other places.
            project = project or run.project
            if run.project and project and run.project != project:
                run = move_run(run, project)
            label = run.label or each.name
            known[label] += 1
            gathering.add(run, label)
        notices = (*inputs.notices, *_tell_passed_over(passed_over))
    if not len(gathering) and passed_over and not failed:
        raise UsageError(f"{passed_over[0].shown} is merged already", "name it to merge it with others")
    if failed and not len(gathering):
        raise failed[0][1]
    merged = gathering.finish()
    return replace(merged, notices=(*_describe(failed, known, merged), *notices, *merged.notices))


def _tell_passed_over(merged: Sequence[Input]) -> list[Notice]:
    """Say that merged runs in folders are left out: what they were merged from stands there too, often."""
    if not merged:
        return []
    which = merged[0].shown if len(merged) == 1 else f"{merged[0].shown} and {len(merged) - 1} more"
    return [Notice("parts", f"{which}: merged already, so left out", "name it to merge it with others")]


def _read(each: Input, source_roots: Sequence[str], start: Path) -> Run:
    from whet.pipeline.foreign.formats import is_saved_run

    with named_errors(f"{each.shown} cannot be used", "measure again, or leave it out"):
        if is_saved_run(each.path):
            run = load_run(each.path)
        else:
            from whet.pipeline.foreign.read import read_foreign

            run = read_foreign([each.path], source_roots, start)
            # Which file it is stands in its origin.
            run = replace(run, notices=tuple(notice for notice in run.notices if notice.about != "profile"))
        return replace(run, origins=tuple(replace(one, file=each.shown) for one in run.origins))


def _describe(failed: Sequence[tuple[Input, WhetError]], known: Counter[str], merged: Run) -> list[Notice]:
    notices = [
        Notice("profiles", f"{each.shown} is left out: {error.message}", error.hint)
        for each, error in failed[:_MOST_FAILED]
    ]
    if len(failed) > _MOST_FAILED:
        notices.append(Notice("profiles", f"{len(failed) - _MOST_FAILED} more files are left out"))
    again = [label for label, count in known.items() if count > 1]
    if again and len(merged.parts) > 1:
        notices.append(Notice("parts", f"several runs are labelled {again[0]}: their times are added up"))
    return notices
