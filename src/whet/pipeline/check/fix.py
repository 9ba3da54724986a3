"""Fixing one source in a check: the remaining findings, and the changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from whet.fix.apply import fix_text
from whet.fix.decoding import DecodingError, decode_source, encode_source
from whet.fix.select import GaveWay
from whet.model.finding import Finding
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Fixed:
    """The result of fixing a source. ``left`` are the findings that remain in ``data``."""

    data: bytes
    left: tuple[Finding, ...]
    fixed: Mapping[str, int] = field(default_factory=dict)
    """Numbers of fixed findings, by rule."""
    gave_way: tuple[GaveWay, ...] = ()
    """Findings that were not fixed because another one changes the same text."""
    troubles: tuple[str, ...] = ()
    """Problems; each continues "FILE …"."""


def mend_source(
    data: bytes,
    findings: Sequence[Finding],
    is_fixable: Callable[[Finding], bool],
    find: Callable[[bytes], Sequence[Finding]],
) -> Fixed:
    """Apply the edits of the fixable ``findings``, search again with ``find``, and so on until none is left."""
    try:
        text, encoding = decode_source(data, to_write=True)
    except DecodingError as error:
        return Fixed(data, tuple(findings), troubles=(f"{error.message}, and is left unchanged",))
    known = {text: tuple(findings)}

    def examine(now: str) -> list[Finding]:
        if now not in known:
            known[now] = tuple(find(encode_source(now, encoding)))
        return [finding for finding in known[now] if is_fixable(finding)]

    try:
        done = fix_text(text, examine)
        changed = encode_source(done.text, encoding)
        examine(done.text)
    except DecodingError as error:
        return Fixed(data, tuple(findings), troubles=(f"{error.message}, and is left unchanged",))
    troubles = [
        f"is left unchanged at line {bad.line}: the rewrite of {bad.rule} does not parse" for bad in done.broken
    ]
    if done.unfinished:
        troubles.append("does not converge: two rules undo each other")
    fixed = Counter(finding.rule for finding in done.applied)
    return Fixed(changed, known[done.text], fixed, done.gave_way, tuple(troubles))


def show_changes(path: str, before: bytes, after: bytes) -> str:
    """Return a unified diff that ``git apply`` and ``patch -p1`` accept; empty without a change.

    Bytes that are not UTF-8 are kept as surrogates: a patch in another encoding than its file does not apply.
    """
    from whet.fix.diff import diff_texts

    return diff_texts(before.decode("utf-8", "surrogateescape"), after.decode("utf-8", "surrogateescape"), path)
