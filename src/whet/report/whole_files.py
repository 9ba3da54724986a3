"""Whole sources as data for scripts, for files too long for the page, which are then shown by scrolling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whet.model.source import split_lines
from whet.report.packing import pack
from whet.report.parts import SourceLine, SourceListing
from whet.report.sanitize import cut_line, show_source

MOST_PACKED = 1_200_000
"""Maximum number of characters of all files in the page, packed."""


def pack_files(listings: Sequence[SourceListing]) -> dict[str, str]:
    """Return the packed text and figures of the files that the page cuts, by anchor, as many as there is room for."""
    packed: dict[str, str] = {}
    room = MOST_PACKED
    for listing in listings:
        if listing.is_cut:
            text = pack(describe_file(listing))
            if len(text) <= room:
                packed[listing.anchor] = text
                room -= len(text)
    return packed


def describe_file(listing: SourceListing) -> dict[str, Any]:
    """Return the text of a file, and for lines with figures line, heat, share, time, hits, per hit, allocated."""
    lines = (show_source(cut_line(line)) for line in split_lines(listing.text))
    return {"text": "\n".join(lines), "costs": [_describe_line(line) for line in listing.measured if line.cost]}


def _describe_line(line: SourceLine) -> list[int | str]:
    cost = line.cost
    assert cost is not None
    figures = (cost.spent_share, cost.spent_seconds, cost.hits, cost.hit_seconds, cost.allocated_bytes)
    return [line.number, line.heat, *(figure.text if figure.value or figure is cost.hits else "" for figure in figures)]
