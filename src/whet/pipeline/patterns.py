"""Patterns for paths, read as git reads a ``.gitignore``: for excludes, per-file ignores and ``.gitignore`` itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from whet.records import dataclass

_CLASS = re.compile(r"\[([!^]?)(\]?[^\]]*)\]")
_ANYTHING = r"[^\0]*"
_FOLDERS = r"(?:[^/\0]*/)*?"


@dataclass(frozen=True, slots=True)
class PathPatterns:
    """Patterns of one folder. Later ones take precedence; ``!`` excludes matches of earlier ones.

    ``steps`` are runs of patterns, one expression each, with the meaning of a match.
    """

    steps: tuple[tuple[re.Pattern[str], bool], ...]

    @classmethod
    def of(cls, patterns: Iterable[str], *, below: bool = True) -> PathPatterns:
        """Compile ``patterns``; lines that are not a pattern (blank, comment, malformed) match nothing.

        One that matches a folder also matches everything ``below`` it, unless the caller descends folder by folder.
        """
        runs: list[tuple[list[str], bool]] = []
        for pattern in patterns:
            expression, matches = _translate(pattern, below=below)
            if not expression:
                continue
            if not runs or runs[-1][1] is not matches:
                runs.append(([], matches))
            runs[-1][0].append(expression)
        steps = []
        for expressions, matches in runs:
            try:
                steps.append((re.compile("|".join(expressions)), matches))
            except re.error:  # one bad pattern must not disable the others
                steps += [(compiled, matches) for compiled in _compile_each(expressions)]
        return cls(tuple(steps))

    def judge(self, path: str, *, folder: bool = False) -> bool | None:
        """Return whether ``path``, relative and with slashes, is matched; ``None`` if no pattern applies."""
        subject = f"{path}\0" if folder else path  # no path contains a NUL, so it can stand for "a folder"
        for pattern, matches in reversed(self.steps):
            if pattern.match(subject):
                return matches
        return None

    def match(self, path: str) -> bool:
        """Return whether ``path`` is matched in the end."""
        return self.judge(path) is True


def read_pattern(glob: str) -> str:
    """Return a pattern of the settings in git's notation: ``./a`` is ``/a``, the one in the project's folder."""
    return f"/{glob[2:]}" if glob.startswith("./") else glob


def _compile_each(expressions: Sequence[str]) -> list[re.Pattern[str]]:
    compiled: list[re.Pattern[str]] = []
    for expression in expressions:
        try:
            compiled.append(re.compile(expression))
        except re.error:
            continue
    return compiled


def _translate(pattern: str, *, below: bool) -> tuple[str, bool]:
    """Return a regular expression for a pattern, and whether it includes (or, after ``!``, excludes)."""
    text = pattern.rstrip("\r\n")
    stripped = text.rstrip(" ")
    text = f"{stripped} " if stripped.endswith("\\") and stripped != text else stripped
    if not text or text.startswith("#"):
        return "", True
    matches = not text.startswith("!")
    text = text if matches else text[1:]
    folder_only = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return "", True
    anchored = "/" in text
    body = _translate_glob(text.lstrip("/") if anchored else f"**/{text}")
    end = r"(?:\0|/[^\0]*\0?)" if below else r"\0"
    tail = end if folder_only else f"{end}?"
    return f"(?:{body}{tail})\\Z", matches


def _translate_glob(text: str) -> str:
    """Return an expression whose time grows with the path's length, whatever the pattern.

    What stands between two ``**`` is looked for once: where it matches first, the rest has the most to match in. So it
    is with what stands between two stars in one name.
    """
    groups: list[list[str]] = [[]]
    names = text.split("/")
    for at, name in enumerate(names):
        if name == "**" and at < len(names) - 1:
            if groups[-1] or len(groups) == 1:
                groups.append([])
        else:
            groups[-1].append(_ANYTHING if name == "**" else _translate_name(name))
    first, *later = ["/".join(group) for group in groups]
    if not later:
        return first
    whole = f"{first}/" if first else ""
    *middle, last = later
    return whole + "".join(f"(?>{_FOLDERS}{group}/)" for group in middle) + f"{_FOLDERS}{last}"


def _translate_class(characters: str, *, is_other: bool) -> str:
    """Return the expression of a class, every sign escaped: ``re`` warns of ``--``, ``&&`` and such in one.

    As for git, a range that ends before it begins is its first character.
    """
    parts: list[str] = []
    at = 0
    while at < len(characters):
        low, high = characters[at], characters[at + 2 : at + 3]
        is_range = characters[at + 1 : at + 2] == "-" and bool(high)
        parts.append(f"{re.escape(low)}-{re.escape(high)}" if is_range and low <= high else re.escape(low))
        at += 3 if is_range else 1
    return f"[{'^' if is_other else ''}{''.join(parts)}]"


def _translate_name(text: str) -> str:
    """Return the expression of a part of a path, without slashes."""
    chunks: list[str] = [""]
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "*":
            chunks.append("")
            at += 1
        elif letter == "?":
            chunks[-1] += r"[^/\0]"
            at += 1
        elif letter == "[" and (found := _CLASS.match(text, at)) is not None:
            chunks[-1] += f"(?![/\\0]){_translate_class(found[2], is_other=bool(found[1]))}"
            at = found.end()
        elif letter == "\\" and at + 1 < len(text):
            chunks[-1] += re.escape(text[at + 1])
            at += 2
        else:
            chunks[-1] += re.escape(letter)
            at += 1
    first, *later = chunks
    if not later:
        return first
    *middle, last = later
    return first + "".join(rf"(?>[^/\0]*?{chunk})" for chunk in middle if chunk) + rf"[^/\0]*{last}"
