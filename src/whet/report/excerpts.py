"""Which source a report shows: the hot lines with some context; the rest is folded or left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from whet.model.advice import Advice
from whet.model.hotspot import Hotspots, LineSpot, share_error
from whet.model.run import Run
from whet.model.source import split_lines
from whet.records import dataclass
from whet.report.costs import figure_cost
from whet.report.parts import Relations, SourceBlock, SourceLine, SourceListing, Suggestion
from whet.report.places import Places
from whet.report.sanitize import LONGEST_LINE
from whet.report.units import share_figure, time_figure

HOT_SHARE = 0.003
MOST_FILES = 12
MOST_HOT_LINES = 420
MOST_COLD_LINES = 300
MOST_COLD_CHARACTERS = 120_000
AROUND = 2
HEAT_CLASSES = 10


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The lines of one file that are shown with figures: closed ranges, in order, apart."""

    file: str
    hot: tuple[tuple[int, int], ...]


def choose_excerpts(run: Run, hotspots: Hotspots, advice: Sequence[Advice]) -> tuple[Excerpt, ...]:
    """Return what to show of which file, the hottest file first. Takes the hottest lines until the page is full."""
    lengths: dict[str, int] = {}
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    room = MOST_HOT_LINES
    for file, line, start in _rank_places(hotspots, advice):
        source = run.sources.get(file)
        if source is None or (file not in wanted and len(wanted) >= MOST_FILES):
            continue
        if file not in lengths:
            lengths[file] = len(split_lines(source.text))
        near = {start, *range(line - AROUND, line + AROUND + 1)}
        new = {n for n in near if 1 <= n <= lengths[file]} - wanted[file]
        if not 1 <= line <= lengths[file] or len(new) > room:
            continue
        room -= len(new)
        wanted[file] |= new
    return tuple(Excerpt(file, _join_ranges(lines)) for file, lines in wanted.items() if lines)


def shown_lines(excerpts: Sequence[Excerpt]) -> set[tuple[str, int]]:
    """Return every (file, line) that has a row, and thus an anchor, in the page."""
    return {(e.file, n) for e in excerpts for first, last in e.hot for n in range(first, last + 1)}


def build_listings(
    run: Run,
    hotspots: Hotspots,
    excerpts: Sequence[Excerpt],
    suggestions: Sequence[Suggestion],
    places: Places,
    relations: Mapping[tuple[str, int], Relations] | None = None,
) -> tuple[SourceListing, ...]:
    """Return the annotated source of the files in ``excerpts``.

    ``relations`` are by file and first line of a function.
    """
    by_file: defaultdict[str, dict[int, LineSpot]] = defaultdict(dict)
    for spot in hotspots.lines:
        by_file[spot.file][spot.line] = spot
    hottest = max((spot.cost.spent_share for spot in hotspots.lines), default=0.0)
    marks: defaultdict[tuple[str, int], tuple[Suggestion, ...]] = defaultdict(tuple)
    for suggestion in suggestions:
        marks[suggestion.file, suggestion.line] += (suggestion,)
    cold_room = MOST_COLD_CHARACTERS
    listings = []
    for excerpt in excerpts:
        text = run.sources[excerpt.file].text
        lines = split_lines(text)
        annotator = _Annotator(excerpt.file, lines, by_file[excerpt.file], hottest, marks, places, relations or {})
        blocks: list[SourceBlock] = []
        next_line = 1
        for first, last in (*excerpt.hot, (len(lines) + 1, 0)):
            if first > next_line:
                block = _fold_block(lines, next_line, first - 1, cold_room)
                cold_room -= sum(min(len(line.text), LONGEST_LINE) for line in block.lines)
                blocks.append(block)
            if last:
                blocks.append(annotator.annotate(first, last))
                next_line = last + 1
        own = by_file[excerpt.file].values()
        share = sum(spot.cost.spent_share for spot in own)
        listings.append(
            SourceListing(
                file=places.show(excerpt.file),
                anchor=places.file_anchor(excerpt.file),
                share=share_figure(share, share_error(share, hotspots.samples)),
                spent=time_figure(sum(spot.cost.spent_ns for spot in own)),
                blocks=tuple(blocks),
                text=text,
                measured=tuple(
                    line
                    for n in sorted(by_file[excerpt.file])
                    if n <= len(lines)
                    for line in annotator.annotate(n, n).lines
                ),
            )
        )
    return tuple(sorted(listings, key=lambda listing: -(listing.share.value or 0.0)))


def heat_class(share: float, hottest: float) -> int:
    """Return 0 for a line without cost, else 1 to 10: the square root of its share relative to the hottest line."""
    if share <= 0 or hottest <= 0:
        return 0
    return min(HEAT_CLASSES, int((share / hottest) ** 0.5 * HEAT_CLASSES * 0.999) + 1)


def _rank_places(hotspots: Hotspots, advice: Sequence[Advice]) -> list[tuple[str, int, int]]:
    """Return (file, line, first line of the function): places with advice first, then by cost."""
    advised = [(a.finding.file, a.finding.line, a.finding.function_line) for a in advice]
    hot = [(s.file, s.line, s.function_line) for s in hotspots.lines if s.cost.spent_share >= HOT_SHARE]
    return advised + hot


def _join_ranges(lines: set[int]) -> tuple[tuple[int, int], ...]:
    """Join lines into ranges; gaps of one or two lines are shown rather than folded."""
    ranges: list[tuple[int, int]] = []
    for line in sorted(lines):
        if ranges and line - ranges[-1][1] <= 3:
            ranges[-1] = (ranges[-1][0], line)
        else:
            ranges.append((line, line))
    return tuple(ranges)


def _fold_block(lines: list[str], first: int, last: int, room: int) -> SourceBlock:
    taken, used = [], 0
    for number in range(first, min(last, first + MOST_COLD_LINES - 1) + 1):
        used += min(len(lines[number - 1]), LONGEST_LINE)
        if used > room:
            break
        taken.append(SourceLine(number, lines[number - 1]))
    return SourceBlock(first, last, True, tuple(taken), last - first + 1 - len(taken))


@dataclass(frozen=True, slots=True)
class _Annotator:
    """The data for the annotations of one file's lines."""

    file: str
    lines: Sequence[str]
    spots: Mapping[int, LineSpot]
    hottest: float
    marks: Mapping[tuple[str, int], tuple[Suggestion, ...]]
    places: Places
    relations: Mapping[tuple[str, int], Relations]

    def annotate(self, first: int, last: int) -> SourceBlock:
        """Return the block of lines ``first`` to ``last`` with their figures, heat and suggestions."""
        shown = self.places.show(self.file)
        block = []
        for number in range(first, last + 1):
            spot = self.spots.get(number)
            block.append(
                SourceLine(
                    number=number,
                    text=self.lines[number - 1],
                    heat=heat_class(spot.cost.spent_share, self.hottest) if spot else 0,
                    cost=figure_cost(spot.cost) if spot else None,
                    anchor=self.places.line_anchor(self.file, number),
                    suggestions=self.marks.get((shown, number), ()),
                    relations=self.relations.get((self.file, number)),
                )
            )
        return SourceBlock(first, last, False, tuple(block))
