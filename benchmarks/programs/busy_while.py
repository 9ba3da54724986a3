"""Computes for about so many CPU seconds (argument 1), a fixed amount of work for a given argument."""

import sys

import busy_work

loops = int(float(sys.argv[1]) * 100)
print(sum(busy_work.work(number) for number in range(loops)))
