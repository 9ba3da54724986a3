"""What is hot in a program, in a form that is meant to be committed: no times, no machine, no line numbers.

The file's history:

1. the first: ``{"whet": "hot code", "version": 1, "places": [{"file", "function", "code", "share"}, …]}``
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterable

from whet.errors import FormatError
from whet.records import dataclass

KIND = "hot code"
VERSION = 1
CLASSES = (50, 20, 5, 1)
"""Per cent of a run. A place is in the highest class that it reaches: figures that differ little from run to run."""

CODE_LIMIT = 200
"""Characters that are kept of a place's code."""

_SPACE = re.compile(r"\s+")
_LAST_COMMA = re.compile(r",(?=[)\]}])")


@dataclass(frozen=True, slots=True, order=True)
class HotPlace:
    """A statement that cost at least ``share`` per cent of a run.

    ``file`` is relative to the project, with slashes; ``function`` the qualified name of the function, class or
    ``<module>`` that it stands in; ``code`` its text, white space normalised. Statements alike in all of these are one
    place.
    """

    file: str
    function: str
    code: str
    share: int

    def is_code(self, code: str) -> bool:
        """Tell whether ``code`` is this place's, however it is laid out."""
        mine, other = squeeze(self.code), squeeze(code)
        return other.startswith(mine) if len(self.code) >= CODE_LIMIT else mine == other


@dataclass(frozen=True, slots=True)
class HotProfile:
    """All hot places of a run, sorted."""

    places: tuple[HotPlace, ...] = ()


def normalise(code: str) -> str:
    """Return ``code`` on one line, shortened."""
    return " ".join(code.split())[:CODE_LIMIT]


def squeeze(code: str) -> str:
    """Return ``code`` without what a formatter may change: white space, and commas before closing brackets."""
    return _LAST_COMMA.sub("", _SPACE.sub("", code))


def classify(share: float) -> int:
    """Return the class of a share (0 to 1), in per cent; 0 for what is below all of them."""
    return next((bound for bound in CLASSES if share * 100 >= bound), 0)


def write_hot(places: Iterable[HotPlace]) -> str:
    """Return the file's text: a line a place, sorted, so that it differs only where what is hot does."""
    rows = [
        json.dumps({"file": place.file, "function": place.function, "code": place.code, "share": place.share})
        for place in sorted(set(places))
    ]
    body = ",\n".join(f"    {row}" for row in rows)
    inner = f"[\n{body}\n  ]" if rows else "[]"
    return f'{{\n  "whet": "{KIND}",\n  "version": {VERSION},\n  "places": {inner}\n}}\n'


def read_hot(data: bytes, name: str) -> HotProfile:
    """Return the profile in a file's ``data``. Raises :class:`FormatError` that names the file and the place in it."""
    hint = "write it with `whet report --format hot -o FILE`"
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{name} is no hot profile: {error}", hint=hint) from None
    if not isinstance(document, dict) or document.get("whet") != KIND:
        raise FormatError(f"{name} is no hot profile", hint=hint)
    if document.get("version") != VERSION:
        raise FormatError(
            f"{name} is of version {reprlib.repr(document.get('version'))}, this whet reads {VERSION}", hint=hint
        )
    rows = document.get("places")
    if not isinstance(rows, list):
        raise FormatError(f"{name} has no list of places", hint=hint)
    places: list[HotPlace] = []
    for index, row in enumerate(rows):
        match row:
            case {"file": str(file), "function": str(function), "code": str(code), "share": int(share)} if (
                share in CLASSES and file and code
            ):
                places.append(HotPlace(file, function, code, share))
            case _:
                raise FormatError(f"{name} has a place that is none", f"places[{index}]", hint)
    return HotProfile(tuple(sorted(places)))
