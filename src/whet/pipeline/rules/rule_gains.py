"""The gains of rules, measured by their own benchmarks on any interpreter, and a table of them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

import whet
from whet.engine.loading import RuleModule
from whet.records import dataclass

SECONDS = 600
"""Seconds after which a rule's benchmark is aborted."""

BEGIN, END = "<!-- whet rules --bench -->", "<!-- /whet rules --bench -->"

# whet is not installed there: its folders come last, so that the interpreter's own libraries take precedence.
_CODE = """\
import json, sys
sys.path += {paths!r}
from pathlib import Path
from whet.engine.bench import measure_bench
from whet.engine.loading import load_rule_file
bench = load_rule_file(Path({file!r})).bench
print(json.dumps(["%d.%d" % sys.version_info[:2], measure_bench(bench)]))
"""


@dataclass(frozen=True, slots=True)
class Gain:
    """The gain of one rule on one Python: factors by size, or why there are none."""

    slug: str
    size_is: str
    python: str = ""
    """Such as ``3.13``."""
    factors: Mapping[int, float] = field(default_factory=dict)
    trouble: str = ""


def measure_gains(modules: Iterable[RuleModule], python: Path) -> Iterator[Gain]:
    """Measure rules that have a benchmark, one by one, each in a process of the interpreter ``python``.

    whet need not be installed there, only what the benchmarks themselves import.
    """
    import whet_rules

    paths = list(dict.fromkeys(str(Path(package).parent) for package in (*whet.__path__, *whet_rules.__path__)))
    for module in modules:
        if module.bench is None or not module.file:
            continue
        code = _CODE.format(paths=paths, file=module.file)
        try:
            done = subprocess.run(
                [str(python), "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            yield Gain(module.rule.slug, module.bench.size_is, trouble=str(error))
            continue
        if done.returncode:
            why = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            yield Gain(module.rule.slug, module.bench.size_is, trouble=why)
            continue
        version, factors = json.loads(done.stdout.splitlines()[-1])
        yield Gain(
            module.rule.slug, module.bench.size_is, version, {int(size): factor for size, factor in factors.items()}
        )


def format_table(gains: Sequence[Gain], known: str = "") -> str:
    """Return the table of ``gains`` in markdown: a row for a rule and size, a column for a Python.

    ``known`` is an earlier table: rows that were not measured again are kept.
    """
    rows, pythons = _read_table(known)
    for gain in gains:
        for size, factor in gain.factors.items():
            key = (gain.slug, f"{size:,} {gain.size_is}".replace("|", "/"))
            rows.setdefault(key, {})[gain.python] = f"{factor:g}"
            pythons.add(gain.python)
    columns = sorted(pythons, key=lambda python: [int(part) for part in python.split(".")])
    lines = [
        f"| rule | on | {' | '.join(columns)} |",
        f"| --- | --- |{' ---: |' * len(columns)}",
        *(
            f"| `{slug}` | {on} | {' | '.join(rows[slug, on].get(python, '–') for python in columns)} |"
            for slug, on in sorted(rows, key=_sort_key)
        ),
    ]
    return "\n".join(lines) + "\n"


def put_table(document: str, gains: Sequence[Gain]) -> str:
    """Return ``document`` with the table between its marks updated, or appended if there are no marks."""
    before, begin, rest = document.partition(BEGIN)
    known, end, after = rest.partition(END)
    if not begin or not end:
        before, known, after = f"{document.rstrip()}\n\n" if document.strip() else "", "", "\n"
    return f"{before}{BEGIN}\n{format_table(gains, known)}{END}{after}"


def _read_table(text: str) -> tuple[dict[tuple[str, str], dict[str, str]], set[str]]:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    columns: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0] == "rule":
            columns = cells[2:]
        elif columns and cells[0].startswith("`"):
            values = zip(columns, cells[2:], strict=False)
            rows[cells[0].strip("`"), cells[1]] = {python: value for python, value in values if value != "–"}
    return rows, set(columns)


def _sort_key(row: tuple[str, str]) -> tuple[str, int]:
    match = re.match(r"[\d,]+", row[1])
    return row[0], int(match[0].replace(",", "")) if match else 0
