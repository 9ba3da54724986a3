"""Options of the interpreter are found wherever they stand: alone, together, with a value or before one."""

from __future__ import annotations

import pytest

from whet.program.spec import TargetKind, TargetSpec


def make(*options: str) -> TargetSpec:
    return TargetSpec(TargetKind.SCRIPT, "x.py", options=options)


@pytest.mark.parametrize(
    ("options", "isolating", "announcing", "unbuffered"),
    [
        ((), "", "", False),
        (("-OOBsu",), "", "", True),
        (("-BI", "-u"), "-I", "", True),
        (("-sSE",), "-S", "", False),
        (("-W", "error", "-v"), "", "-v", False),
        (("-Werror::UserWarning",), "", "", False),
        (("-Bv",), "", "-v", False),
        (("-X", "importtime"), "", "-X importtime", False),
        (("-Ximporttime=2",), "", "-X importtime=2", False),
        (("-uX", "utf8"), "", "", True),
        (("-W", "-I"), "", "", False),
        (("--check-hash-based-pycs", "always"), "", "", False),
    ],
)
def test_options_are_found(options: tuple[str, ...], isolating: str, announcing: str, unbuffered: bool) -> None:
    spec = make(*options)
    assert (spec.isolating_option, spec.announcing_option, spec.has_option("u")) == (isolating, announcing, unbuffered)
    assert spec.words == (*options, "x.py")
