"""``whet bench``: runs a program many times, on several interpreters or in two versions, and compares them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from whet import __version__
from whet.model.bench import Bench, BenchComparison, BenchVariant, SlowdownCall
from whet.model.trial import Clock
from whet.pipeline.bench.figures import CONFIDENCE, compare_pairs, compare_sessions, find_figures
from whet.pipeline.bench.file import refuse_unlike
from whet.pipeline.bench.serve import ServeSession, finish_runner
from whet.pipeline.bench.session import INTERRUPTED, BenchSession
from whet.pipeline.bench.tests import TestComparer, is_pytest, record_tests
from whet.pipeline.bench.variants import BenchRequest, Runner, check_request, make_variants, make_versions
from whet.pipeline.prove.prove import ended_by_signals
from whet.pipeline.run.machine import describe_machine, identify_machine
from whet.pipeline.serve.request import LoadRequest, PlannedLoad, plan_load
from whet.program.arguments import mask_spec
from whet.program.spec import TargetSpec
from whet.prove.stats import split_error
from whet.prove.tree import Guard
from whet.scratch import scratch_folder


def bench(request: BenchRequest, cwd: Path) -> Bench:
    """Run the program as requested and return all measurements.

    Raises ``UsageError`` and ``TargetError``: wrong use, unknown commit, a program that fails. Ctrl-C ends the runs;
    the measurements up to then are returned with a note if there are enough.
    """
    check_request(request)
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("bench")).resolve()
        stack.enter_context(Guard(folder))
        stack.enter_context(ended_by_signals())
        if isinstance(request.against, str):
            runners, spec = stack.enter_context(make_versions(request, cwd, folder))
        else:
            runners, spec = make_variants(request, cwd)
            if request.against is not None and not request.unlike:
                words = mask_spec(spec)
                refuse_unlike(request.against, machine=identify_machine(), command=words, variant=runners[0].variant)
        tests = None
        load = _send_load(request.load, runners, spec, folder) if request.load is not None else None
        if load is not None and isinstance(request.against, str):
            tests = TestComparer(Clock.WALL, request.confidence, request.max_slowdown)
        elif isinstance(request.against, str) and is_pytest(spec):
            tests = TestComparer(request.clock, request.confidence, request.max_slowdown)
            for runner in runners:
                runner.durations = folder / "durations"
                runner.workload = record_tests(runner.workload, runner.durations)
        if load is not None:
            session: BenchSession = ServeSession(request, runners, folder, load, tests)
        else:
            session = BenchSession(request, runners, folder, tests)
        notes = session.run()
    runners = [finish_runner(runner) for runner in runners]
    variants = tuple(runner.finish() for runner in runners)
    clock = session.choose_clock()
    comparisons, more = _compare(request, variants, clock, session)
    compared = tests.compare(variants, session.plan) if tests is not None else ()
    left_out = tests.describe_left_out() if tests is not None and load is None else ()
    command = mask_spec(spec)
    return Bench(
        __version__,
        command,
        started,
        describe_machine(),
        identify_machine(),
        clock,
        variants,
        comparisons,
        tests=compared if load is None else (),
        routes=compared if load is not None else (),
        notes=(*notes, *more, *left_out),
    )


def decide_bench(measured: Bench) -> int:
    """Return the exit status: 1 if a slowdown beyond the limit is shown, of the program, a test or a route, else 0."""
    comparisons = (*measured.comparisons, *(test.comparison for test in (*measured.tests, *measured.routes)))
    return int(any(each.call is SlowdownCall.BEYOND for each in comparisons))


def is_interrupted(measured: Bench) -> bool:
    """Whether Ctrl-C or a signal ended the runs early, so the result is incomplete."""
    return any(note.startswith(INTERRUPTED) for note in measured.notes)


def _send_load(request: LoadRequest, runners: Sequence[Runner], spec: TargetSpec, folder: Path) -> PlannedLoad:
    """Let the runners' servers be sent the load."""
    load = None
    agreed: list[bool] = []
    for runner in runners:
        workload = runner.workload
        own = folder / f"load-{runners.index(runner)}"
        own.mkdir()
        load, variables = plan_load(request, spec, workload.directory, own, workload.environ, agreed)
        runner.workload = replace(workload, environ={**workload.environ, **variables}, load=load)
    assert load is not None
    return load


def _compare(
    request: BenchRequest, variants: Sequence[BenchVariant], clock: Clock, session: BenchSession
) -> tuple[tuple[BenchComparison, ...], tuple[str, ...]]:
    error = 1 - request.confidence
    if isinstance(request.against, Bench):
        before = request.against.variants[0]
        found = compare_sessions(before, variants[0], clock, error=error, limit=request.max_slowdown)
        found = replace(found, baseline=f"saved {request.against.started[:16]}")
        return (found,), ("the two sessions were not interleaved: changes of the machine between them are not covered",)
    if session.rounds < 2:
        return (), ()
    if session.is_versions:
        error, limit = session.find_error(), request.max_slowdown
        return (compare_pairs(variants[0], variants[1], clock, error=error, limit=limit, planned=session.plan),), ()
    each = split_error(error, len(variants) - 1)
    return tuple(compare_pairs(variants[0], variant, clock, error=each) for variant in variants[1:]), ()


def render_bench_as(measured: Bench, form: str) -> str:
    """Return what was measured as ``text`` or ``json``."""
    from whet.report.bench import render_bench, render_bench_json

    render = render_bench_json if form == "json" else render_bench
    return render(measured, find_figures, CONFIDENCE)
