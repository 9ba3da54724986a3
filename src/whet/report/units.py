"""How numbers are written: the only place where units are chosen.

A figure keeps its value beside its text, so that a table can be sorted and JSON
can give the number that people were shown. Bytes are decimal: 1 MB is 10⁶.
"""

from __future__ import annotations

from functools import lru_cache

from whet.records import dataclass

NOTHING = "–"
_LARGEST_PLAIN = 1_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as people see it, and its value: seconds, bytes, a count or a share; ``None`` is "not measured"."""

    text: str = NOTHING
    value: float | None = None
    hint: str = ""
    """What a tooltip adds, where the text is short for more."""

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=4096)  # sampled times are multiples of the sampler's period: thousands of rows share a few
def time_figure(nanoseconds: int | None) -> Figure:
    """Write a duration; the value is in seconds."""
    if nanoseconds is None:
        return Figure()
    return Figure(format_seconds(nanoseconds), nanoseconds / 1e9)


def bytes_figure(amount: int | None) -> Figure:
    """Write an amount of memory; the value is in bytes."""
    return Figure() if amount is None else Figure(format_bytes(amount), amount)


def count_figure(count: int | None) -> Figure:
    """Write a number of things that were counted one by one."""
    return Figure() if count is None else Figure(format_count(count), count, f"{count:,}")


@lru_cache(maxsize=4096)
def share_figure(share: float, error: float = 0.0) -> Figure:
    """Write a part of the run between 0 and 1, with its standard error."""
    return Figure(format_share(share, error), share)


def hits_figure(hits: int | None) -> Figure:
    """Write how often a line ran, every digit of it."""
    return Figure() if hits is None else Figure(f"{hits:,}", hits)


def format_seconds(nanoseconds: float) -> str:
    """Write a duration with two or three digits: ``1.23 s``, ``45 ms``, ``820 µs``, ``12 min 5 s``, ``27 h 3 min``."""
    if nanoseconds == 0:
        return "0 s"
    if abs(nanoseconds) >= 35_999.5e9:
        hours, minutes = divmod(round(nanoseconds / 60e9), 60)
        return f"{hours:,} h {minutes} min"
    if abs(nanoseconds) >= 599.5e9:
        minutes, seconds = divmod(round(nanoseconds / 1e9), 60)
        return f"{minutes:,} min {seconds} s"
    if abs(nanoseconds) >= 999.5e6:
        return f"{_three_digits(nanoseconds / 1e9)} s"
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if abs(nanoseconds) >= 0.9995 * size:
            return f"{_two_digits(nanoseconds / size)} {unit}"
    return f"{nanoseconds:.0f} ns"


def format_bytes(amount: float) -> str:
    """Write an amount of memory with three digits: ``12.3 MB``, ``512 B``."""
    if abs(amount) < 999.5:
        return f"{amount:.0f} B"
    for unit, size in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if abs(amount) < 999.5 * size:
            return f"{_three_digits(amount / size)} {unit}"
    return f"{_three_digits(amount / 1e12)} TB"


def format_count(count: float) -> str:
    """Write a count: every digit up to a million, then ``1.2 M``."""
    if abs(count) < _LARGEST_PLAIN:
        return f"{count:,.0f}"
    for unit, size in (("M", 1e6), ("G", 1e9)):
        if abs(count) < 999.5 * size:
            return f"{_two_digits(count / size)} {unit}"
    return f"{_two_digits(count / 1e12)} T"


def format_share(share: float, error: float = 0.0) -> str:
    """Write a part of the run: ``62.1 % ±1.2``, and ``<0.1 %`` for what is not nothing."""
    if 0 < share < 0.0005:
        return "<0.1 %"
    text = f"{share * 100:.1f} %"
    return f"{text} ±{max(error * 100, 0.1):.1f}" if error > 0 and share > 0 else text


def format_whole_share(share: float, error: float = 0.0) -> str:
    """Write a part of the run without decimals, for sentences: ``41 % ±3``; errors below 1 % are left out."""
    if 0 < share < 0.01:
        return "less than 1 %"
    return f"{share * 100:.0f} %" + (f" ±{error * 100:.0f}" if error >= 0.01 else "")


def format_factor(factor: float) -> str:
    """Write a speed-up: ``1.6×``."""
    return f"{_two_digits(factor)}×" if factor < 99.5 else f"{factor:,.0f}×"


def _two_digits(number: float) -> str:
    return f"{number:.1f}" if abs(number) < 9.95 else f"{number:.0f}"


def _three_digits(number: float) -> str:
    if abs(number) < 9.995:
        return f"{number:.2f}"
    return f"{number:.1f}" if abs(number) < 99.95 else f"{number:.0f}"
