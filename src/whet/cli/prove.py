"""``whet prove``: try the advice of a saved run on the program."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from whet.cli.console import say, say_always
from whet.cli.declare import Argument, Option
from whet.cli.options import ConnectionsOption, DurationOption, LoadCommandOption, LoadOption
from whet.errors import UsageError
from whet.signals import name_interrupted

if TYPE_CHECKING:
    from whet.model.run import Run
    from whet.model.trial import Proof
    from whet.pipeline.prove.prove import ProvingPlan, ProvingRequest
    from whet.program.spec import TargetSpec

DEFAULT_BUDGET = "10m"
BudgetOption = Annotated[
    str, Option("--budget", metavar="TIME", help="Time limit for the whole command: 90s, 10m, 1h.")
]
CompareOption = Annotated[
    list[str] | None,
    Option("--compare", metavar="GLOB", help="Output files of the program that must stay the same."),
]
TestsOption = Annotated[
    str, Option("--tests", metavar="COMMAND", help="Test command that must pass on the rewritten sources.")
]
AllowOption = Annotated[
    list[str] | None,
    Option("--allow", metavar="SLUG", help="Try only this rule's or family's offers."),
]
OffersOption = Annotated[
    bool, Option("--offers/--no-offers", help="Also try offers: rewrites with a minor behaviour change.")
]
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def prove_command(
    reference: Annotated[str | None, Argument("RUN", "A run's name, folder or file; default: the latest.")] = None,
    words: Annotated[
        list[str] | None,
        Argument(
            "PROGRAM",
            "With --patch or --against: run this program, as after `whet run`; no run is needed before.",
            after_dashes=True,
        ),
    ] = None,
    budget: BudgetOption = DEFAULT_BUDGET,
    runs: Annotated[
        int | None, Option("--runs", least=2, metavar="N", help="Exactly N pairs of runs per comparison.")
    ] = None,
    threshold: Annotated[
        str, Option("--threshold", metavar="PERCENT", help="Smallest speedup to report as faster.")
    ] = "2%",
    metric: Annotated[
        str,
        Option(
            "--metric",
            metavar="time|memory|both|p50|p95",
            help="What a rewrite must save: time; memory, even if it is slower; or either, and not be slower. Of a"
            " server also the median of its requests' durations, or what 95 % of them do not exceed.",
        ),
    ] = "time",
    confidence: Annotated[
        str, Option("--confidence", metavar="PERCENT", help="Confidence level, family-wise over all intervals.")
    ] = "99%",
    compare: CompareOption = None,
    tolerance: Annotated[
        float,
        Option(
            "--tolerance", least=0, most=1, metavar="PART", help="Relative tolerance for numbers in the output: 0.01."
        ),
    ] = 0.0,
    tests: TestsOption = "",
    isolate: Annotated[
        bool, Option("--isolate", help="Run in a copy of the working folder even if the program writes nothing.")
    ] = False,
    workload: Annotated[
        str, Option("--workload", metavar="COMMAND", help="Run this instead of the saved run's command.")
    ] = "",
    setup: Annotated[str, Option("--setup", metavar="COMMAND", help="Run this before each run, not timed.")] = "",
    cleanup: Annotated[str, Option("--cleanup", metavar="COMMAND", help="Run this after each run, not timed.")] = "",
    load: LoadOption = None,
    load_command: LoadCommandOption = "",
    connections: ConnectionsOption = None,
    warmup: Annotated[
        float | None,
        Option(
            "--warmup",
            least=0,
            metavar="S",
            help="With --load-command: begin to count after S seconds (default: 1 with --duration, else 0).",
        ),
    ] = None,
    duration: DurationOption = None,
    allow: AllowOption = None,
    offers: OffersOption = True,
    patch: Annotated[
        Path | None, Option("--patch", metavar="FILE", help="Try this patch instead of the advice.")
    ] = None,
    against: Annotated[
        str, Option("--against", metavar="REF", help="Try the working tree's changes since this git commit instead.")
    ] = "",
    sizes: Annotated[
        str,
        Option(
            "--sizes",
            metavar="N,N,…",
            help="Also measure how the program grows with and without the faster rewrites, at these sizes: of a run of"
            " `whet scale`, or with {n} in --workload.",
        ),
    ] = "",
    fresh: Annotated[
        bool, Option("--fresh", help="Measure again what an earlier proof of the same code settled.")
    ] = False,
    require_faster: Annotated[
        bool, Option("--require-faster", help="Exit with 1 unless the program was measured faster.")
    ] = False,
    format_: Annotated[
        str, Option("--format", "-f", metavar="text|json", help="With json, print the proof to stdout.")
    ] = "text",
) -> int:
    """Try the advice and check that the program is faster and behaves the same.

    The program runs many times without a profiler, with and without the rewrites in random order. Your source files
    are not changed; `whet apply` writes the rewrites that were measured faster.

    Exit status: 0 when it could be measured; with --require-faster, 1 when the program is not faster; 2 for errors.
    Ctrl-C ends whet by SIGINT.

    Examples:
        whet prove
        whet prove --budget 30m --tests "pytest -q"
        whet prove --no-offers --require-faster
        whet prove --sizes 1000,2000,4000,8000
        whet prove --patch my.patch
        whet prove --against main -- app.py --day 2024-02-29
        whet prove --against main --load r.txt -- uvicorn app:app
    """
    if format_ not in {"text", "json"}:
        raise UsageError(f"unknown format {format_!r}", "use --format text or --format json")
    from whet.pipeline.prove.prove import ProvingRequest
    from whet.pipeline.serve.load_file import QUANTILES
    from whet.pipeline.serve.request import make_load_request
    from whet.prove.options import Aim, ProveOptions
    from whet.store import find_run, load_run, name_reference

    sent = make_load_request(load, load_command, connections, warmup=warmup, duration=duration, metric=metric)
    if metric not in (*Aim, *QUANTILES):
        raise UsageError(f"unknown metric {metric[:40]!r}", "use --metric time, memory, both, p50 or p95")
    if metric in QUANTILES and sent is None:
        raise UsageError(f"--metric {metric} is of a server's requests", "send it some with --load or --load-command")
    if sent is not None and sizes:
        raise UsageError("--sizes is for programs that end, a load for servers", "give only one of them")
    options = ProveOptions(
        budget=parse_time(budget, "--budget"),
        runs=runs,
        threshold=parse_percent(threshold, "--threshold", most=10.0),
        confidence=parse_percent(confidence, "--confidence", most=0.99999),
        aim=Aim(metric) if metric not in QUANTILES else Aim.TIME,
        compare=tuple(compare or ()),
        tolerance=tolerance,
        tests=tests,
        isolate=isolate,
    )
    request = ProvingRequest(options, workload, setup, cleanup, tuple(allow or ()), offers, load=sent, fresh=fresh)
    if sizes:
        request = _add_sizes(request, sizes)
    if words:
        proven = prove_change_of(words, reference, request, patch, against)
    elif patch is not None or against:
        proven = prove_change(load_run(find_run(reference, Path.cwd())), request, patch, against)
    else:
        path = find_run(reference, Path.cwd())
        proven = prove_run(load_run(path), path, request, reference=name_reference(reference, path, Path.cwd()))
    if format_ == "json":
        from whet.pipeline.prove.outcome import render_outcome

        sys.stdout.write(render_outcome(proven))
    return decide_status(proven, require_faster=require_faster)


def _add_sizes(request: ProvingRequest, text: str) -> ProvingRequest:
    """Return the request with sizes; the proof itself runs at the largest. Raises ``UsageError``."""
    from dataclasses import replace

    from whet.pipeline.prove.growth import put_size
    from whet.pipeline.scale.request import parse_sizes

    sizes = parse_sizes(text).given
    if not sizes:
        raise UsageError("--sizes auto is for whet scale", "give the sizes: --sizes 1000,2000,4000,8000")
    workload = put_size(request.workload, sizes[-1])
    return replace(request, sizes=sizes, sized_workload=request.workload, workload=workload)


def prove_run(
    run: Run, path: Path, request: ProvingRequest, *, spec: TargetSpec | None = None, reference: str = ""
) -> Run:
    """Prove the advice on a run saved at ``path``, report on it, and return the run with the proof in it.

    ``reference`` names the run in commands, where it is not the latest.
    """
    from whet.pipeline.prove.outcome import describe_outcome
    from whet.pipeline.prove.prove import has_settled, plan_proof, prove, save_proof
    from whet.store import using_run

    with using_run(path):
        plan = plan_proof(run, request, spec=spec)
    count = len(plan.open)
    if plan.earlier is not None:
        say(
            f"whet: {len(plan.earlier.trials)} of {len(plan.rewrites)} are known from an earlier proof (--fresh: again)"
        )
    if plan.is_known:
        proof = prove(run, plan, request, spec=spec)
    else:
        say(
            f"whet: {count} rewrite{'' if count == 1 else 's'} to try, in {plan.versions} versions of the program"
            + (f", which takes {plan.seconds:.1f} s" if plan.seconds else "")
        )
        say(f"whet: what runs is {_name_workload(run, request)}")
        proof = _try_out(run, plan, request, spec)
    proven = save_proof(run, path, plan, proof)
    if has_settled(run.proof) and not has_settled(proof):
        say("whet: no result is conclusive, so the earlier proof is kept")
    outcome = describe_outcome(proof, plan.advice, reference)
    for text in outcome.trials:
        say_always(text)
    for note in outcome.notes:
        say(f"whet: {note}")
    for text in outcome.total:
        say_always(text)
    return proven


def prove_change_of(
    words: list[str], reference: str | None, request: ProvingRequest, patch: Path | None, against: str
) -> Run:
    """Prove a change of the user's own on the program that ``words`` name, as :func:`prove_change`."""
    from whet.pipeline.prove.unmeasured import make_unmeasured_run
    from whet.program.naming import choose_target

    if patch is None and not against:
        raise UsageError(
            "a program after -- is run to try a change of your own, but none is given",
            "give --patch FILE or --against REF; for whet's suggestions: whet run --prove PROGRAM",
        )
    if reference is not None or request.workload:
        given = f"the run {reference!r}" if reference is not None else "--workload"
        raise UsageError(f"{given} and the program after -- both say what runs", "give only one of them")
    module, code = (words[1] if words[0] == name and len(words) > 1 else None for name in ("-m", "-c"))
    rest = words[2:] if module is not None or code is not None else words
    host, spec = choose_target(rest, module, code, python=None, environ=os.environ, cwd=Path.cwd())
    return prove_change(make_unmeasured_run(host, spec), request, patch, against, spec=spec)


