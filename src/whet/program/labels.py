"""What tells a run from others of one job: given by the user, or the rank that a launcher of MPI or Slurm sets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from whet.errors import UsageError
from whet.model.labels import Labels, name_suffix

RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")
"""Open MPI, MPICH and those made from it, Slurm. Nothing else of the environment is looked at."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_MOST_LABELS = 8
_LONGEST = 80


def read_labels(texts: Sequence[str]) -> Labels:
    """Return the pairs in ``texts``, each ``NAME=VALUE``. Raises ``UsageError``."""
    labels: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise UsageError(f"--label {text[:80]!r} is not NAME=VALUE", "for example --label rank=3")
        if not 0 < len(value) <= _LONGEST or not value.isprintable():
            raise UsageError(
                f"--label {name}: the value is empty, too long or not printable", f"up to {_LONGEST} characters"
            )
        if name in labels:
            raise UsageError(f"--label {name} is given twice", "give each name one value")
        labels[name] = value
    if len(labels) > _MOST_LABELS:
        raise UsageError(f"{len(labels)} labels are more than {_MOST_LABELS}", "give fewer")
    return tuple(labels.items())


def find_rank(environ: Mapping[str, str]) -> str:
    """Return the rank of this process in its job; empty where no launcher has set one."""
    found = (environ.get(name, "") for name in RANKS)
    return next((value for value in found if value.isascii() and value.isdigit() and len(value) < 10), "")


def choose_labels(given: Labels, environ: Mapping[str, str]) -> Labels:
    """Return the labels given, else the rank."""
    rank = find_rank(environ)
    return given or ((("rank", rank),) if rank else ())


def label_path(path: Path, labels: Labels) -> Path:
    """Return a path of which each rank of a job has its own: ``report.html`` becomes ``report-rank-3.html``.

    One whose name holds the label's value already stays: the user has written ``report-$PMI_RANK.html``.
    """
    missing = tuple(
        (name, value)
        for name, value in labels
        if not re.search(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", path.stem)
    )
    suffix = name_suffix(missing)
    return path.with_name(f"{path.stem}-{suffix}{path.suffix}") if suffix else path
