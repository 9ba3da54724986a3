"""Pieces that several test programs are made of."""

from __future__ import annotations

BUSY = """
import time

def burn(seconds):
    numbers = list(range(500))
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(number * number for number in numbers)
"""
"""A module ``busy`` whose function computes for so many seconds of CPU time of the process."""

CRUNCH = """
def crunch(rounds=20_000):
    total = 0
    for number in range(rounds):
        total += number * number % 7
    return total
"""
"""Some milliseconds of computing, again and again, for a service."""
