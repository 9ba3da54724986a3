"""A run by what the user named: a saved one, or files of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from whet.errors import UsageError
from whet.model.run import Run
from whet.reading import named_errors
from whet.records import dataclass
from whet.store import find_run, load_run, using_run


@dataclass(frozen=True, slots=True)
class Loaded:
    """A run, and the file that it was saved in; ``None`` where profiles of other tools make it."""

    run: Run
    path: Path | None = None

    def using(self) -> AbstractContextManager[None]:
        """Turn whatever goes wrong with the run, which may be anybody's, into a ``FormatError``."""
        if self.path is not None:
            return using_run(self.path)
        return named_errors("the profiles cannot be used", "export them again, or choose others")


def load_any(references: Sequence[str | None], source_roots: Sequence[str], start: Path) -> Loaded:
    """Return the run that one reference names, or the one that several profiles make.

    A file that is not a saved run is a profile of another tool. Raises ``WhetError``.
    """
    from whet.pipeline.foreign.formats import is_saved_run

    if references and all(each is not None and _is_profile(Path(start, each)) for each in references):
        from whet.pipeline.foreign.read import read_foreign

        return Loaded(read_foreign([Path(each) for each in references if each is not None], source_roots, start))
    if len(references) == 1:
        path = find_run(references[0], start)
        return Loaded(load_run(path), path)
    saved = next((each for each in references if each and is_saved_run(Path(start, each))), None)
    if saved is not None:
        raise UsageError(
            f"{saved} is a saved run of whet's", "merge runs with `whet run --repeat`, and profiles with --from"
        )
    gone = next(each for each in references if each is None or not Path(start, each).is_file())
    raise UsageError(f"{gone} is not a file", "check the path")


def _is_profile(path: Path) -> bool:
    from whet.pipeline.foreign.formats import is_saved_run

    try:
        return path.is_file() and not is_saved_run(path)
    except (OSError, ValueError):  # a name too long, or with a NUL
        return False
