"""The saved run: gzip of one JSON object, columnar where there is much, versioned.

Nothing in a file is executed, and nothing of it is believed: sizes are bounded, types checked,
and every index must lead to something.

History of the format, by its key ``schema``:

1   the first: ``{"schema": 1, "run": {…}}``; the run's members are those of :class:`whet.model.run.Run`.
    Members that were added since and may be absent: ``profiles[].truncated``, ``profiles[].own_ns``,
    ``proof``, ``proof.unasked``, ``stdin``, ``interpreter.obvious``, ``options``, ``can_run_again``,
    ``unbuffered``, ``compiled``, ``origins``, ``profiles[].wall``, ``profiles[].unjudged``,
    ``profiles[].missing``, ``saved_in``, ``is_masked``, ``arguments``, ``scaling``, ``proof.growth``,
    ``proof.growth_sizes``, ``evidence.seen[].track``, ``scaling.predict``,
    ``labels``, ``parts``, ``tasks``, ``transfers``, ``scheduler_ns``,
    ``profiles[].threads[].label``, ``profiles[].threads[].task``, ``requests``.
    ``evidence.seen[].distinct``,
    ``evidence.triggers``, ``evidence.collections``, ``executions[].collecting_share``,
    ``executions[].collecting_looks``. ``profiles[].samples[].metric`` may since be ``brief``, ``live`` or ``grown``.
2   ``profiles[].lines`` has exact counts only, without ``per_call``, ``error`` and ``exact``. Counts of the first
    schema that were estimates are left out when they are read. ``profiles[].samples[].metric`` may be ``gil``.
3   ``evidence.looks`` and ``evidence.seen[].looks`` are called ``samples``, ``proof.unasked`` ``without_offers``;
    what names a rewrite stands in ``proof.trials[].ref``.

A change that makes an old whet misread a new file, or a new whet an old one, gets a
new number, and reading of the old stays. A new member with a default needs none.
"""

from __future__ import annotations

import json
import zlib
from typing import BinaryIO, NoReturn

from whet.errors import FormatError
from whet.model._codec_fields import WrongValue, find_codec
from whet.model.profile import ROOT, Profile
from whet.model.run import Run

SCHEMA = 3
MAX_BYTES = 192 * 1024 * 1024
"""Bytes of JSON; a run of a million samples needs a twentieth of it."""
MAX_MEMORY = 400_000_000
"""Bytes that the objects made of it may take, as estimated."""
_OBJECT_BYTES = {b"{": 200, b"[": 64, b",": 40}
"""About what one of them takes as Python has it: a mapping, a list, a number in a list."""
_CHUNK = 256 * 1024
_AGAIN = "measure again, or choose another run"


def write_run(run: Run, sink: BinaryIO) -> None:
    """Write ``run``; equal runs give equal bytes. Raises ``FormatError`` for one too large to be read back."""
    encode, _ = find_codec(Run)
    document = {"schema": SCHEMA, "run": encode(run)}
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(text) > MAX_BYTES:
        raise FormatError(
            f"a run of {len(text):,} bytes is more than the {MAX_BYTES:,} that can be read back",
            hint="sample at a lower --rate, or for a shorter --duration",
        )
    _refuse_spacious(text, "sample at a lower --rate, or for a shorter --duration")
    # The gzip header of zlib has no time and no name.
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    sink.write(packer.compress(text))
    sink.write(packer.flush())


def read_run(file: BinaryIO) -> Run:
    """Return the run in ``file``; raises ``FormatError`` that says where it is wrong."""
    text = _unpack(file)
    _refuse_spacious(text, _AGAIN)
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise FormatError("not a saved run: not UTF-8", where=f"byte {error.start}", hint=_AGAIN) from None
    except json.JSONDecodeError as error:
        raise FormatError("not a saved run: not JSON", where=f"character {error.pos}", hint=_AGAIN) from None
    except ValueError:  # a number of thousands of digits
        raise FormatError("not a saved run: not JSON", hint=_AGAIN) from None
    except RecursionError:
        raise FormatError("not a saved run: nested too deeply", hint=_AGAIN) from None
    members = _check_schema(document)
    _rename_members(members)
    _, decode = find_codec(Run)
    try:
        run: Run = decode(members.get("run"))
    except WrongValue as wrong:
        where = f"run.{wrong.where}" if wrong.where else "run"
        raise FormatError(f"not a saved run: {wrong.why}", where=where, hint=_AGAIN) from None
    for index, profile in enumerate(run.profiles):
        _check_indices(profile, f"run.profiles[{index}]")
    return run


