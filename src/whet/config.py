"""A project's settings: ``[tool.whet]`` in its pyproject.toml.

An unknown key is an error that suggests the nearest one: a silently ignored
setting would look like one in effect.
"""

from __future__ import annotations

import errno
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from whet.errors import UsageError
from whet.reading import MOST_SETTINGS, read_file
from whet.records import dataclass
from whet.trust import is_trusted

FILE = "pyproject.toml"
RULES_FOLDER = Path(".whet") / "rules"
"""The folder of a project's own rules, relative to that of its settings."""
OLDEST = (3, 11)
"""The oldest Python that rules support."""

LEAST_SHARE = 0.01
"""The share of a run below which a finding is not reported, by default."""

_KEYS = re.compile(r"""[-\w.'" \t]+""")
"""What may be a key of TOML."""
_MOST_STEPS = 10**8
"""Before 3.15, which refuses keys of 1,000 parts, tomllib takes the square of a key's parts, about 7 ns each."""
_QUOTING = reprlib.Repr()
_QUOTING.maxstring = _QUOTING.maxother = 200
_MARKERS = (FILE, ".git")
_VERSION = re.compile(r"(\d+)\.(\d+)")
_LOWER_BOUND = re.compile(r"(?:>=|==|~=)\s*(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Config:
    """A project's settings. Paths and patterns are relative to ``root``; see ``docs/configuration.md``."""

    root: Path
    """The folder of the settings; without any, the project's folder."""
    file: Path | None = None
    """The pyproject.toml that was read; ``None`` if there are no settings."""
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    """Rules whose rewrites may be applied although they are not safe."""
    include: tuple[str, ...] = ()
    """Files that count as the project's own although they would not by default."""
    exclude: tuple[str, ...] = ()
    respect_gitignore: bool = True
    profile: str = ""
    """A file written by ``whet report --format hot``."""
    min_share: float = LEAST_SHARE
    """Fraction of a run, 0 to 1."""
    rules: tuple[str, ...] = ()
    """Folders with rules, in addition to ``.whet/rules``."""
    source_roots: tuple[str, ...] = ()
    """Pairs OLD=NEW: where the folders are that profiles of other machines name."""
    target_version: tuple[int, int] = OLDEST
    passed_over: Path | None = None
    """A pyproject.toml that is another user's, and was not heeded."""


def load_config(start: Path, file: Path | None = None) -> Config:
    """Return the settings for the folder ``start``, or those of ``file``.

    They are in the nearest pyproject.toml upwards that has a ``[tool.whet]`` and is trusted.
    Raises :class:`UsageError` for one that is not TOML, and for invalid keys and values.
    """
    start = start.absolute()
    if file is not None:
        return _read(Path(start, file), named=True) or Config(find_root(start))
    found: Config | None = None
    passed_over: Path | None = None
    for folder in (start, *start.parents):
        path = folder / FILE
        if not _is_file(path):
            continue
        if not is_trusted(path):
            passed_over = passed_over or path
            found = found or Config(folder)
            continue
        read = _read(path, named=False)
        if read is not None and read.file is not None:
            return replace(read, passed_over=passed_over)
        found = found or read
    return replace(found or Config(find_root(start)), passed_over=passed_over)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long
        return False


def find_root(start: Path) -> Path:
    """Return the nearest folder upwards with a ``pyproject.toml`` or ``.git``, else ``start``."""
    for folder in (start, *start.parents):
        if any((folder / marker).exists() for marker in _MARKERS):
            return folder
    return start


def _read(path: Path, *, named: bool) -> Config | None:
    """Return the settings in ``path``; with ``file`` unset if it has no ``[tool.whet]``, else ``None``."""
    try:
        data = read_file(path, MOST_SETTINGS)
    except OSError as error:
        if not named and error.errno not in {errno.EFBIG, errno.EINVAL}:
            return None
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", "check the path") from error
    if b"whet" not in data and b"requires-python" not in data and not named:
        return Config(path.parent)
    import tomllib

    try:
        text = data.decode("utf-8-sig")
        if sum(key.count(".") ** 2 for key in _KEYS.findall(text)) > _MOST_STEPS:
            raise ValueError("a key has too many parts")
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # one for TOML, one for UTF-8, one for numbers of many digits
        if b"tool.whet" not in data and not named:
            return None  # an error in a file without settings for whet is not ours to report
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise UsageError(f"{path} is not TOML: {why}", "fix the file: whet reads its settings from it") from error
    version = _find_target(document)
    tool = document.get("tool")
    table = tool.get("whet") if isinstance(tool, dict) else None
    if table is None:
        return Config(path.parent, target_version=version)
    if not isinstance(table, dict):
        raise UsageError(f"{path}: tool.whet is not a table", "write [tool.whet], and its keys below it")
    return _make(path, table, version)


def _make(path: Path, table: Mapping[str, Any], version: tuple[int, int]) -> Config:
    values: dict[str, Any] = {"target_version": version}
    for key, value in table.items():
        setting = SETTINGS.get(key)
        if setting is None:
            raise _explain_unknown(path, key)
        try:
            values[key.replace("-", "_")] = setting.read(value)
        except ValueError as error:
            # A file may nest more lists than repr() can follow.
            raise UsageError(f"{path}: [tool.whet] {key} is {_QUOTING.repr(value)}", f"{key} must be {error}") from None
    return Config(path.parent, path, **values)


def _explain_unknown(path: Path, key: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(key.replace("_", "-"), SETTINGS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(sorted(SETTINGS))}"
    return UsageError(f"{path}: [tool.whet] has no key {key!r}", hint)


def _find_target(document: Mapping[str, Any]) -> tuple[int, int]:
    """Return the oldest Python that the project supports, and that whet knows."""
    project = document.get("project")
    required = project.get("requires-python") if isinstance(project, dict) else None
    match = _LOWER_BOUND.search(required) if isinstance(required, str) else None
    return max(OLDEST, (int(match[1]), int(match[2]))) if match else OLDEST


def _read_texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError("a list of strings, such as ['first', 'second']")
    return tuple(value)


def _read_text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a string")
    return value


def _read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _read_lists(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError("a table of patterns and rules, such as {'tests/**' = ['str-concat']}")
    return {pattern: _read_texts(slugs) for pattern, slugs in value.items()}


def _read_percent(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 100:
        raise ValueError("a percentage of the run, 0 to 100")
    return value / 100


def _read_version(value: object) -> tuple[int, int]:
    match = _VERSION.fullmatch(value) if isinstance(value, str) else None
    if match is None or (int(match[1]), int(match[2])) < OLDEST:
        raise ValueError(f"a Python version from {OLDEST[0]}.{OLDEST[1]} on, such as '3.12'")
    return int(match[1]), int(match[2])


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of ``[tool.whet]``: how its value is read, and its row in ``docs/configuration.md``.

    ``default`` is TOML where the default is a value, else words. ``check`` and ``run`` say in a word or two whether
    ``whet check`` and ``whet run`` and ``attach`` heed it; empty where they do not.
    """

    read: Callable[[object], object]
    default: str
    help: str
    check: str = "yes"
    run: str = ""


SETTINGS: Mapping[str, Setting] = {
    "select": Setting(_read_texts, "see [check](check.md#which-rules)", "rules and families to apply, or `ALL`"),
    "extend-select": Setting(_read_texts, "`[]`", "rules and families to apply in addition"),
    "ignore": Setting(_read_texts, "`[]`", "rules and families not to apply", run="yes"),
    "per-file-ignores": Setting(_read_lists, "`{}`", "the same for some files: a table of patterns and rules"),
    "allow": Setting(
        _read_texts,
        "`[]`",
        "rules whose rewrites `--fix` may apply although they are not safe; "
        "their offers count like any rewrite for `whet prove` and `whet apply`",
        run="with `--prove`",
    ),
    "include": Setting(_read_texts, "`[]`", "files that count as yours although they would not", run="yes"),
    "exclude": Setting(_read_texts, "`[]`", "files that do not count as yours", run="yes"),
    "respect-gitignore": Setting(_read_flag, "`true`", "skip what `.gitignore` names"),
    "profile": Setting(
        _read_text,
        "none",
        "a file written by `whet report --format hot`, or a profile of another tool: only hot code is reported",
    ),
    "min-share": Setting(
        _read_percent, "`1`", "percentage of a run below which nothing is reported", check="with a profile", run="yes"
    ),
    "rules": Setting(
        _read_texts,
        "`[]`",
        "folders with rules, in addition to `.whet/rules`; see [writing a rule](writing-a-rule.md)",
        run="yes",
    ),
    "source-roots": Setting(
        _read_texts,
        "`[]`",
        "pairs `OLD=NEW` for `whet report --from`: the folder OLD of the profile's machine is NEW here",
        check="with a profile",
    ),
    "target-version": Setting(
        _read_version,
        'from `requires-python`, at least `"3.11"`',
        "the oldest Python that the code runs on; rules that do not help there are off",
    ),
}
