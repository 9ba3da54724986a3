"""Remembers which rewrites were refuted, so that later runs on the same code do not suggest them again.

``.whet/refuted.json`` next to the saved runs::

    {"schema": 1, "refuted": [{"advice": id, "code": hash, "rule": …, "place": …, "verdict": …, "why": …, "when": …}]}

``code`` is the hash of the source from the function's start to the end of the place: an edit there
lets the rewrite be tried again. A file that cannot be read is ignored; deleting it forgets everything.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path

from whet.atomic import write_atomically
from whet.model.advice import Advice
from whet.model.run import Run
from whet.model.source import split_lines
from whet.model.trial import REFUTED, Trial
from whet.reading import read_file
from whet.records import dataclass
from whet.store import find_home

FILE = "refuted.json"
SCHEMA = 1
MOST = 1_000
"""Maximum number of refutations; the oldest are dropped first."""
_MOST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Refutations:
    """The remembered refutations: records by id and code."""

    records: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def holds(self, advice: Advice, run: Run) -> bool:
        """Whether the rewrite was refuted for the code of ``run``."""
        return (advice.id, hash_code(advice, run)) in self.records


def load_refutations(start: Path) -> Refutations:
    """Return the refutations of the project that ``start`` belongs to."""
    path = find_home(start) / FILE
    try:
        document = json.loads(read_file(path, _MOST_BYTES))
        rows = document["refuted"] if document["schema"] == SCHEMA else []
        return Refutations(
            {
                (row["advice"], row["code"]): {str(key): str(value) for key, value in row.items()}
                for row in rows
                if isinstance(row["advice"], str) and isinstance(row["code"], str)
            }
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Refutations()


def remember_refuted(start: Path, run: Run, advice: Iterable[Advice], trials: Iterable[Trial], when: str) -> None:
    """Add what a session refuted, and drop what it confirmed. A folder that cannot be written is ignored."""
    known = dict(load_refutations(start).records)
    by_id = {item.id: item for item in advice}
    for trial in trials:
        item = by_id.get(trial.ref.id)
        if item is None:
            continue
        key = (trial.ref.id, hash_code(item, run))
        known.pop(key, None)
        if trial.verdict in REFUTED:
            told = {"rule": trial.ref.rule, "place": trial.ref.place, "verdict": trial.verdict.value, "why": trial.why}
            known[key] = {"advice": key[0], "code": key[1], **told, "when": when}
    home = find_home(start)
    if not known and not (home / FILE).exists():
        return
    document = {"schema": SCHEMA, "refuted": list(known.values())[-MOST:]}
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        write_atomically(home / FILE, json.dumps(document, indent=1).encode("ascii"))


def hash_code(advice: Advice, run: Run) -> str:
    """Return the hash of the code that a rewrite is about."""
    finding = advice.finding
    source = run.sources.get(finding.file)
    lines = split_lines(source.text) if source is not None else []
    part = lines[max(0, min(finding.function_line, finding.line) - 1) : finding.end_line]
    return hashlib.sha256("\n".join(part).encode("utf-8", "surrogatepass")).hexdigest()[:16]
