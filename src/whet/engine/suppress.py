"""Suppression comments: ``# whet: ignore[slug]``, and those that no longer suppress anything.

A comment at the end of a line, or anywhere in a multi-line statement, applies to
findings that start in that statement; one on a line of its own applies to the
next statement. It may be followed by text, as a reason.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator

from whet.model.finding import Edit, Finding, Safety, Speed
from whet.records import dataclass

UNUSED = "unused-ignore"
"""The slug of findings on comments that suppress nothing; selected, ignored and fixed like a rule."""

UNUSED_TITLE = "Unused whet: ignore comment"
UNUSED_PAGE = f"""Remove comments that suppress nothing.

## What
`# whet: ignore[slug]` where the rule has no finding any more, or where there is no rule of that name, and
`# whet: ignore` without a name, which suppresses nothing.

## Why
A comment that outlives its reason hides the next finding.

## When not
Comments for rules that were not run in this check are left alone. A finding that needs a profile counts too: such a
comment is left alone in a check without one. `ignore = ["{UNUSED}"]` in `[tool.whet]` turns this off.

## Source
`docs/check.md`.
"""

_MARK = re.compile(r"#\s*whet:\s*ignore\b(?:\s*\[([^\]]*)\])?")
_HINT = re.compile(r"#\s*whet:\s*ignore\b")
_NEXT_COMMENT = re.compile(r"\s+#\s?[A-Za-z]")
_NEWLINE = re.compile(r"\r\n|\r")
_SILENT = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER})


@dataclass(frozen=True, slots=True)
class Suppression:
    """A suppression comment, on ``line`` from ``column`` on, for findings of lines ``first`` to ``last``."""

    line: int
    column: int
    end_column: int
    slugs: tuple[str, ...]
    first: int
    last: int
    alone: bool
    """Nothing else is on its line."""
    code: str
    """The line that it stands on."""

    def silences(self, finding: Finding) -> bool:
        """Return whether the comment applies to ``finding``."""
        return finding.rule in self.slugs and self.first <= finding.line <= self.last


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of suppression: remaining findings, suppressed ones, and comments without effect."""

    kept: tuple[Finding, ...]
    silenced: tuple[Finding, ...]
    unused: tuple[Finding, ...]


def may_suppress(data: bytes) -> bool:
    """Return, cheaply, whether a source may contain such a comment."""
    return b"whet:" in data


def find_suppressions(text: str) -> tuple[Suppression, ...]:
    """Return the suppression comments of ``text``, in order; none if it is not Python."""
    if _HINT.search(text) is None:
        return ()
    plain = _NEWLINE.sub("\n", text.removeprefix("\ufeff"))
    try:
        return tuple(_read_tokens(plain))
    except (tokenize.TokenError, SyntaxError):
        return ()


def settle_suppressions(
    text: str,
    file: str,
    findings: Iterable[Finding],
    *,
    known: Collection[str],
    is_idle: Callable[[str, Suppression], bool],
) -> Settled:
    """Remove from ``findings`` those that the comments of ``text`` suppress.

    ``known`` are the slugs of all rules. ``is_idle`` is called for a slug that suppressed nothing at its place: it
    returns whether the rule was run there. Comments without effect become findings of :data:`UNUSED`, with the edit
    that removes them; a comment cannot suppress those.
    """
    suppressions = find_suppressions(text)
    by_line: defaultdict[int, list[int]] = defaultdict(list)
    for index, item in enumerate(suppressions):
        for line in range(item.first, item.last + 1):
            by_line[line].append(index)
    kept: list[Finding] = []
    silenced: list[Finding] = []
    used: set[tuple[int, str]] = set()
    for finding in findings:
        hits = [index for index in by_line.get(finding.line, ()) if suppressions[index].silences(finding)]
        used.update((index, finding.rule) for index in hits)
        (silenced if hits else kept).append(finding)
    unused: list[Finding] = []
    for index, item in enumerate(suppressions):
        idle = [slug for slug in item.slugs if (index, slug) not in used and (slug not in known or is_idle(slug, item))]
        if idle or not item.slugs:
            unused.append(_describe(item, file, idle, known))
    return Settled(tuple(kept), tuple(silenced), tuple(unused))


