"""Odd programs by family: each does one thing that a profiler may get in the way of."""

from __future__ import annotations

from lib.odd import descriptors, imports, limits, looks, packages, processes, servers, signals, starts, terminals
from lib.odd.program import Program

MAKERS = (signals, processes, descriptors, terminals, limits, imports, starts, looks, packages, servers)


def list_programs() -> list[Program]:
    """Return all programs, those of a family after one another."""
    return [program for maker in MAKERS for program in maker.make()]