def prove_change(
    run: Run, request: ProvingRequest, patch: Path | None, against: str, *, spec: TargetSpec | None = None
) -> Run:
    """Prove a change of the user's own on a run's program; return the run with the proof, which is not saved.

    ``spec`` is the program as it was given, if still known.
    """
    from dataclasses import replace

    from whet.pipeline.prove.outcome import describe_outcome
    from whet.pipeline.prove.own_change import plan_against, plan_patch, tell_change

    if patch is not None and against:
        raise UsageError("--patch and --against are two different changes", "give only one of them")
    if request.allow or not request.offers:
        given = "--allow" if request.allow else "--no-offers"
        raise UsageError(f"{given} selects among the suggestions, but your own change is tried here", f"drop {given}")
    if patch is not None:
        plan = plan_patch(run, request, patch, spec=spec)
    else:
        plan = plan_against(run, request, against, spec=spec)
    change = f"{plan.rewrites[0].ref.title} ({plan.rewrites[0].ref.place})"
    say(f"whet: trying {change}; what runs is {_name_workload(run, request)}")
    proof = _try_out(run, plan, request, spec)
    outcome = describe_outcome(proof)
    for text in outcome.notes:
        say(f"whet: {text}")
    for text in outcome.hunks:
        say_always(text)
    say_always(tell_change(proof))
    return replace(run, proof=proof)


