"""Formats by content and by name, built in or of other distributions."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, cast

from whet.errors import FormatError, StoreError, UsageError, WhetError
from whet.formats.api import Keeps
from whet.formats.api import ProfileFormat as ProfileFormat  # noqa: PLC0414 - what a command holds in its hands
from whet.formats.unpack import open_unpacked, read_head
from whet.merge.combine import combine_profiles
from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.model.run import Run
from whet.plugins import Group, find_plugins
from whet.reading import describe_error

SAVED_RUN = b'{"schema":'
"""How a saved run begins, unpacked."""
_LAST = "collapsed"
"""Lines of text with a number: what a more exact format recognizes is asked first."""
_KNOWN = (
    (b"MOJ", "austin's binary format", "convert it to text: `mojo2austin FILE OUTPUT`, of austin-python"),
    (b"<!DOCTYPE html", "an HTML page", "of Dask save the profile itself: `json.dump(client.profile(), file)`"),
    (b"PERFILE2", "perf's binary format", "convert it: `perf script | stackcollapse-perf.pl`"),
)
"""Files that are often given, and cannot be read."""


def list_formats() -> dict[str, ProfileFormat]:
    """Return all formats by name, each made. Raises ``PluginError`` for one that does not load."""
    made = {name: plugin.load() for name, plugin in find_plugins(Group.FORMATS).items()}
    return {name: cast("ProfileFormat", each() if callable(each) else each) for name, each in made.items()}


def is_saved_run(path: Path) -> bool:
    """Return whether ``path`` is a run that whet saved."""
    try:
        with path.open("rb") as file:
            return read_head(file).startswith(SAVED_RUN)
    except (OSError, FormatError):
        return False


def recognize(file: BinaryIO) -> ProfileFormat:
    """Return the reader of ``file`` by what it begins with. Raises ``FormatError`` where no reader knows it."""
    head = read_head(file)
    if not head:
        raise FormatError("it is empty", where="byte 0", hint="record it again")
    for magic, what, hint in _KNOWN:
        if head.startswith(magic):
            raise FormatError(f"it is {what}, which is not read", where="byte 0", hint=hint)
    formats = list_formats()
    order = sorted(formats, key=lambda name: name == _LAST)
    found = next((formats[name] for name in order if _does_recognize(formats[name], head)), None)
    if found is None:
        raise FormatError(
            "no reader recognizes it", where="byte 0", hint="docs/formats.md lists what is read, and how to record it"
        )
    return found


def _does_recognize(form: ProfileFormat, head: bytes) -> bool:
    """Ask a format; those of distributions made for an older whet cannot be asked."""
    ask = getattr(form, "recognizes", None)
    return bool(ask is not None and ask(head))


def read_profiles(path: Path) -> tuple[str, list[Profile]]:
    """Return the name of the reader and the profiles in ``path``.

    Raises ``StoreError`` for a file that cannot be opened, ``FormatError`` that names it for one that cannot be read.
    """
    try:
        with path.open("rb") as file:
            form = recognize(file)
            return form.name, list(form.read(open_unpacked(file)))
    except FormatError as error:
        raise FormatError(f"{path}: {error.message}", hint=error.hint) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}", hint="check the path") from error
    except WhetError:
        raise
    except Exception as error:  # readers of other distributions may raise anything
        hint = "record it again, or export it in another format"
        raise FormatError(f"{path}: {describe_error(error)}", hint=hint) from error


def find_writer(name: str) -> ProfileFormat | None:
    """Return the format called ``name``; ``None`` for one that is none. Raises ``PluginError``."""
    plugin = find_plugins(Group.FORMATS).get(name)
    if plugin is None:
        return None
    made = plugin.load()
    return cast("ProfileFormat", made() if callable(made) else made)


def write_profile(run: Run, form: ProfileFormat, sink: BinaryIO) -> str:
    """Write all of a run's profiles as one, and return in one line what of it the format does not keep.

    Raises ``FormatError`` for a format that is only read.
    """
    profile = combine_profiles(run)
    if not profile.samples:
        raise FormatError("the run has no samples to write", hint="measure it again for longer")
    form.write(profile, sink)
    return describe_losses(form, profile)


def save_profile(run: Run, form: ProfileFormat, path: Path) -> str:
    """Write as :func:`write_profile` does, to a new file or over one that whet wrote. Raises ``StoreError`` too."""
    from io import BytesIO

    from whet.report.write import write_page

    sink = BytesIO()
    losses = write_profile(run, form, sink)

    def is_ours(there: Path) -> bool:
        try:
            with there.open("rb") as file:
                head = read_head(file)
        except (OSError, FormatError):
            return False
        return b"whet" in head[:4096] and _does_recognize(form, head)

    write_page(sink.getvalue(), path, is_ours)
    return losses


def describe_losses(form: ProfileFormat, profile: Profile) -> str:
    """Return what ``profile`` has and the format does not keep, as a list in words; empty for nothing, or unknown."""
    keeps = getattr(form, "keeps", None)
    if not isinstance(keeps, Keeps):
        return ""
    present = {each.metric for each in profile.samples if any(each.value)}
    lost = [_WORDS[metric] for metric in _WORDS if metric in present and metric not in keeps.metrics]
    if not keeps.stacks:
        lost.append("whole stacks")
    if not keeps.lines:
        lost.append("lines")
    if not keeps.threads and len(profile.threads) > 1:
        lost.append("threads")
    if not keeps.hits and profile.lines:
        lost.append("exact hits")
    return ", ".join(lost)


_WORDS = {
    Metric.CPU: "CPU time",
    Metric.WAITING: "waiting time",
    Metric.IDLE: "idle time",
    Metric.GIL: "waiting for the GIL",
    Metric.ALLOCATED: "allocated bytes",
    Metric.ALLOCATIONS: "the number of allocations",
    Metric.PEAK: "peak memory",
    Metric.LIVE: "memory live at the end",
}


def refuse_unknown(name: str, hint: str) -> UsageError:
    """Return the error for a name that is neither a renderer's nor a format's."""
    writers = [each for each, form in list_formats().items() if isinstance(getattr(form, "keeps", None), Keeps)]
    return UsageError(f"unknown report format {name[:40]!r}", f"{hint}, hot, {', '.join(writers)}")
