"""``whet prove`` up to the saved verdicts: plans the rewrites and runs, carries them out, saves the proof."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path

from whet.errors import UsageError, WhetError
from whet.fix.files import hash_bytes
from whet.model.advice import Advice, refer_to
from whet.model.finding import Safety
from whet.model.run import Run
from whet.model.trial import FileEdits, Proof, Verdict
from whet.pipeline.advise.advise import advise_run
from whet.pipeline.advise.refuted import remember_refuted
from whet.pipeline.next_command import can_be_tried
from whet.pipeline.prove.earlier import Earlier, find_earlier, find_state, remember_proof
from whet.pipeline.prove.growth import SizedProgram, find_setting, measure_growth, put_size
from whet.pipeline.prove.sampler import can_sample, make_sampler
from whet.pipeline.prove.workload import add_port, make_program, refuse_unrepeatable
from whet.pipeline.rules.allow import expand_allowed
from whet.pipeline.serve.request import LoadRequest, plan_load
from whet.program.arguments import mask_words
from whet.program.spec import TargetSpec
from whet.prove.options import Aim, ProveOptions
from whet.prove.parts import LEAST_SECONDS
from whet.prove.rewrites import Rewrite, count_fresh_variants, make_units
from whet.prove.session import ProofSession
from whet.prove.stats import FIRST_LOOK
from whet.prove.totals import LEAST_TOTAL
from whet.prove.tree import Guard
from whet.records import dataclass
from whet.report.proof import describe_requests, order_advice
from whet.scratch import scratch_folder
from whet.signals import handle_signals, interrupt
from whet.store import rewrite_run

GROWTH_BUDGET = 0.4
"""Fraction of the budget that is kept for the exponent, where that is asked for."""


@dataclass(frozen=True, slots=True)
class ProvingRequest:
    """The user's request: how to prove, on what, and which offers to try.

    ``allow`` names the rules of offers to try; empty is all. ``offers`` false skips those not allowed by the settings.
    """

    options: ProveOptions = field(default_factory=ProveOptions)
    workload: str = ""
    setup: str = ""
    cleanup: str = ""
    allow: tuple[str, ...] = ()
    offers: bool = True
    sizes: tuple[int, ...] = ()
    """Sizes of the input at which the exponent is measured without and with the faster rewrites."""
    sized_workload: str = ""
    """The workload with ``{n}`` for the size; empty for that of a run of ``whet scale``."""
    load: LoadRequest | None = None
    """What is sent to the program, if it is a server."""
    fresh: bool = False
    """Measure again what an earlier proof of the same code settled."""

    def list_conditions(self) -> tuple[object, ...]:
        """Return what verdicts depend on: what is run, and how it is compared; empty where it cannot be read."""
        how = replace(self.options, budget=0.0, seed=None, progress=None)
        sent = self.load.file if self.load is not None else None
        with contextlib.suppress(OSError):
            return how, self.workload, self.setup, self.cleanup, self.load, sent and hash_bytes(sent.read_bytes())
        return ()

    def tell_seconds(self, run: Run) -> float:
        """Return the duration of one run, as far as the measured one shows it; 0 for unknown."""
        known = run.executions and not self.workload and self.load is None
        return run.executions[0].wall_ns / 1e9 if known else 0.0


@dataclass(frozen=True, slots=True)
class ProvingPlan:
    """What will be run. ``seconds`` is the time of one run, if known, ``least_seconds`` the minimum of all.

    The latter assumes that every rewrite saves everything that its lines cost.
    """

    rewrites: tuple[Rewrite, ...]
    advice: tuple[Advice, ...]
    originals: Mapping[str, bytes]
    versions: int
    least_runs: int
    seconds: float
    least_seconds: float
    notes: tuple[str, ...] = ()
    """Why some advice is not tried."""
    hunks: tuple[Rewrite, ...] = ()
    """What the only rewrite consists of, where each is to be told what it gains."""
    state: str = ""
    """The hash of what the verdicts depend on; empty where it is not known, or nothing is kept."""
    earlier: Earlier | None = None
    """What an earlier proof settled in that state."""

    @property
    def is_known(self) -> bool:
        """Whether nothing has to be run."""
        return self.earlier is not None and self.earlier.has_total and not self.open

    @property
    def open(self) -> tuple[Rewrite, ...]:
        """The rewrites that have to be run."""
        known = self.earlier.trials if self.earlier is not None else {}
        return tuple(each for each in self.rewrites if each.ref.id not in known)


def plan_proof(run: Run, request: ProvingRequest, *, spec: TargetSpec | None = None) -> ProvingPlan:
    """Return what there is to prove: rewrites, including offers, since trying one writes nothing.

    ``spec`` is the program as it was given, if still known. Raises ``UsageError`` if there is nothing to
    prove, ``TargetError`` too where the program cannot be run again.
    """
    refuse_unrepeatable(run, workload=request.workload, spec=spec, is_served=request.load is not None)
    if request.sizes:
        size_program(run, request).check()
    allowed = expand_allowed(run, (), with_settings=True)
    named = expand_allowed(run, request.allow, with_settings=False)
    advice = advise_run(run).advice
    editable = [item for item in advice if can_be_tried(item)]
    wanted = [item for item in editable if _is_wanted(item, request, named | allowed)]
    originals: dict[str, bytes] = {}
    notes: list[str] = []
    changed: set[str] = set()
    for file in dict.fromkeys(item.finding.file for item in wanted):
        data = _read(file, run)
        if data is None or hash_bytes(data) != run.sources[file].sha256:
            changed.add(file)
            notes.append(f"{run.sources[file].shown} has changed since it was measured, so its rewrites are not tried")
        else:
            originals[file] = data
    rewrites = tuple(_make_rewrite(item, run, allowed) for item in wanted if item.finding.file not in changed)
    left_out = [item for item in editable if item not in wanted]
    if left_out:
        slugs = ",".join(dict.fromkeys(item.finding.rule for item in left_out))
        notes.append(f"offers not tried, as requested: {slugs}")
    if not rewrites:
        raise _explain_nothing(advice, changed, left_out, run)
    conditions = request.list_conditions()
    state = find_state(run, conditions) if conditions and not request.sizes else ""
    earlier = None if request.fresh else find_earlier(Path(run.project or run.directory), state, rewrites)
    known = earlier.trials if earlier is not None else {}
    units = make_units([each for each in rewrites if each.ref.id not in known], request.options.threshold)
    seconds = request.tell_seconds(run)
    # Samples tell parts with two versions of a program, where they can.
    is_sampled = can_sample() and seconds >= LEAST_SECONDS and request.options.aim is Aim.TIME
    versions = len(units) + 2 if len(units) > 1 and not is_sampled else 2
    pairs, fresh = request.options.runs or FIRST_LOOK, request.options.runs or LEAST_TOTAL
    third = count_fresh_variants(units) - 2
    least = 2 + 1 + pairs * versions + (2 + third) * fresh
    # As fractions of the baseline: all rewrites, all but each, and those without offers.
    shares = [sum(rewrite.share for rewrite in unit.rewrites) for unit in units]
    all_of_them = max(0.0, 1 - sum(shares))
    rounds = pairs * (1 + all_of_them + (sum(all_of_them + share for share in shares) if versions > 2 else 0))
    offered = sum(share for share, unit in zip(shares, units, strict=True) if unit.is_offer)
    parts = 2 + all_of_them + rounds + fresh * (1 + all_of_them + third * min(1.0, all_of_them + offered))
    return ProvingPlan(
        rewrites,
        advice,
        originals,
        versions,
        least,
        seconds,
        parts * seconds,
        tuple(notes),
        state=state,
        earlier=earlier,
    )


def prove(run: Run, plan: ProvingPlan, request: ProvingRequest, *, spec: TargetSpec | None = None) -> Proof:
    """Carry out a plan. Ctrl-C, SIGTERM and SIGHUP end it with the verdicts reached by then.

    Raises :class:`whet.errors.WhetError` where the program cannot be run again.
    """
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    earlier = plan.earlier
    if earlier is not None and plan.is_known:
        return _number(earlier.take_over(plan.rewrites), plan)
    with (
        scratch_folder("prove") as name,
        Guard(name),
        ended_by_signals(),
    ):
        folder = name.resolve()
        setup, extra = find_setting(run) if not request.workload else ("", {})
        largest = request.sizes[-1] if request.sizes else 0
        program, notes = make_program(
            run,
            folder,
            workload=request.workload,
            setup=(put_size(request.setup, largest) if largest else request.setup) or setup,
            cleanup=put_size(request.cleanup, largest) if largest else request.cleanup,
            spec=spec,
            is_served=request.load is not None,
        )
        environ = {**os.environ, **extra}
        load = None
        if request.load is not None:
            program = add_port(program)
            # The overlay of rewritten files will stand in front of what counts requests.
            (folder / "overlay").mkdir()
            load, variables = plan_load(request.load, program.spec, program.directory, folder, environ)
            program, environ = replace(program, load=load), {**environ, **variables}
        options = request.options
        if request.sizes:
            options = replace(options, budget=(1 - GROWTH_BUDGET) * options.budget)
        session = ProofSession(
            program,
            plan.originals,
            plan.open,
            folder,
            environ,
            options,
            sampler=make_sampler(folder) if program.spec is not None else None,
            notes=list(notes),
            hunks=plan.hunks,
            gained=[each for each in plan.rewrites if earlier is not None and each.ref.id in earlier.gained],
            has_total=earlier is None or earlier.has_total,
        )
        proof = session.run()
        if earlier is not None:
            proof = earlier.join(proof, plan.rewrites)
        if load is not None:
            proof = replace(proof, notes=(*proof.notes, load.describe(), *describe_requests(proof)))
        if request.sizes:
            proof = _measure_growth(run, plan, proof, request, folder)
    words = tuple(shlex.split(request.workload)) if request.workload else run.command
    return _number(replace(proof, started=started, workload=mask_words(words, run.directory)), plan)


def _number(proof: Proof, plan: ProvingPlan) -> Proof:
    """Return the proof with the order that the advice is numbered in from now on."""
    return replace(proof, order=tuple(item.id for item in order_advice(plan.advice, proof)))


def _measure_growth(run: Run, plan: ProvingPlan, proof: Proof, request: ProvingRequest, folder: Path) -> Proof:
    """Return the proof with the exponents; what was proven is kept whatever happens to them."""
    options = request.options
    own = folder / "growth"
    own.mkdir()
    try:
        return measure_growth(
            size_program(run, request),
            proof,
            plan.rewrites,
            plan.originals,
            request.sizes,
            own,
            budget=options.budget - proof.seconds,
            isolate=options.isolate,
            seed=options.seed,
        )
    except KeyboardInterrupt:
        return replace(proof, notes=(*proof.notes, "ended by Ctrl-C before the exponent was measured"))
    except WhetError as error:
        return replace(proof, notes=(*proof.notes, f"the exponent was not measured: {error.message}"))


def size_program(run: Run, request: ProvingRequest) -> SizedProgram:
    """Return the program of a request with ``--sizes``."""
    return SizedProgram(run, request.sized_workload, request.setup, request.cleanup)


def save_proof(run: Run, path: Path, plan: ProvingPlan, proof: Proof) -> Run:
    """Save a proof with the run at ``path``, remember what was refuted, and return the run with it.

    An inconclusive one does not replace a conclusive one. Raises ``StoreError`` if the run cannot be written; the file
    is replaced atomically.
    """
    proven = replace(run, proof=proof)
    if has_settled(run.proof) and not has_settled(proof):
        return proven
    rewrite_run(path, proven)
    start = Path(run.project or run.directory)
    remember_refuted(start, run, plan.advice, proof.trials, proof.started)
    remember_proof(start, plan.state, proof)
    return proven


def _is_wanted(item: Advice, request: ProvingRequest, named: frozenset[str]) -> bool:
    if item.finding.safety is not Safety.OFFER or item.finding.rule in named:
        return True
    return request.offers and not request.allow


def has_settled(proof: Proof) -> bool:
    """Whether a session reached any verdict."""
    return any(trial.verdict is not Verdict.NOT_RUN for trial in proof.trials)


def _make_rewrite(item: Advice, run: Run, allowed: frozenset[str]) -> Rewrite:
    """Return an advice's rewrite; offers of the rules ``allowed`` are applied without being named."""
    finding = item.finding
    source = run.sources[finding.file]
    return Rewrite(
        refer_to(item, source.shown),
        (FileEdits(finding.file, source.sha256, finding.edits),),
        item.share,
        finding.safety is Safety.OFFER and finding.rule not in allowed,
        tuple((finding.file, line) for line in finding.lines),
        item.share_error,
    )


def _read(file: str, run: Run) -> bytes | None:
    try:
        return Path(run.directory, file).read_bytes()
    except OSError:
        return None


def _explain_nothing(advice: tuple[Advice, ...], changed: set[str], left_out: list[Advice], run: Run) -> UsageError:
    if changed:
        names = ", ".join(sorted(run.sources[file].shown for file in changed))
        return UsageError(
            f"the sources have changed since they were measured: {names}", "re-run `whet run`, then `whet prove`"
        )
    if left_out:
        slugs = ",".join(dict.fromkeys(item.finding.rule for item in left_out))
        return UsageError(
            "all rewrites of this run are offers, which you excluded", f"try them with `whet prove --allow {slugs}`"
        )
    if advice:
        return UsageError(
            "none of this run's suggestions has a rewrite to try",
            "see `whet report`; try your own change with `whet prove --patch FILE`",
        )
    return UsageError(
        "this run has no suggestions, so there is nothing to prove",
        "try your own change with `whet prove --patch FILE`",
    )


def ended_by_signals() -> contextlib.AbstractContextManager[None]:
    """Let signals that end whet also end the program that it runs, which has a session of its own."""
    return handle_signals(dict.fromkeys(("SIGTERM", "SIGHUP"), interrupt))
