"""Applying what a check may mend, to one source, until nothing is left to mend."""

from __future__ import annotations

import ast
import contextlib
import difflib
import os
import stat
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from whet.fix.decoding import DecodingError, decode_source, encode_source
from whet.fix.edits import EditError, apply_edits
from whet.fix.select import GaveWay, rank, select
from whet.model.finding import Finding

ROUNDS = 50
"""Rewrites that bring one another out again and again end here."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of a source. ``left`` is what is still found in ``data``."""

    data: bytes
    left: tuple[Finding, ...]
    fixed: Mapping[str, int] = field(default_factory=dict)
    """Findings that were mended, by rule."""
    gave_way: tuple[GaveWay, ...] = ()
    """Findings that are still there because another's edits changed the same text, and nothing was left of them."""
    trouble: str = ""
    """Why the mending ended early; goes on "FILE …"."""


def mend_source(
    data: bytes,
    findings: Sequence[Finding],
    is_fixable: Callable[[Finding], bool],
    find: Callable[[bytes], Sequence[Finding]],
) -> Mended:
    """Apply the edits of the ``findings`` that are fixable, look again by ``find``, and so on until none is.

    Where findings want to change the same text, one is taken and the others are looked at again afterwards. A result
    that does not parse or cannot be said in the file's encoding is not kept.
    """
    fixed: Counter[str] = Counter()
    gave_way: list[GaveWay] = []
    left = tuple(findings)
    for _ in range(ROUNDS):
        chosen = select(sorted(filter(is_fixable, left), key=rank))
        if not chosen.taken:
            return Mended(data, left, fixed, tuple(gave_way))
        slugs = Counter(finding.rule for finding in chosen.taken)
        try:
            text, encoding = decode_source(data)
            changed = encode_source(apply_edits(text, chosen.edits), encoding)
            _parse(decode_source(changed)[0])
        except (EditError, DecodingError, SyntaxError, ValueError) as error:
            reason = f"is left as it is: the rewrite of {', '.join(sorted(slugs))} failed ({error})"
            return Mended(data, left, fixed, tuple(gave_way), reason)
        if changed == data:
            return Mended(data, left, fixed, tuple(gave_way))
        data, left = changed, tuple(find(changed))
        fixed += slugs
        gave_way += chosen.gave_way
    return Mended(data, left, fixed, tuple(gave_way), f"was changed {ROUNDS} times, and could be changed again")


def show_changes(path: str, before: bytes, after: bytes) -> str:
    """Return a unified diff that ``git apply`` and ``patch -p1`` take; empty without a change."""
    if before == after:
        return ""
    old, new = (_split(decode_source(data)[0]) for data in (before, after))
    lines = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def replace_file(path: Path, before: bytes, after: bytes) -> str:
    """Put ``after`` in the place of ``before``: the whole of it, or the file stays as it was.

    Mode and links stay. Returns why it was not done, empty when it was: among other things because the file changed
    since it was read.
    """
    try:
        path = path.resolve(strict=True)
        if path.read_bytes() != before:
            return "was changed while it was looked at, and is left alone"
        mode = stat.S_IMODE(path.stat().st_mode)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:50]}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(after)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    return ""


def _split(text: str) -> list[str]:
    """Return the lines of ``text`` with their ends, which are line feeds for a diff: what is before them stays."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _parse(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ast.parse(text.removeprefix("\ufeff"))
