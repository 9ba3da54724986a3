"""Tables as text: readable on a terminal and as Markdown."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table with aligned columns, the first to the left."""
    widths = [max(len(str(row[n])) for row in [head, *rows]) for n in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            str(cells[0]).ljust(widths[0]),
            *(str(c).rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True)),
        ]
        return "| " + " | ".join(padded) + " |"

    print(f"\n{title}\n")
    print(line(head))
    print("|" + "|".join(["-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:])]) + "|")
    for row in rows:
        print(line(row))


def print_heading(title: str, machine: Mapping[str, str]) -> None:
    """Print what was measured, when, and with which versions."""
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    said = ", ".join(f"{name} {version}" for name, version in machine.items())
    print(f"\n# {title}\n\n{today}; {said}", flush=True)


def show_ratio(value: float | None) -> str:
    """``1.07``, with fewer digits for large ratios."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def show_share(value: float | None) -> str:
    """A share in percent."""
    return "-" if value is None else f"{value * 100:.1f}"
