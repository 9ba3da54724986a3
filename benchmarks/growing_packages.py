"""Whether `whet scale` puts the quadratic line first in packages whose maintainers found one, and sees that it is gone.

    python benchmarks/growing_packages.py [--only NAMES] [--python PATH] [--budget TIME] [--json FILE]

Each package is scaled in two pinned versions, before and after the change, doing ordinary work
(`programs/package_work.py`), and so is the demo, `fixtures/targets/orders.py`. Before, the first line is to be one of
the functions that are known to be quadratic, above n^1.5 and with n² in its interval; after, the program is to be below
n^1.5. Versions are installed with pip into `~/.cache/whet-benchmarks/growing-packages`, none of them as an
environment of its own, so the interpreter must be one that they all run on (3.11).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.environment import cache_folder, describe_machine, find_whet, probe
from lib.tables import print_heading, print_table

SCRIPT = Path(__file__).parent / "programs" / "package_work.py"
DEMO = Path(__file__).parents[1] / "fixtures" / "targets" / "orders.py"
BETWEEN = 1.5
"""The exponent between n and n², the geometric middle of what they cost."""


@dataclass(frozen=True)
class Case:
    """A package before and after a change. ``functions`` are those that were quadratic; sizes suit each version."""

    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    functions: tuple[str, ...]
    sizes: tuple[int, ...]
    later_sizes: tuple[int, ...]


def double(smallest: int) -> tuple[int, ...]:
    return tuple(smallest * step for step in (1, 2, 4, 8))


_HTTPX = ("h11==0.12.0", "rfc3986==1.5.0", "idna==3.7", "sniffio==1.3.1", "certifi==2024.7.4", "anyio==3.7.1")
CASES = (
    Case(
        "dnspython",
        ("dnspython==1.16.0",),
        ("dnspython==2.1.0",),
        ("inet_aton", "Set.add", "Rdata.__eq__"),
        double(60),
        double(4000),
    ),
    Case(
        "httpx",
        ("httpx==0.23.0", "httpcore==0.15.0", *_HTTPX),
        ("httpx==0.24.1", "httpcore==0.17.3", *(each for each in _HTTPX if not each.startswith("h11")), "h11==0.14.0"),
        ("LineDecoder.decode",),
        double(500),
        double(10_000),
    ),
    Case(
        "netaddr",
        ("netaddr==0.7.10",),
        ("netaddr==0.7.19",),
        ("cidr_merge", "cidr_merge.<locals>._reduce_bit_cidrs", "IPSet.compact"),
        double(60),
        double(1000),
    ),
    Case(
        "networkx",
        ("networkx==2.6.3",),
        ("networkx==2.8.8",),
        # What copies all of the graph for each one that is added.
        ("union", "_relabel_copy", "Graph.add_nodes_from", "Graph.add_edges_from", "EdgeDataView.__iter__"),
        double(50),
        double(4000),
    ),
    Case(
        "pyasn1",
        ("pyasn1==0.4.8",),
        ("pyasn1==0.6.1",),
        ("Decoder.__call__", "OctetStringDecoder.valueDecoder"),
        double(1000),
        double(8000),
    ),
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="cases by name, demo for the demo")
    parser.add_argument("--python", default=sys.executable, help="interpreter to run them on")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--budget", default="60s", help="of each scaling; the demo wants 240s")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    return parser.parse_args()


def install(python: str, versions: tuple[str, ...]) -> Path:
    """Return a folder with these versions and nothing else, made once."""
    folder = cache_folder() / "growing-packages" / versions[0]
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.partial")
        words = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(partial), *versions]
        subprocess.run([python, *words], check=True)
        partial.rename(folder)
    return folder


def scale(options: argparse.Namespace, sizes: tuple[int, ...], words: list[str], folder: Path | None) -> dict[str, Any]:
    """Return the growth in whet's report on one scaling."""
    given = ["--python", options.python, "--sizes", ",".join(map(str, sizes)), "--budget", options.budget, "-f", "json"]
    more = ["--include", f"{folder}/*"] if folder is not None else []
    path = {"PYTHONPATH": str(folder)} if folder is not None else {}
    with tempfile.TemporaryDirectory() as work:
        command = [*options.start, "scale", *given, *more, *words]
        done = subprocess.run(command, cwd=work, capture_output=True, check=False, env={**os.environ, **path})
    if done.returncode:
        raise SystemExit(f"{words[-2]}: {done.stderr.decode()[-500:]}")
    growth: dict[str, Any] = json.loads(done.stdout)["growth"]
    return growth


def write_exponent(row: dict[str, Any]) -> str:
    return f"{row['exponent']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def judge_before(growth: dict[str, Any], functions: tuple[str, ...]) -> str:
    """Return what is wrong with a version that is quadratic; nothing if nothing is."""
    first = next(iter(growth["lines"]), None)
    if first is None:
        return "no line grows"
    if first["name"] not in functions:
        return f"{first['name']} is first"
    return "" if first["exponent"] > BETWEEN and first["high"] > 2 else "not shown to be quadratic"


def measure(options: argparse.Namespace, case: Case) -> dict[str, Any]:
    words = [str(SCRIPT), case.name, "{n}"]
    before = scale(options, case.sizes, words, install(options.python, case.before))
    after = scale(options, case.later_sizes, words, install(options.python, case.after))
    wrong = [judge_before(before, case.functions)]
    if after["whole"]["exponent"] > BETWEEN:
        wrong.append(f"{case.after[0]} grows")
    return {
        "case": case.name,
        "versions": [case.before[0], case.after[0]],
        "before": before,
        "after": after,
        "wrong": wrong,
    }


def measure_demo(options: argparse.Namespace) -> dict[str, Any]:
    before = scale(options, (4000, 8000, 16_000), [str(DEMO), "--orders", "{n}"], None)
    wrong = [judge_before(before, ("OrderReader.is_known", "Journal.write", "Warehouse.pick_all"))]
    return {"case": "demo", "versions": ["orders.py"], "before": before, "after": None, "wrong": wrong}


def main() -> int:
    options = parse_arguments()
    options.start = find_whet(options.whet)
    print_heading("Quadratic lines that are known", describe_machine(probe(Path(options.python)), options.start))
    found = []
    for case in (*CASES, None):
        name = case.name if case is not None else "demo"
        if options.only and name not in options.only.split(","):
            continue
        found.append(measure(options, case) if case is not None else measure_demo(options))
        print(f"  {name}: {', '.join(filter(None, found[-1]['wrong'])) or 'right'}", file=sys.stderr, flush=True)
    rows = []
    for each in found:
        first = next(iter(each["before"]["lines"]), None)
        place = f"{first['name']}:{first['line']} {write_exponent(first)}" if first is not None else "–"
        after = write_exponent(each["after"]["whole"]) if each["after"] is not None else ""
        rows.append((" → ".join(each["versions"]), place, after, ", ".join(filter(None, each["wrong"]))))
    print_table("Exponents with their intervals", ("version", "first line", "the program, after", "wrong"), rows)
    right = sum(not any(each["wrong"]) for each in found)
    print(f"{right} of {len(found)} are right")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1))
    return int(right < len(found))


if __name__ == "__main__":
    sys.exit(main())
