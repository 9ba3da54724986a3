"""From files of other tools to a run: read, matched to the sources at hand, merged under a label each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import whet
from whet.config import load_config
from whet.fix.files import hash_bytes
from whet.merge.align import align_profile
from whet.merge.labels import find_outliers
from whet.merge.ownership import Ownership
from whet.merge.relocate import Relocated, relocate_frames
from whet.merge.wall_time import split_wall
from whet.model.evidence import Evidence
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.origin import Origin
from whet.model.profile import Profile
from whet.model.run import Interpreter, Notice, Run, SourceFile
from whet.pipeline.foreign.formats import read_profiles
from whet.pipeline.foreign.sources import Matched, match_sources, read_roots
from whet.pipeline.project import find_commit, find_project

_MOST_NAMED = 5
"""Places that a notice names."""
_HINT = "name the folder with --source-root OLD=NEW"


def read_foreign(paths: Sequence[Path], source_roots: Sequence[str], start: Path) -> Run:
    """Return the run that the files ``paths`` make, with sources below ``start``'s project.

    ``source_roots`` are pairs OLD=NEW, in addition to those of the settings. Raises ``WhetError``: for a file that
    cannot be read, one that names it.
    """
    config = load_config(start)
    roots = read_roots(source_roots, start) + read_roots(config.source_roots, config.root)
    read = [(path, *read_profiles(path)) for path in paths]
    labels = _make_labels(paths)
    project = find_project(start)
    profiles: list[Profile] = []
    origins: list[Origin] = []
    for index, ((path, form, found), label) in enumerate(zip(read, labels, strict=True)):
        named = [_label(profile, label) if len(paths) > 1 else profile for profile in found]
        profiles += [replace(split_wall(profile), execution=index) for profile in named]
        origins.append(_describe(path, form, label, found))
    matched = match_sources(dict.fromkeys(f for each in profiles for f in each.frames), roots, project, config)
    run, relocated = _assemble(profiles, origins, matched, project)
    notices = [
        *_describe_origins(origins, [found for _, _, found in read]),
        *_describe_sources(matched, relocated, run),
    ]
    run = replace(run, notices=tuple(notices))
    if len(paths) > 1:
        run = replace(run, notices=(*run.notices, *_describe_outliers(run)))
    return run


def _make_labels(paths: Sequence[Path]) -> list[str]:
    """Return the names of the files without suffix; where two are alike, with their folder or a number."""
    stems = [path.name.partition(".")[0] or path.name for path in paths]
    if len(set(stems)) < len(stems):
        stems = [path.name for path in paths]
    if len(set(stems)) < len(stems):
        stems = [f"{path.parent.name}/{path.name}" for path in paths]
    return [stem if stems.count(stem) == 1 else f"{stem}-{number}" for number, stem in enumerate(stems, start=1)]


def _label(profile: Profile, label: str) -> Profile:
    """Return ``profile`` with its threads under a label."""
    return replace(profile, threads=tuple(replace(each, label=label) for each in profile.threads))


def _describe(path: Path, form: str, label: str, found: Sequence[Profile]) -> Origin:
    times = {Metric.CPU, Metric.WAITING, Metric.IDLE}
    return Origin(
        label=label,
        file=str(path),
        format=form,
        tool=", ".join(dict.fromkeys(profile.collector for profile in found)),
        samples=sum(each.count for profile in found for each in profile.samples if each.metric in times),
        wall=any(profile.wall for profile in found),
        missing=tuple(dict.fromkeys(each for profile in found for each in profile.missing)),
    )


def _assemble(
    profiles: Sequence[Profile], origins: Sequence[Origin], matched: Matched, project: Path
) -> tuple[Run, Relocated]:
    frames = list(dict.fromkeys(frame for profile in profiles for frame in profile.frames))
    relocated = relocate_frames(frames, matched.files, matched.sources)
    sources = {
        path: _keep_source(path, text, matched.data[path], project) for path, (text, _) in matched.sources.items()
    }
    ownership = Ownership(
        project=str(project),
        stdlib=tuple(matched.standard),
        # Relative paths that are nothing here: their time is that of the line that called them.
        site_packages=tuple(matched.foreign),
        program=tuple(sources),
    )
    aligned = []
    for profile in profiles:
        placed = _place(profile, relocated, sources)
        aligned.append(align_profile(placed, sources, ownership))
    run = Run(
        whet_version=whet.__version__,
        command=(),
        started="",
        directory=str(project),
        project=str(project),
        interpreter=Interpreter("", ""),
        commit=find_commit(project),
        profiles=tuple(aligned),
        sources=sources,
        evidence=Evidence(why_missing="a profile of another tool holds no values"),
        can_run_again=False,
        origins=tuple(origins),
    )
    return run, relocated


def _place(profile: Profile, relocated: Relocated, sources: dict[str, SourceFile]) -> Profile:
    """Return ``profile`` with its frames where they stand now; frames that become equal are merged by aligning."""
    lines = []
    by_line: dict[tuple[str, int], Frame] = {}
    for old, moved in relocated.frames.items() if profile.lines else ():
        by_line.setdefault((old.file, old.line), moved)
    for each in profile.lines:
        new = by_line.get((each.file, each.line))
        if new is not None and new.line and new.file in sources:
            lines.append(replace(each, file=new.file, line=new.line))
    return replace(profile, frames=[relocated.frames.get(frame, frame) for frame in profile.frames], lines=tuple(lines))


def _keep_source(path: str, text: str, data: bytes, project: Path) -> SourceFile:
    try:
        shown = Path(path).relative_to(project.resolve()).as_posix()
    except ValueError:
        shown = path
    return SourceFile(path, shown, hash_bytes(data), text)


def _describe_origins(origins: Sequence[Origin], found: Iterable[Sequence[Profile]]) -> Iterator[Notice]:
    """Yield what each file is, what it does not hold, and where it breaks off."""
    for origin, profiles in zip(origins, found, strict=True):
        said = [f"recorded by {origin.tool}"] if origin.tool else []
        if origin.missing:
            said.append(f"it does not hold: {'; '.join(origin.missing)}")
        if origin.wall:
            said.append("its times are wall time: waiting that no stack shows counts as computing")
        said += [f"it is not complete: {profile.truncated}" for profile in profiles if profile.truncated]
        yield Notice("profile", f"{origin.file} ({origin.format}): {'. '.join(said)}")


def _describe_sources(matched: Matched, relocated: Relocated, run: Run) -> Iterator[Notice]:
    if relocated.at_starts:
        yield Notice("lines", "the profile has only the lines at which functions start; advice is on whole functions")
    if relocated.stale:
        yield Notice(
            "source",
            f"no longer in the sources, so nothing is advised on them: {_list_places(relocated.stale, run)}",
            "check out the version that was profiled",
        )
    if relocated.moved:
        yield Notice("source", f"found at another line than in the profile: {_list_places(relocated.moved, run)}")
    gone = [*matched.missing, *matched.foreign]
    if matched.missing or (matched.foreign and not run.sources):
        message = f"no source here for {_join(gone)}: lines of theirs are not shown, and nothing is advised on them"
        yield Notice("source", message, _HINT)


def _list_places(places: Sequence[tuple[str, str]], run: Run) -> str:
    return _join([f"{name} ({run.sources[file].shown if file in run.sources else file})" for file, name in places])


def _join(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _describe_outliers(run: Run) -> Iterator[Notice]:
    """Yield the functions that one of the files has far more of than the others."""
    parts = [
        replace(run, profiles=tuple(profile for profile in run.profiles if profile.execution == index))
        for index in range(len(run.origins))
    ]
    for each in find_outliers(run, parts):
        shown = run.sources[each.file].shown if each.file in run.sources else each.file
        share, others = f"{each.share * 100:.0f} %", f"{each.others * 100:.0f} %"
        yield Notice("profiles", f"{each.name} ({shown}) takes {share} of {each.label}, and {others} of the others")
