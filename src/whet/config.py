"""A project's settings: ``[tool.whet]`` in its pyproject.toml.

A key that whet does not know is an error that names the nearest one: a setting
that is silently not heeded would look like one that holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whet.errors import UsageError

FILE = "pyproject.toml"
RULES_FOLDER = Path(".whet") / "rules"
"""Where a project's own rules stand, in the folder of its settings."""
OLDEST = (3, 11)
"""The oldest Python that rules speak about."""

LEAST_SHARE = 0.01
"""The part of a run below which a finding is not worth a word, unless a project says otherwise."""

_MARKERS = (FILE, ".git")
_VERSION = re.compile(r"(\d+)\.(\d+)")
_LOWER_BOUND = re.compile(r"(?:>=|==|~=)\s*(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Config:
    """What a project has set. Paths and patterns are relative to ``root``; see ``docs/configuration.md``."""

    root: Path
    """Where the settings stand; without any, the project's folder."""
    file: Path | None = None
    """The pyproject.toml that was read; ``None`` when no file sets anything."""
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    """Rules whose rewrites may be applied although they are not safe."""
    include: tuple[str, ...] = ()
    """Files that count as the project's own although they would not."""
    exclude: tuple[str, ...] = ()
    respect_gitignore: bool = True
    profile: str = ""
    """A file written by ``whet report --format hot``."""
    min_share: float = LEAST_SHARE
    """Part of a run, 0 to 1."""
    rules: tuple[str, ...] = ()
    """Folders with rules, beside ``.whet/rules``."""
    target_version: tuple[int, int] = OLDEST


def load_config(start: Path, file: Path | None = None) -> Config:
    """Return the settings that hold in the folder ``start``, or those of ``file``.

    They stand in the nearest pyproject.toml upwards that has a ``[tool.whet]``.
    Raises :class:`UsageError` for one that is not TOML, and for keys and values that mean nothing.
    """
    start = start.absolute()
    if file is not None:
        return _read(Path(start, file), named=True) or Config(find_root(start))
    found: Config | None = None
    for folder in (start, *start.parents):
        path = folder / FILE
        if path.is_file():
            read = _read(path, named=False)
            if read is not None and read.file is not None:
                return read
            found = found or read
    return found or Config(find_root(start))


def find_root(start: Path) -> Path:
    """Return the nearest folder upwards with a ``pyproject.toml`` or ``.git``, else ``start``."""
    for folder in (start, *start.parents):
        if any((folder / marker).exists() for marker in _MARKERS):
            return folder
    return start


def _read(path: Path, *, named: bool) -> Config | None:
    """Return what ``path`` sets; with ``file`` unset where it has no ``[tool.whet]``, ``None`` where it matters not."""
    try:
        data = path.read_bytes()
    except OSError as error:
        if not named:
            return None
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", "check the path") from error
    if b"whet" not in data and b"requires-python" not in data and not named:
        return Config(path.parent)
    import tomllib

    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        if b"tool.whet" not in data and not named:
            return None  # not ours to complain about
        raise UsageError(f"{path} is not TOML: {error}", "whet reads its settings from there") from error
    version = _find_target(document)
    tool = document.get("tool")
    table = tool.get("whet") if isinstance(tool, dict) else None
    if table is None:
        return Config(path.parent, target_version=version)
    if not isinstance(table, dict):
        raise UsageError(f"{path}: tool.whet is no table", "write [tool.whet] and its keys below it")
    return _make(path, table, version)


def _make(path: Path, table: Mapping[str, Any], version: tuple[int, int]) -> Config:
    values: dict[str, Any] = {"target_version": version}
    for key, value in table.items():
        reader = _READERS.get(key)
        if reader is None:
            raise _explain_unknown(path, key)
        try:
            values[key.replace("-", "_")] = reader(value)
        except ValueError as error:
            raise UsageError(f"{path}: [tool.whet] {key} is {value!r}", f"{key} is {error}") from None
    return Config(path.parent, path, **values)


def _explain_unknown(path: Path, key: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(key.replace("_", "-"), _READERS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(sorted(_READERS))}"
    return UsageError(f"{path}: [tool.whet] has no key {key!r}", hint)


def _find_target(document: Mapping[str, Any]) -> tuple[int, int]:
    """Return the oldest Python that the project says it runs on, and that whet knows."""
    project = document.get("project")
    required = project.get("requires-python") if isinstance(project, dict) else None
    match = _LOWER_BOUND.search(required) if isinstance(required, str) else None
    return max(OLDEST, (int(match[1]), int(match[2]))) if match else OLDEST


def _read_texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError("a list of texts, as in ['first', 'second']")
    return tuple(value)


def _read_text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def _read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _read_lists(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError("a table of patterns and rules, as in {'tests/**' = ['str-concat']}")
    return {pattern: _read_texts(slugs) for pattern, slugs in value.items()}


def _read_percent(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 100:
        raise ValueError("a percentage of the run, 0 to 100")
    return value / 100


def _read_version(value: object) -> tuple[int, int]:
    match = _VERSION.fullmatch(value) if isinstance(value, str) else None
    if match is None or (int(match[1]), int(match[2])) < OLDEST:
        raise ValueError(f"a version of Python from {OLDEST[0]}.{OLDEST[1]} on, as in '3.12'")
    return int(match[1]), int(match[2])


_READERS: Mapping[str, Callable[[object], object]] = {
    "allow": _read_texts,
    "exclude": _read_texts,
    "extend-select": _read_texts,
    "ignore": _read_texts,
    "include": _read_texts,
    "min-share": _read_percent,
    "per-file-ignores": _read_lists,
    "profile": _read_text,
    "respect-gitignore": _read_flag,
    "rules": _read_texts,
    "select": _read_texts,
    "target-version": _read_version,
}