def _name_workload(run: Run, request: ProvingRequest) -> str:
    from whet.pipeline.prove.growth import find_setting

    words = request.workload or shlex.join((Path(run.interpreter.path).name, *run.command))
    setup, extra = find_setting(run) if not request.workload else ("", {})
    setup = request.setup or setup
    before = f", after `{setup}` for the shell" if setup else ""
    settings = " ".join(f"{name}={value}" for name, value in extra.items())
    return f"`{words}` in {run.directory}{before}{f', with {settings}' if settings else ''}"


def _try_out(run: Run, plan: ProvingPlan, request: ProvingRequest, spec: TargetSpec | None = None) -> Proof:
    """Report how long it may take, and make all the runs of a proof with a progress line."""
    from dataclasses import replace

    from whet.cli.proving_line import ProvingLine
    from whet.pipeline.prove.prove import prove

    budget = show_time(request.options.budget)
    if plan.seconds and plan.least_seconds > request.options.budget:
        wanted = f"{plan.least_runs} executions take {show_time(plan.least_seconds)}"
        say(f"whet: {wanted}, and --budget is {budget}: fewer show only large gains")
    else:
        least = f", {show_time(plan.least_seconds)}" if plan.seconds else ""
        say(f"whet: at least {plan.least_runs} executions{least}; at most {budget} (--budget)")
    for note in plan.notes:
        say(f"whet: {note}")
    with ProvingLine() as line:
        return prove(run, plan, replace(request, options=replace(request.options, progress=line)), spec=spec)


def decide_status(proven: Run, *, require_faster: bool) -> int:
    """Return the exit status: 0 measured, 1 not faster where that is required, 2 nothing measured, or the interrupt."""
    from whet.model.trial import GAINED, Verdict

    proof = proven.proof
    if was_interrupted(proven):
        return name_interrupted()
    from whet.prove.rewrites import NEGLIGIBLE

    if all(trial.verdict is Verdict.NOT_RUN and not trial.why.startswith(NEGLIGIBLE) for trial in proof.trials):
        return 2
    return 1 if require_faster and proof.total_verdict not in GAINED else 0


def was_interrupted(proven: Run) -> bool:
    """Whether Ctrl-C ended the proof."""
    return any(note.startswith("ended by Ctrl-C") for note in proven.proof.notes)


def parse_time(text: str, option: str) -> float:
    """Return seconds. Raises ``UsageError``."""
    match = _TIME.fullmatch(text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds <= 0:
        raise UsageError(f"{option} {text[:40]!r} is not a duration", f"for example {option} 90s, 10m or 1h")
    return seconds


def parse_percent(text: str, option: str, *, most: float) -> float:
    """Return a fraction of 1: ``2%`` and ``0.02`` are the same. Raises ``UsageError``."""
    try:
        value = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 < value <= most:
        raise UsageError(
            f"{option} {text[:40]!r} is not a percentage between 0 and {most * 100:g}", f"for example {option} 2%"
        )
    return value


def show_time(seconds: float) -> str:
    """Return ``40 s`` or ``2.5 min``."""
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.3g} min"
