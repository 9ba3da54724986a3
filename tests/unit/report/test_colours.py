"""Colours: told apart by everyone, and strong enough against what they stand on."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import pytest

CSS = files("whet_templates").joinpath("css/base.css").read_text(encoding="utf-8")
# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
VISIONS = {
    "typical": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
OWNERS = ("user", "dependency", "stdlib", "native")
CHANGES = ("slower", "bit-slower", "faster", "bit-faster", "same")


def read_theme(name):
    start = CSS.index(":root {" if name == "light" else ':root[data-theme="dark"] {')
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6}|var\(--[\w-]+\));", CSS[start : CSS.index("}", start)]))
    return {key: found[value[6:-1]] if value.startswith("var") else value for key, value in found.items()}


def to_linear(colour):
    digits = colour[1:]
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(colour):
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), to_linear(colour), strict=True))


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def to_lab(linear):
    white = (0.95047, 1.0, 1.08883)
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(m * c for m, c in zip(row, linear, strict=True)) / w for row, w in zip(rows, white, strict=True)]
    f = [max(v, 0) ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def difference(a, b, vision):
    """The distance of two colours in Lab, as people with this vision see them: about 2 is just noticed."""

    def see(colour):
        linear = to_linear(colour)
        return to_lab([min(max(sum(m * c for m, c in zip(row, linear, strict=True)), 0), 1) for row in vision])

    return sum((x - y) ** 2 for x, y in zip(see(a), see(b), strict=True)) ** 0.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_edges_stand_out_from_the_page_and_letters_from_boxes(theme):
    colours = read_theme(theme)
    for name in OWNERS + CHANGES:
        assert contrast(colours[f"{name}-edge"], colours["page"]) >= 3, name
        assert contrast(colours["on-flame"], colours[name]) >= 4.5, name
    for name in ("accent", "good", "quiet"):
        assert contrast(colours[name], colours["page"]) >= 3, name


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
def test_what_colours_tell_is_seen_by_the_colour_blind(theme, vision):
    colours = read_theme(theme)
    told_apart = [*combinations(OWNERS, 2), ("slower", "faster"), ("slower", "same"), ("faster", "same")]
    told_apart += [("bit-slower", "bit-faster"), ("add", "del")]
    poor = {
        pair: round(found, 1)
        for pair in told_apart
        if (found := difference(colours[pair[0]], colours[pair[1]], VISIONS[vision])) < 8
    }
    assert poor == {}


def test_both_dark_themes_are_one():
    media = CSS[CSS.index("@media (prefers-color-scheme: dark)") : CSS.index(':root[data-theme="dark"] {')]
    chosen = CSS[CSS.index(':root[data-theme="dark"] {') :]
    assert re.findall(r"--[\w-]+: [^;]+;", media) == re.findall(r"--[\w-]+: [^;]+;", chosen[: chosen.index("}")])
