"""A bench in a file, for later sessions on the same machine.

History of the format: 1, the first; 2, ``sides`` are called ``variants``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from whet.atomic import write_atomically
from whet.errors import FormatError, StoreError, UsageError
from whet.model.bench import Bench, BenchVariant
from whet.model.run import Host, Interpreter
from whet.model.trial import Clock
from whet.reading import read_file

SCHEMA = 2
KIND = "whet bench"
_LARGEST = 64 << 20


def save_bench(measured: Bench, path: Path) -> None:
    """Write ``measured`` to ``path``, whole or not at all. Raises ``StoreError``."""
    document = {"kind": KIND, "schema": SCHEMA, **asdict(measured)}
    try:
        write_atomically(path, json.dumps(document, indent=1).encode("ascii") + b"\n")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}", "give another file") from error


def load_bench(path: Path) -> Bench:
    """Read a bench that was saved. Raises ``StoreError`` and ``FormatError``."""
    try:
        document = json.loads(read_file(path, _LARGEST))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}", "check the path") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not a saved bench", "write one with `whet bench --save FILE`") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise FormatError(f"{path} is not a saved bench", "write one with `whet bench --save FILE`")
    if document.get("schema") == 1 and "sides" in document:
        document |= {"schema": SCHEMA, "variants": document.pop("sides")}
    if document.get("schema") != SCHEMA:
        raise FormatError(f"{path} was saved by another version of whet", "save it again with this one")
    try:
        return _read(document)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError(f"{path} is an incomplete saved bench: {error!r}"[:300], "save it again") from error


def refuse_unlike(saved: Bench, *, machine: str, command: tuple[str, ...], variant: BenchVariant) -> None:
    """Raise ``UsageError`` if ``saved`` is of another machine, interpreter or command: not comparable."""
    before = saved.variants[0]
    unlike: list[str] = []
    if saved.machine != machine:
        unlike.append("another machine")
    kinds = [
        (each.interpreter.implementation, each.interpreter.version, each.interpreter.free_threaded, each.options)
        for each in (before, variant)
    ]
    if kinds[0] != kinds[1]:
        unlike.append(f"another interpreter ({before.interpreter.implementation} {before.interpreter.version})")
    if before.environ != variant.environ:
        unlike.append("another environment (--env)")
    if saved.command != command:
        unlike.append("another command")
    if unlike:
        raise UsageError(f"the saved bench is of {', '.join(unlike)}", "use --unlike to compare anyway")


def _read(document: dict[str, Any]) -> Bench:
    variants = tuple(_read_variant(each) for each in document["variants"])
    if not variants:
        raise ValueError("no variants")
    return Bench(
        str(document["whet_version"]),
        tuple(map(str, document["command"])),
        str(document["started"]),
        Host(**document["host"]),
        str(document["machine"]),
        Clock(document["clock"]),
        variants,
    )


def _read_interpreter(found: dict[str, Any]) -> Interpreter:
    libraries = found.get("libraries")
    return Interpreter(**{**found, "libraries": None if libraries is None else tuple(map(str, libraries))})


def _read_variant(found: dict[str, Any]) -> BenchVariant:
    costs = {name: tuple(map(int, found[name])) for name in ("wall_ns", "cpu_ns", "peak_bytes")}
    if len({len(each) for each in costs.values()}) != 1 or min(map(min, costs.values())) < 0:
        raise ValueError("the variants' runs do not match")
    return BenchVariant(
        str(found["label"]),
        _read_interpreter(found["interpreter"]),
        tuple(map(str, found["options"])),
        tuple(map(str, found["environ"])),
        str(found["commit"]),
        wall_ns=costs["wall_ns"],
        cpu_ns=costs["cpu_ns"],
        peak_bytes=costs["peak_bytes"],
    )
