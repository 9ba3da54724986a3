"""Joins findings to hot lines, estimates, ranks."""

from whet.advise.join import LEAST_SHARE, advise

__all__ = ["LEAST_SHARE", "advise"]
