"""Prints the figures that rules carry, measured on the running interpreter.

    PYTHONPATH=src:rules python benchmarks/rule_figures.py

Needs nothing but the standard library. Run it under each Python version on a
quiet machine and put the lines into the rules' ``figures``.
"""

from __future__ import annotations

import sys

from whet.engine.bench import measure_bench
from whet.engine.loading import load_rules


def main() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for module in load_rules():
        if module.bench is not None:
            print(f'{module.rule.slug}  "{version}": {measure_bench(module.bench)},  # {module.bench.size_is}')


if __name__ == "__main__":
    main()
