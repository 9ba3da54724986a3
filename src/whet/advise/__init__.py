"""Joins findings to hot lines, estimates, ranks."""

from whet.advise.join import advise
from whet.config import LEAST_SHARE

__all__ = ["LEAST_SHARE", "advise"]
