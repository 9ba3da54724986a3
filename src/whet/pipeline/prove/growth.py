"""What proven rewrites do to the growth of a program: runs with and without them at several sizes of its input."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

from whet.errors import TargetError, UsageError
from whet.model.growth import ExponentChange
from whet.model.masking import MASK
from whet.model.run import Run
from whet.model.scaling import SIZE
from whet.model.trial import Clock, Proof
from whet.pipeline.prove.workload import make_program
from whet.program.spec import TargetKind
from whet.prove.rewrites import Rewrite, Unit, apply_rewrites
from whet.prove.run import Limits, Observed, Workload, describe_status, run_once
from whet.prove.sandbox import Program, Sandbox, make_shell_command
from whet.prove.variants import BASELINE, choose_clock
from whet.records import dataclass
from whet.scale.compare import subtract
from whet.scale.fit import SIZE_ERROR, find_spread, fit_growth
from whet.scale.fit import Run as Measured

REWRITTEN = "rewritten"
MOST_ROUNDS = 20
LEAST_ROUNDS = 2
PRECISION = 0.1
"""Half-width of an exponent's interval at which it is known well enough."""


@dataclass(frozen=True, slots=True)
class SizedProgram:
    """The program of a run with ``{n}`` in its command: what to run at a size. ``workload`` is the user's own line."""

    run: Run
    workload: str = ""
    setup: str = ""
    cleanup: str = ""

    def check(self) -> None:
        """Raise ``UsageError`` where nothing says where the size goes."""
        scaling = self.run.scaling
        if self.workload:
            if SIZE not in self.workload + self.setup:
                raise UsageError(f"{SIZE} does not stand in --workload", f"put it where the size goes: 'app.py {SIZE}'")
        elif not scaling.runs:
            raise UsageError(
                "the run is not one of whet scale, so it does not say where the size goes",
                f"measure with whet scale, or give the command: whet prove --sizes … --workload 'python app.py {SIZE}'",
            )
        elif any(MASK in word for word in (*scaling.command, scaling.make, *scaling.environ)):
            raise UsageError(
                "the command contained a secret, which is not saved with the run",
                f"give the command again: whet prove --sizes … --workload 'python app.py {SIZE}'",
            )

    def at(self, size: int, folder: Path) -> Program:
        """Return the program at a size."""
        setup, cleanup = put_size(self.setup, size), put_size(self.cleanup, size)
        if self.workload:
            return make_program(self.run, folder, workload=put_size(self.workload, size), setup=setup, cleanup=cleanup)[
                0
            ]
        scaling = self.run.scaling
        words = tuple(put_size(word, size) for word in scaling.command)
        sized = replace(self.run, command=words, arguments=(), is_masked=False)
        made = setup or put_size(scaling.make, size)
        return make_program(sized, folder, setup=made, cleanup=cleanup)[0]

    def environ(self, size: int) -> dict[str, str]:
        """Return what is set in the environment at a size."""
        texts = () if self.workload else self.run.scaling.environ
        return dict(put_size(text, size).split("=", 1) for text in texts)


def put_size(text: str, size: int) -> str:
    """Return a text with the size for ``{n}``."""
    return text.replace(SIZE, str(size))


def find_setting(run: Run) -> tuple[str, dict[str, str]]:
    """Return the line that makes the input of a run of ``whet scale``, and its environment; else nothing.

    What the last run of a scaling left in place may be the input of any size.
    """
    scaling = run.scaling
    if not scaling.runs or any(MASK in text for text in (scaling.make, *scaling.environ)):
        return "", {}
    size = scaling.sizes[-1]
    return put_size(scaling.make, size), SizedProgram(run).environ(size)


