"""A program that is made up, and sessions on it: its cost and its output follow from its source and a seed.

The source is a row of letters, one a rewrite; a rewrite makes its letter a capital one.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from whet.fix.files import hash_bytes
from whet.model.finding import Edit
from whet.model.trial import FileEdits, Proof, RewriteRef, Trial, Verdict
from whet.prove import session, variants
from whet.prove.options import ProveOptions
from whet.prove.rewrites import Rewrite
from whet.prove.run import Ended, Limits, Observed, Printed, RunSampler, Workload
from whet.prove.sandbox import Program
from whet.prove.session import ProofSession

LETTERS = "abcdefgh"
FILE = "app.py"


@dataclass
class MadeUp:
    """A program: ``gains`` are factors of its speed by letter, ``quirks`` what else a rewrite does."""

    folder: Path
    gains: dict[str, float] = field(default_factory=dict)
    quirks: dict[str, str] = field(default_factory=dict)
    why_not_exchanged: str = ""
    """Why no rewrite reaches it."""
    twins: str = ""
    """Letters that win twice the speed, whichever is there."""
    noise: float = 0.02
    seconds: float = 1.0
    seed: int = 1
    is_unstable: bool = False
    unstable_from: int = 10**9
    interrupt_at: int = 0
    prints: bytes = b"result 42\n"
    saves: Mapping[str, float] = field(default_factory=dict)
    """By letter, what is left of the memory: 0.7."""
    now: float = 0.0
    runs: int = 0
    current: str = ""
    contents: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    NEEDS = ("", "", "")
    """A letter that another one needs, and what happens without it."""

    def lacks(self, source: str) -> str:
        needed, by, quirk = self.NEEDS
        return quirk if by and by.upper() in source and needed.upper() not in source else ""

    def speed(self, source: str) -> float:
        factor = 1.0
        for letter, gain in self.gains.items():
            factor *= gain if letter.upper() in source else 1
        return factor * (2 if any(letter.upper() in source for letter in self.twins) else 1)

    def run(self, workload: Workload, limits: Limits, out: Path, sampler: RunSampler | None = None) -> Observed:
        self.runs += 1
        if self.runs == self.interrupt_at:
            raise KeyboardInterrupt
        source = self.contents[self.current]
        seconds = self.seconds / self.speed(source) * (1 + self.rng.gauss(0, self.noise))
        quirks = {self.quirks[letter] for letter in self.quirks if set(letter.upper()) <= set(source)}
        quirks.add(self.lacks(source))
        printed, status, ended, words = self.prints, 0, None, b""
        if self.is_unstable or self.runs >= self.unstable_from:
            printed += b"%d\n" % self.runs
        if "differs" in quirks:
            printed = printed.replace(b"42", b"43")
        if "fails" in quirks:
            printed, status, words = b"", 1, b"KeyError: 7\n"
        if "hangs" in quirks:
            seconds, ended = limits.seconds, Ended.TIME
        self.now += seconds
        nanoseconds = round(seconds * 1e9)
        return Observed(
            status,
            nanoseconds,
            nanoseconds,
            self.peak(source),
            self._print(printed, "stdout"),
            self._print(words, "stderr"),
            ended,
        )

    def peak(self, source: str) -> int:
        left = 1 + self.rng.gauss(0, 0.002)
        for letter, part in self.saves.items():
            left *= part if letter.upper() in source else 1
        return round(50_000_000 * left)

    def _print(self, data: bytes, name: str) -> Printed:
        file = self.folder / name
        file.write_bytes(data)
        return Printed(file, len(data), hashlib.sha256(data).hexdigest())

    def test(self, source: str) -> Observed:
        is_broken = any(quirk == "breaks tests" and letter.upper() in source for letter, quirk in self.quirks.items())
        self.now += 1
        return Observed(
            int(is_broken),
            1,
            1,
            0,
            self._print(b"1 failed\n" if is_broken else b"ok\n", "tests"),
            self._print(b"", "e"),
        )


class FakeStage:
    """Stands in for :class:`whet.prove.sandbox.Sandbox`."""

    program: MadeUp

    def __init__(self, program: object, originals: Mapping[str, bytes], *_: object, notes: list[str]) -> None:
        self.originals = originals
        self.notes = notes
        self.candidates = ("out.txt",)
        self.directory = self.program.folder
        self.is_copy = False

    def open(self, _seconds: float) -> Observed:
        self.define({"watch": self.originals})
        self.enter("watch")
        return self.program.run(Workload((), "", {}), Limits(seconds=60), self.program.folder)

    def define(self, variants: Mapping[str, Mapping[str, bytes]]) -> dict[str, str]:
        failed = {}
        for variant, files in variants.items():
            text = files[FILE].decode()
            self.program.contents[variant] = text
            broken = (letter for letter, quirk in self.program.quirks.items() if quirk == "no syntax")
            if self.program.lacks(text) == "no syntax" or any(letter.upper() in text for letter in broken):
                failed[variant] = "SyntaxError: no"
        return failed

    def enter(self, variant: str) -> Workload:
        self.program.current = variant
        return Workload((), "", {})

    def why_not_exchanged(self, _files: Set[str]) -> str:
        return self.program.why_not_exchanged

    def make_start(self) -> None:
        return None

    def reset(self) -> None:
        pass

    def run_tests(self, variant: str, _line: str, _seconds: float) -> Observed:
        return self.program.test(self.program.contents[variant])


@dataclass
class Bench:
    """Proves rewrites of a made-up program."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def prove(
        self,
        letters: str,
        shares: Mapping[str, float] | None = None,
        options: ProveOptions | None = None,
        offers: str = "",
        as_one: bool = False,
        gained: str = "",
        has_total: bool = True,
        **more: object,
    ) -> Proof:
        program = MadeUp(self.folder, **more)  # type: ignore[arg-type]
        fake = type("Sandbox", (FakeStage,), {"program": program})
        self.monkeypatch.setattr(session, "Sandbox", fake)
        self.monkeypatch.setattr(variants, "run_once", program.run)
        self.monkeypatch.setattr(variants, "monotonic", lambda: program.now)
        source = LETTERS.encode()
        rewrites = []
        for letter in letters + gained:
            at = LETTERS.index(letter)
            change = FileEdits(FILE, hash_bytes(source), (Edit(1, at, 1, at + 1, letter.upper()),))
            share = (shares or {}).get(letter, 0.5)
            rewrites.append(
                Rewrite(RewriteRef(letter, letter, letter, FILE), (change,), share, is_offer=letter in offers)
            )
        self.program = program
        hunks = []
        if as_one:
            hunks = rewrites
            changes = FileEdits(FILE, hash_bytes(source), tuple(each.changes[0].edits[0] for each in rewrites))
            rewrites = [Rewrite(RewriteRef("change", "change"), (changes,))]
        made = ProofSession(
            Program("python", str(self.folder)),
            {FILE: source},
            rewrites[: len(rewrites) - len(gained)],
            self.folder,
            {},
            options or ProveOptions(seed=1),
            hunks=hunks,
            gained=rewrites[len(rewrites) - len(gained) :],
            has_total=has_total,
        )
        return made.run()


def list_verdicts(proof: Proof) -> dict[str, Verdict]:
    return {trial.ref.id: trial.verdict for trial in proof.trials}


def find_trial(proof: Proof, letter: str) -> Trial:
    found = proof.trial_of(letter)
    assert found is not None
    return found
