"""What earlier proofs know of the same code on the same machine, so that nobody has to run it again.

``.whet/proven.json`` next to the saved runs::

    {"schema": 1, "proofs": [{"state": hash, "proof": {…}}]}

``state`` is the hash of everything known that figures depend on: the machine, the interpreter and the distributions
installed in it, the sources of the run as they are now, what is run, and how it is compared. What the program reads
besides is not part of it. Of a rewrite that an earlier proof settled, the verdict is taken over with the day that it is
of; figures of different days are never mixed into one. A file that cannot be read is ignored; deleting it forgets all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whet import __version__
from whet.atomic import write_atomically
from whet.errors import WhetError
from whet.fix.files import hash_bytes
from whet.model._codec_fields import WrongValue, find_codec
from whet.model.run import Run
from whet.model.trial import GAINED, Proof, Trial, Verdict
from whet.pipeline.run.machine import identify_machine
from whet.prove.rewrites import Rewrite
from whet.reading import read_file
from whet.records import dataclass
from whet.store import find_home

FILE = "proven.json"
SCHEMA = 1
MOST = 20
"""Maximum number of proofs; the oldest are dropped first."""
_MOST_BYTES = 8_000_000
_LIST_SECONDS = 30
_LIST = "from importlib.metadata import distributions as d; print(sorted({(x.name, x.version) for x in d()}))"
_SETTLED = frozenset(Verdict) - {Verdict.NOT_RUN, Verdict.UNTESTED}


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier proof settled of the rewrites that are to be tried now."""

    proof: Proof
    trials: dict[str, Trial]

    @property
    def gained(self) -> frozenset[str]:
        """The ids of those that gained."""
        return frozenset(id_ for id_, trial in self.trials.items() if trial.verdict in GAINED)

    @property
    def has_total(self) -> bool:
        """Whether what gained needs no runs for its total."""
        return not self.gained or (self.proof.total is not None and set(self.proof.applied) == self.gained)

    def take_over(self, order: Sequence[Rewrite]) -> Proof:
        """Return the proof where nothing has to be run."""
        old = self.proof
        return self.join(Proof(old.workload, old.started, checked=old.checked), order)

    def join(self, proof: Proof, order: Sequence[Rewrite]) -> Proof:
        """Return a proof of the other rewrites with what is known of these."""
        found = {trial.ref.id: trial for trial in proof.trials} | self.trials
        trials = tuple(found[each.ref.id] for each in order if each.ref.id in found)
        old = self.proof
        note = f"{len(self.trials)} of {len(trials)} verdicts are kept from {old.started[:16].replace('T', ' ')}"
        proof = replace(proof, trials=trials, notes=(*proof.notes, f"{note}: {_SAME}"))
        more = any(trial.verdict in GAINED for trial in trials if trial.ref.id not in self.trials)
        if proof.total is None and self.gained and self.has_total and not more:
            proof = replace(
                proof,
                total=old.total,
                total_verdict=old.total_verdict,
                applied=old.applied,
                without_offers=old.without_offers,
                checked=old.checked if not proof.checked.is_checked else proof.checked,
            )
        return proof


_SAME = "same code, packages and machine; --fresh measures again, as after a change of the data that it reads"


def find_state(run: Run, request: Sequence[object]) -> str:
    """Return the hash of what figures depend on; empty where that is not known. ``request``: what is run, and how."""
    files = {file: _hash_file(Path(run.directory, file)) for file in run.sources}
    packages = _list_packages(run)
    if not packages or not all(files.values()):
        return ""
    python = run.interpreter
    parts = (
        __version__,
        identify_machine(),
        (python.path, python.version),
        packages,
        sorted(files.items()),
        run.arguments or run.command,
        run.directory,
        (run.stdin.kind, run.stdin.sha256),
        tuple(request),
    )
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def find_earlier(start: Path, state: str, rewrites: Sequence[Rewrite]) -> Earlier | None:
    """Return what is known of these rewrites in the same state; ``None`` where nothing is."""
    _, decode = find_codec(Proof)
    row = next((row for row in reversed(_read(start)) if state and row["state"] == state), None)
    if row is None:
        return None
    try:
        proof: Proof = decode(row["proof"])
    except (WrongValue, WhetError, KeyError, TypeError, ValueError):
        return None
    own = {each.ref.id: each for each in rewrites}
    known = {
        trial.ref.id: replace(trial, ref=own[trial.ref.id].ref, measured=trial.measured or proof.started)
        for trial in proof.trials
        if trial.verdict in _SETTLED
        and not trial.why
        and trial.ref.id in own
        and own[trial.ref.id].changes == trial.changes
    }
    # Those that were judged together are known together or not at all.
    known = {id_: trial for id_, trial in known.items() if set(trial.group) <= known.keys()}
    return Earlier(proof, known) if known else None


def remember_proof(start: Path, state: str, proof: Proof) -> None:
    """Keep a proof for later ones in the same state. A folder that cannot be written is ignored."""
    if not state or not any(trial.verdict in _SETTLED for trial in proof.trials):
        return
    encode, _ = find_codec(Proof)
    rows = [row for row in _read(start) if row["state"] != state]
    document = {"schema": SCHEMA, "proofs": [*rows, {"state": state, "proof": encode(proof)}][-MOST:]}
    with contextlib.suppress(OSError, ValueError):
        home = find_home(start)
        home.mkdir(parents=True, exist_ok=True)
        write_atomically(home / FILE, json.dumps(document, allow_nan=False).encode("ascii"))


def _read(start: Path) -> list[dict[str, object]]:
    try:
        document = json.loads(read_file(find_home(start) / FILE, _MOST_BYTES))
        rows = document["proofs"] if document["schema"] == SCHEMA else []
        return [row for row in rows if isinstance(row["state"], str) and isinstance(row["proof"], dict)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, WhetError):
        return []


def _hash_file(path: Path) -> str:
    try:
        return hash_bytes(path.read_bytes())
    except OSError:
        return ""


def _list_packages(run: Run) -> str:
    """Return the distributions that the run's interpreter can import; empty where it does not say."""
    try:
        done = subprocess.run(
            [run.interpreter.path, "-c", _LIST],
            cwd=run.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIST_SECONDS,
            check=False,
            env=dict(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