def measure_growth(
    program: SizedProgram,
    proof: Proof,
    rewrites: Sequence[Rewrite],
    originals: Mapping[str, bytes],
    sizes: Sequence[int],
    folder: Path,
    *,
    budget: float,
    isolate: bool = False,
    seed: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Proof:
    """Return the proof with the exponent before and after its faster rewrites, or with a note why there is none.

    Raises ``TargetError`` where the program fails at a size.
    """
    won = [Unit((each,)) for each in rewrites if each.ref.id in proof.applied]
    if not won:
        return _add_note(proof, "no rewrite was faster, so the exponent was not measured (--sizes)")
    if budget <= 0:
        return _add_note(proof, "the budget was spent before the exponent was measured (--sizes, --budget)")
    runner = _SizedRunner(program, sizes, originals, folder, isolate, progress)
    runner.prepare({BASELINE: originals, REWRITTEN: apply_rewrites(originals, won)}, budget)
    runner.play(budget, random.Random(seed))  # noqa: S311  the order of runs is no secret
    change = runner.compare()
    if change is None:
        return _add_note(proof, "the budget was spent before each size ran, so no exponent is known (--budget)")
    return replace(proof, growth=change, growth_sizes=tuple(sizes), runs=proof.runs + runner.runs)


def _add_note(proof: Proof, note: str) -> Proof:
    return replace(proof, notes=(*proof.notes, note))


class _SizedRunner:
    """Runs two variants at all sizes, in rounds."""

    def __init__(
        self,
        program: SizedProgram,
        sizes: Sequence[int],
        originals: Mapping[str, bytes],
        folder: Path,
        isolate: bool,
        progress: Callable[[str], None] | None,
    ) -> None:
        self.program, self.sizes, self.folder = program, sizes, folder
        self.progress = progress
        self.programs = {size: program.at(size, folder) for size in sizes}
        first = self.programs[sizes[0]]
        environ = {**os.environ, **program.environ(sizes[0])}
        self.sandbox = Sandbox(first, originals, folder, environ, isolate)
        self.observed: dict[tuple[str, int], list[Observed]] = {}
        self.runs = 0

    def prepare(self, variants: Mapping[str, Mapping[str, bytes]], budget: float) -> None:
        self._refuse_failed(self.sandbox.open(budget), self.sizes[0])
        failed = self.sandbox.define(variants)
        if failed:
            raise TargetError(f"the rewritten program does not compile: {next(iter(failed.values()))}")

    def play(self, budget: float, rng: random.Random) -> None:
        began = monotonic()
        for block in range(MOST_ROUNDS):
            a_round = (monotonic() - began) / max(1, block)
            if block and monotonic() - began + a_round > budget:
                return
            if block >= LEAST_ROUNDS and self._is_known():
                return
            order = [(variant, size) for size in self.sizes for variant in (BASELINE, REWRITTEN)]
            if block:
                rng.shuffle(order)
            for variant, size in order:
                if not block and monotonic() - began > budget:
                    return
                self.observed.setdefault((variant, size), []).append(self._observe(variant, size))

    def compare(self) -> ExponentChange | None:
        """Return the exponents of both variants; ``None`` unless each size ran."""
        if len(self.observed) < 2 * len(self.sizes):
            return None
        before, after = (fit_growth(self._list_costs(variant)) for variant in (BASELINE, REWRITTEN))
        if before is None or after is None:
            return None
        difference = subtract(before.exponent, after.exponent)
        return ExponentChange("", "", before.exponent, after.exponent, difference)

    def _is_known(self) -> bool:
        for variant in (BASELINE, REWRITTEN):
            costs = self._list_costs(variant)
            fit = fit_growth(costs)
            if fit is None:
                return False
            rounds = len(costs) / len(self.sizes)
            narrow = (fit.exponent.high - fit.exponent.low) / 2 <= PRECISION
            if not narrow and find_spread(costs) / rounds**0.5 > SIZE_ERROR / 2:
                return False
        return True

    def _list_costs(self, variant: str) -> list[Measured]:
        clock = self._choose_clock()
        return [
            Measured(size, observed.cost(clock), block=block)
            for size in self.sizes
            for block, observed in enumerate(self.observed[variant, size])
        ]

    def _choose_clock(self) -> Clock:
        return choose_clock(self.observed[BASELINE, self.sizes[-1]])

    def _observe(self, variant: str, size: int) -> Observed:
        if self.progress is not None:
            self.progress(f"n = {size:,}, {variant}")
        self.sandbox.reset()
        workload = self._put_size(self.sandbox.enter(variant), size)
        observed = run_once(workload, Limits(), self.folder / "printed")
        self.runs += 1
        self._refuse_failed(observed, size)
        return observed

    def _put_size(self, workload: Workload, size: int) -> Workload:
        """Return the workload of the smallest size at another one: other arguments, input and environment."""
        sized, first = self.programs[size], self.programs[self.sizes[0]]
        environ = {**workload.environ, **self.program.environ(size)}
        command = workload.command
        if sized.spec is None or first.spec is None:
            command = make_shell_command(sized.line)
        else:
            count = len(first.spec.args)
            command = (*command[: len(command) - count], *sized.spec.args)
            if sized.spec.kind is TargetKind.CODE:
                command = tuple(sized.spec.name if word == first.spec.name else word for word in command)
        return replace(
            workload,
            command=command,
            environ=environ,
            stdin=sized.stdin,
            setup=sized.setup,
            cleanup=sized.cleanup,
        )

    @staticmethod
    def _refuse_failed(observed: Observed, size: int) -> None:
        if observed.trouble or observed.status:
            why = observed.trouble or f"the program ended with {describe_status(observed.status)}"
            said = observed.last_words() if not observed.trouble else ""
            raise TargetError(f"n = {size:,}: {why}{f': {said}' if said else ''}", "try this size by hand")