def _read_tokens(text: str) -> Iterator[Suppression]:
    lines = text.split("\n")
    start = 0  # of the logical line that is open; 0 between two
    inside: list[tokenize.TokenInfo] = []
    waiting: list[tokenize.TokenInfo] = []
    last = 1
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if _MARK.search(token.string):
                (inside if start else waiting).append(token)
        elif token.type == tokenize.NEWLINE:
            for comment in (*waiting, *inside):
                yield from _read_comment(comment, lines, start or token.start[0], token.start[0])
            start, inside, waiting = 0, [], []
        elif token.type not in _SILENT:
            start = start or token.start[0]
            last = token.end[0]
    for comment in waiting:  # after the last statement
        yield from _read_comment(comment, lines, last + 1, last)


def _read_comment(token: tokenize.TokenInfo, lines: list[str], first: int, last: int) -> Iterator[Suppression]:
    line, offset = token.start
    code = lines[line - 1]
    for match in _MARK.finditer(token.string):
        following = _NEXT_COMMENT.search(token.string, match.end())
        end = following.start() if following else len(token.string)
        slugs = tuple(dict.fromkeys(slug.strip() for slug in (match[1] or "").split(",") if slug.strip()))
        begin, stop = offset + match.start(), offset + end
        alone = not code[:begin].strip() and not code[stop:].strip()
        yield Suppression(line, begin, stop, slugs, first, last, alone, code)


def _describe(item: Suppression, file: str, idle: list[str], known: Collection[str]) -> Finding:
    edits: tuple[Edit, ...] = (_remove(item, idle),)
    if not item.slugs:
        message = "This names no rule, so it suppresses nothing: write `# whet: ignore[slug]`."
        edits = ()
    else:
        unknown = [slug for slug in idle if slug not in known]
        idle_known = [slug for slug in idle if slug in known]
        parts: list[str] = []
        if idle_known:
            parts.append(f"{_join(idle_known)} {'has' if len(idle_known) == 1 else 'have'} no finding here")
        for slug in unknown:
            import difflib

            near = difflib.get_close_matches(slug, known, n=1)
            parts.append(
                f"{'there' if parts else 'There'} is no rule {slug!r}{f', did you mean {near[0]}' if near else ''}"
            )
            edits = () if near else edits
        message = f"{'; '.join(parts)}."
    return Finding(
        rule=UNUSED,
        file=file,
        line=item.line,
        end_line=item.line,
        column=item.column,
        function="",
        function_line=1,
        title=UNUSED_TITLE,
        message=message,
        safety=Safety.SAFE,
        speed=Speed.CONSTANT,
        lines=(item.line,),
        edits=edits,
        snippet=" ".join(item.code[item.column : item.end_column].split()),
    )


def _join(slugs: list[str]) -> str:
    return slugs[0] if len(slugs) == 1 else f"{', '.join(slugs[:-1])} and {slugs[-1]}"


def _remove(item: Suppression, idle: Collection[str]) -> Edit:
    """Return the edit that removes ``idle`` from the comment, or the whole comment if nothing else is in it."""
    left = [slug for slug in item.slugs if slug not in idle]
    if left:
        comment = item.code[item.column : item.end_column]
        text = _MARK.sub(f"# whet: ignore[{', '.join(left)}]", comment, count=1)
        return Edit(item.line, item.column, item.line, item.end_column, text)
    if item.alone:
        return Edit(item.line, 0, item.line + 1, 0, "")
    begin = len(item.code[: item.column].rstrip())
    if not item.code[:begin].strip():  # the comment's first part: what follows stays where it is
        following = len(item.code) - len(item.code[item.end_column :].lstrip())
        return Edit(item.line, item.column, item.line, following, "")
    return Edit(item.line, begin, item.line, item.end_column, "")