def _refuse_spacious(text: bytes, hint: str) -> None:
    """Refuse a run of few bytes and many objects: unpacked, a small file can take gigabytes."""
    needed = len(text) + sum(size * text.count(mark) for mark, size in _OBJECT_BYTES.items())
    if needed > MAX_MEMORY:
        raise FormatError(
            f"the saved run needs about {needed // 10**6:,} MB, more than {MAX_MEMORY // 10**6:,}", hint=hint
        )


def _refuse_constant(name: str) -> NoReturn:
    raise FormatError(f"not a saved run: {name} is no JSON", hint=_AGAIN)


def _unpack(file: BinaryIO) -> bytes:
    unpacker = zlib.decompressobj(31)
    parts: list[bytes] = []
    size = 0
    position = 0
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail
        if not packed:
            packed = file.read(_CHUNK)
            position += len(packed)
        if not packed:
            if position == 0:
                raise FormatError("not a saved run: the file is empty", hint=_AGAIN)
            raise FormatError("the saved run breaks off", where=f"byte {position}", hint=_AGAIN)
        try:
            part = unpacker.decompress(packed, _CHUNK * 16)
        except zlib.error:
            raise FormatError("not a saved run: not gzip", where=f"before byte {position}", hint=_AGAIN) from None
        size += len(part)
        if size > MAX_BYTES:
            raise FormatError(f"not a saved run: it unpacks to more than {MAX_BYTES:,} bytes", hint=_AGAIN)
        parts.append(part)
    if unpacker.unused_data or file.read(1):
        raise FormatError("not a saved run: something follows its end", where=f"byte {position}", hint=_AGAIN)
    return b"".join(parts)


def _check_schema(document: object) -> dict[str, object]:
    if not isinstance(document, dict) or "schema" not in document:
        raise FormatError("not a saved run: no schema", where="schema", hint=_AGAIN)
    schema = document["schema"]
    if type(schema) is not int or schema < 1:
        raise FormatError("not a saved run: no schema", where="schema", hint=_AGAIN)
    if schema > SCHEMA:
        raise FormatError(
            f"the run was saved by a newer whet (schema {min(schema, 10**9)}; this one reads up to {SCHEMA})",
            hint="pip install --upgrade whet-perf",
        )
    return document


def _rename_members(document: dict[str, object]) -> None:
    """Give members of schemas 1 and 2 the names that they have today."""
    run = document.get("run")
    if not isinstance(run, dict) or document["schema"] not in {1, 2}:
        return
    evidence, proof = run.get("evidence"), run.get("proof")
    renamed = [(evidence, "looks", "samples"), (proof, "unasked", "without_offers")]
    if isinstance(evidence, dict) and isinstance(evidence.get("seen"), list):
        renamed += [(seen, "looks", "samples") for seen in evidence["seen"]]
    for members, old, new in renamed:
        if isinstance(members, dict) and old in members:
            members[new] = members.pop(old)
    if isinstance(proof, dict) and isinstance(proof.get("trials"), list):
        for trial in proof["trials"]:
            if isinstance(trial, dict) and "advice" in trial:
                trial["ref"] = {"id": trial.pop("advice")}
                trial["ref"] |= {
                    name: trial.pop(name) for name in ("rule", "title", "place", "safety") if name in trial
                }


def _check_indices(profile: Profile, where: str) -> None:
    """Refuse rows, frames and threads that do not exist."""
    stacks, frames, threads = len(profile.stacks), len(profile.frames), len(profile.threads)
    used = profile.stacks.frame
    if stacks and not 0 <= min(used) <= max(used) < frames:
        raise FormatError("not a saved run: a frame that is not there", where=f"{where}.stacks.frame", hint=_AGAIN)
    for index, samples in enumerate(profile.samples):
        here = f"{where}.samples[{index}]"
        if not 0 <= samples.thread < threads:
            raise FormatError("not a saved run: a thread that is not there", where=f"{here}.thread", hint=_AGAIN)
        if len(samples.stack) != len(samples.value):
            raise FormatError("not a saved run: columns of unlike length", where=here, hint=_AGAIN)
        if len(samples.stack) and not ROOT <= min(samples.stack) <= max(samples.stack) < stacks:
            raise FormatError("not a saved run: a stack that is not there", where=f"{here}.stack", hint=_AGAIN)
