"""What proving says about a rewrite."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """The outcome of trying a rewrite on the user's own program."""

    UNTESTED = "untested"
    FASTER = "faster"
    NO_DIFFERENCE = "no difference"
    SLOWER = "slower"
    DIFFERENT_OUTPUT = "different output"
    FAILED = "failed"
    NOT_RUN = "not run"
