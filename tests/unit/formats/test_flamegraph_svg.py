"""Flame graphs as pictures: what py-spy drew, and pictures made here that say the same as collapsed stacks."""

from __future__ import annotations

import io
from html import escape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.errors import FormatError
from whet.formats.collapsed import Collapsed
from whet.formats.flamegraph_svg import FlamegraphSvg
from whet.model.profile import Profile, Thread

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/foreign/py-spy-0.4.3"
SAMPLE = 10_000_000
NAMES = ("work", "f (a.py:3)", "<module> (a&b.py:1)", "g (x) (y.py:2)")


def read(picture: str) -> Profile:
    data = picture.encode("utf-8", "surrogatepass")
    assert FlamegraphSvg().recognizes(data[: 64 * 1024])
    (profile,) = FlamegraphSvg().read(io.BytesIO(data))
    return profile


def list_stacks(profile: Profile) -> dict[tuple[object, ...], int]:
    return {
        (
            profile.threads[each.thread],
            *((profile.frames[profile.stacks.frame[at]]) for at in reversed(list(profile.stacks.walk(row)))),
        ): value // SAMPLE
        for each in profile.samples
        for row, value in zip(each.stack, each.value, strict=True)
    }


def draw(stacks: dict[tuple[str, ...], int], *, upwards: bool, pixels: bool) -> str:
    """Return the picture that inferno, or with ``pixels`` flamegraph.pl, makes of stacks, outermost first."""
    total = sum(stacks.values())
    boxes: list[tuple[str, int, int, int]] = []

    def add(prefix: tuple[str, ...], name: str, left: int) -> None:
        below = {stack: count for stack, count in stacks.items() if stack[: len(prefix)] == prefix}
        boxes.append((name, len(prefix), left, sum(below.values())))
        for called in sorted({stack[len(prefix)] for stack in below if len(stack) > len(prefix)}):
            add((*prefix, called), called, left)
            left += find_width(boxes, len(prefix) + 1, left)

    add((), "all", 0)
    deepest = max(depth for _, depth, _, _ in boxes)
    texts = []
    for name, depth, left, width in reversed(boxes):
        y = 40 + 16 * (deepest - depth if upwards else depth)
        scale, unit, samples = (1180, "", "") if pixels else (100, "%", f'fg:x="{left}" fg:w="{width}"')
        place = f'x="{scale * left / total:.1f}{unit}" width="{scale * width / total:.1f}{unit}" y="{y}" {samples}'
        title = f"{escape(name)} ({width:,} samples, {100 * width / total:.2f}%)"
        texts.append(f"<g><title>{title}</title><rect {place} /></g>")
    return f"<svg><!-- https://github.com/brendangregg/FlameGraph -->{''.join(texts)}</svg>"


def find_width(boxes: list[tuple[str, int, int, int]], depth: int, left: int) -> int:
    return next(width for _, at, start, width in reversed(boxes) if (at, start) == (depth, left))


@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.parametrize("pixels", [True, False])
@given(
    stacks=st.dictionaries(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=5).map(tuple),
        st.integers(1, 60),
        min_size=1,
        max_size=8,
    )
)
def test_a_picture_says_what_the_stacks_say(upwards: bool, pixels: bool, stacks: dict[tuple[str, ...], int]) -> None:
    lines = "".join(f"{';'.join(stack)} {count}\n" for stack, count in stacks.items())
    (told,) = Collapsed().read(io.BytesIO(lines.encode()))
    found = read(draw(stacks, upwards=upwards, pixels=pixels))
    assert list_stacks(found) == list_stacks(told)
    assert found.ticks == told.ticks


def test_what_py_spy_drew() -> None:
    profile = read((CAPTURES / "threads.flamegraph.svg").read_text("utf-8"))
    stacks = list_stacks(profile)
    assert sum(stacks.values()) == 329
    names = {thread.name for thread in profile.threads}
    assert {"MainThread", "night worker"} <= names
    assert len({thread.pid for thread in profile.threads if thread.pid}) == 2
    evens = [stack for stack in stacks if getattr(stack[-1], "name", "").startswith("Ledger.evens.<locals>")]
    assert [(stacks[stack], stack[-1].line) for stack in evens] == [(54, 36)]  # type: ignore[attr-defined]
    assert all(stack[0].name == "night worker" for stack in evens if isinstance(stack[0], Thread))
    assert any("too narrow" in each for each in profile.missing)


def test_what_is_too_narrow_is_its_callers_or_said_to_be_missing() -> None:
    picture = draw({("thread (0x1)", "f (a.py:3)", "g (a.py:9)"): 8}, upwards=False, pixels=False)
    narrow = picture.replace('g (a.py:9) (8 samples, 100.00%)</title><rect x="0.0%" width="100.0%"', "gone")
    found = {stack[-1].name: count for stack, count in list_stacks(read(narrow)).items()}  # type: ignore[attr-defined]
    assert found == {"f": 8}
    narrow = narrow.replace('f (a.py:3) (8 samples, 100.00%)</title><rect x="0.0%" width="100.0%"', "gone")
    found = {stack[-1].name: count for stack, count in list_stacks(read(narrow)).items()}  # type: ignore[attr-defined]
    assert found == {"<not drawn>": 8}


GOOD = draw({("f (a.py:3)", "g (a.py:9)"): 8}, upwards=False, pixels=False)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (GOOD[:-6], "breaks off"),
        (GOOD.replace(" samples", " bytes"), "counts bytes"),
        (GOOD.replace("fg:w", "fg:v"), "without place and size"),
        (GOOD.replace('fg:x="0"', 'fg:x="900"', 1), "nothing below it called"),
        (GOOD.replace("all (", "most ("), "no box of all samples"),
        (GOOD.replace("title", "name"), "no box with a number"),
        (GOOD.replace('y="72"', 'y="nan"'), "not finite"),
    ],
)
def test_what_is_no_such_picture_is_refused(picture: str, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        read(picture)


def test_it_is_read_only() -> None:
    profile = read(GOOD)
    with pytest.raises(FormatError, match="read, not written"):
        FlamegraphSvg().write(profile, io.BytesIO())
