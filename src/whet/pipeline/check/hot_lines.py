"""Hot lines by a committed hot profile: today's lines, and places that no longer exist."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from whet.engine.limits import UnreadableError
from whet.errors import UsageError
from whet.fix.decoding import DecodingError, decode_source
from whet.model.hot import HotPlace, HotProfile, read_hot
from whet.model.source import Notice
from whet.pipeline.check.hot_profile import HotLines, build_hot_profile, find_hot_lines
from whet.pipeline.project import find_project
from whet.reading import MOST_DATA, read_file

if TYPE_CHECKING:
    from whet.model.run import Run


class HotFiles:
    """The places of a hot profile by file, as absolute path. ``name`` is how the profile is shown to the user."""

    def __init__(
        self, places: Mapping[str, Sequence[HotPlace]], name: str, notices: Sequence[Notice] = (), hint: str = ""
    ) -> None:
        self._places = places
        self._hint = hint or f"measure again, then run `whet report --format hot -o {name}`"
        self.notices = tuple(notices)
        """What there is to say of the profile."""
        self._lines: dict[str, HotLines] = {}

    @classmethod
    def read(cls, path: Path, name: str, asked_by: str) -> HotFiles:
        """Read the profile at ``path``, a hot one, a saved run's file or any of another tool.

        Raises ``UsageError``, which names where it was ``asked_by``, and ``FormatError``.
        """
        try:
            data = read_file(path, MOST_DATA)
        except OSError as error:
            raise UsageError(
                f"the hot profile {path} cannot be read: {error.strerror or error} ({asked_by})",
                "write it with `whet report --format hot -o FILE` after `whet run`",
            ) from error
        if path.name == "run.json.gz":
            return cls._read_run(path, name)
        if data.lstrip()[:1] != b"{" or b'"hot code"' not in data[:200]:
            found = cls._read_foreign(path, name, data)
            if found is not None:
                return found
        root = find_project(path.absolute().parent)
        places: dict[str, list[HotPlace]] = defaultdict(list)
        for place in read_hot(data, str(path)).places:
            places[os.path.normpath(root / place.file)].append(place)
        return cls(places, name)

    @classmethod
    def _read_run(cls, path: Path, name: str) -> HotFiles:
        """Return the hot places of a saved run."""
        from whet.merge.hotspots import merge_run
        from whet.store import load_run

        run = load_run(path)
        return cls(_place(run, build_hot_profile(run, merge_run(run))), name, hint="measure again")

    @classmethod
    def _read_foreign(cls, path: Path, name: str, data: bytes) -> HotFiles | None:
        """Return the hot places of a profile of another tool; ``None`` for a file that no reader recognizes."""
        from io import BytesIO

        from whet.errors import FormatError
        from whet.merge.hotspots import merge_run
        from whet.pipeline.foreign.formats import recognize
        from whet.pipeline.foreign.read import read_foreign

        try:
            recognize(BytesIO(data))
        except FormatError:
            return None
        run = read_foreign([path], (), Path.cwd())
        profile = build_hot_profile(run, merge_run(run), with_functions=True)
        return cls(_place(run, profile), name, run.notices, "record the profile again")

    def __contains__(self, file: str) -> bool:
        return file in self._places

    def find(self, file: str, data: bytes) -> frozenset[int]:
        """Return the hot lines of ``file``, whose bytes are ``data``; :meth:`share` uses them from now on.

        A file that cannot be parsed is reported later, when the rules are run on it.
        """
        places = self._places.get(file, ())
        try:
            found = find_hot_lines(places, decode_source(data)[0]) if places else HotLines({})
        except (UnreadableError, DecodingError):
            found = HotLines({})
        self._lines[file] = found
        return found.lines

    def share(self, file: str, lines: Iterable[int]) -> float:
        """Return the minimum share of the run (0 to 1) that ``lines`` cost."""
        known = self._lines.get(file)
        return known.share(lines) if known is not None else 0.0

    def list_statements(self, file: str, data: bytes) -> dict[int, float]:
        """Return the minimum share of the run (0 to 1) of each hot statement of ``file``, by its first line."""
        self.find(file, data)
        statements = self._lines[file].statements
        firsts = [line for line in statements if statements.get(line - 1) != statements[line]]
        return {line: self.share(file, [line]) for line in sorted(firsts)}

    def tell_missing(self, file: str, shown: str) -> Iterator[Notice]:
        """Yield the hot places that are no longer in ``file``."""
        for place in self._lines[file].missing if file in self._lines else ():
            yield self._notice(f"{shown}: the hot {place.code!r} is no longer in {place.function}")

    def tell_gone(self, show: Callable[[str], str]) -> Iterator[Notice]:
        """Yield the files of the profile that no longer exist; ``show`` gives their names."""
        for file, places in sorted(self._places.items()):
            if not os.path.exists(file):  # noqa: PTH110
                yield self._notice(f"{show(file)} was hot and no longer exists ({len(places)} places)")

    def _notice(self, message: str) -> Notice:
        return Notice("profile", message, self._hint)


def _place(run: Run, profile: HotProfile) -> Mapping[str, Sequence[HotPlace]]:
    """Return the hot places of a run by file, as absolute path."""
    places: dict[str, list[HotPlace]] = defaultdict(list)
    for place in profile.places:
        places[os.path.normpath(Path(run.project) / place.file)].append(place)
    return places
