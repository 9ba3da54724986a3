"""``whet bench --serve``: a server is started for each run, sent the same requests, and ended."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from time import monotonic, sleep

from whet.errors import TargetError, UsageError
from whet.model.trial import Clock
from whet.pipeline.bench.load import LEAST_REQUESTS, Answer, Request, send_load
from whet.pipeline.bench.session import BenchSession
from whet.pipeline.bench.tests import Run, TestComparer
from whet.pipeline.bench.variants import BenchRequest, Runner
from whet.prove.run import Observed, Printed, read_tail, run_helper
from whet.prove.tree import ProcessTree, start_tree

PORT = "{port}"
READY_SECONDS = 60
QUANTILES = {"p50": 0.50, "p95": 0.95}
_PAUSE = 0.02
_PORT_WORDS = {
    "uvicorn": ("--port", PORT),
    "fastapi": ("--port", PORT),
    "flask": ("--port", PORT),
    "gunicorn": ("--bind", f"127.0.0.1:{PORT}"),
    "hypercorn": ("--bind", f"127.0.0.1:{PORT}"),
    "manage.py": (PORT,),
}
"""What servers take their port by, at the end of their arguments."""


def read_command(line: str) -> tuple[str, ...]:
    """Return the words of ``--serve``, with ``{port}`` where the port is to stand. Raises ``UsageError``."""
    try:
        words = tuple(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"--serve cannot be read: {error}", "quote it as for a shell") from error
    if not words:
        raise UsageError("--serve names no program", "for example --serve 'uvicorn app:app'")
    if any(PORT in word for word in words):
        return words
    known = [_PORT_WORDS[Path(word).name] for word in words[:3] if Path(word).name in _PORT_WORDS]
    fixed = [word for word in words if word.startswith(("--port", "--bind", "-b", "-p"))]
    if not known or fixed:
        raise UsageError(
            f"--serve {line[:80]!r} does not say where the port goes", "write {port} in its place: each run has its own"
        )
    return (*words, *known[0])


class ServeSession(BenchSession):
    """Runs in each of which the server answers all requests of the load, several times."""

    def __init__(
        self,
        request: BenchRequest,
        runners: Sequence[Runner],
        folder: Path,
        load: Sequence[Request],
        tests: TestComparer | None,
    ) -> None:
        super().__init__(request, runners, folder, tests)
        self.load = load
        # A server's CPU time holds its start, and what waits is what its clients wait for.
        self.clock = request.clock or Clock.WALL
        self.passes = ceil(LEAST_REQUESTS / len(load))
        self._statuses: dict[Request, tuple[int, str]] = {}
        self._differing: dict[str, None] = {}
        self._routes: Run = {}

    def run(self) -> tuple[str, ...]:
        """Run everything and return notes."""
        notes = super().run()
        sent = f"{self.passes * len(self.load):,} requests a run over {self.request.connections} connection"
        return (*notes, f"{sent}{'s' if self.request.connections > 1 else ''}", *self._differing)

    def _read_tests(self, runner: Runner) -> Run:
        runner.routes.append({name: ns for name, (ns, _, _) in self._routes.items()})
        return self._routes

    def _observe(self, runner: Runner) -> Observed:
        if self.request.progress is not None:
            self.request.progress(self._runs + 1, monotonic() - self.began)
        self._runs += 1
        out = self.folder / "printed"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        workload = runner.workload
        self._help("setup", workload.setup, runner)
        try:
            answers, tree = self._serve(runner, out)
        finally:
            self._help("cleanup", workload.cleanup, runner)
        self._routes = _find_quantiles(answers)
        self._compare_statuses(answers, runner.variant.label)
        nothing = Printed(out / "stdout", 0, hashlib.sha256().hexdigest())
        wall = sum(answer.ns for answer in answers)
        return Observed(0, wall, tree.cpu_ns, tree.peak_bytes, nothing, nothing, delayed_ns=tree.delayed_ns)

    def _help(self, name: str, line: str, runner: Runner) -> None:
        trouble = run_helper(name, line, runner.workload.directory, runner.workload.environ)
        if trouble:
            raise TargetError(f"{runner.variant.label}: {trouble}", "fix the command, or drop it")

    def _serve(self, runner: Runner, out: Path) -> tuple[list[Answer], ProcessTree]:
        workload, port = runner.workload, _find_port()
        command = tuple(word.replace(PORT, str(port)) for word in workload.command)
        environ = {**workload.environ, "PORT": str(port)}
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context((out / name).open("wb")) for name in ("stdout", "stderr")]
            stdin = stack.enter_context(Path(workload.stdin or os.devnull).open("rb"))
            try:
                tree = start_tree(command, workload.directory, environ, (stdin, streams[0], streams[1]))
            except OSError as error:
                raise TargetError(f"{command[0]} cannot be started: {error.strerror or error}") from error
            try:
                _wait_until_listening(tree, port, runner.variant.label, out)
                # What is imported and cached at the first request of a kind is not what is compared.
                send_load(port, self.load, self.request.connections, 1)
                answers = send_load(port, self.load, self.request.connections, self.passes)
                tree.measure()
            except TargetError as error:
                said = read_tail(out / "stderr").strip().splitlines()[-1:]
                words = f" ({said[0][:200]})" if said else ""
                raise TargetError(f"{runner.variant.label}: {error.message}{words}", error.hint) from error
            finally:
                tree.end()
        return answers, tree

    def _compare_statuses(self, answers: Sequence[Answer], label: str) -> None:
        for answer in answers:
            status, other = self._statuses.setdefault(answer.request, (answer.status, label))
            if status != answer.status:
                name = f"{answer.request.method} {answer.request.path.partition('?')[0]}"
                self._differing[f"{name} was answered with {status} by {other}, with {answer.status} by {label}"] = None


def _find_quantiles(answers: Sequence[Answer]) -> Run:
    """Return the p50 and p95 of each route as the costs of tests are."""
    routes: dict[str, list[int]] = {}
    for answer in answers:
        routes.setdefault(answer.request.route, []).append(answer.ns)
    found = {}
    for route, costs in routes.items():
        ordered = sorted(costs)
        for name, part in QUANTILES.items():
            ns = ordered[ceil(part * len(ordered)) - 1]
            found[f"{name} {route}"] = (ns, ns, None)
    return found


def _find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_listening(tree: ProcessTree, port: int, label: str, out: Path) -> None:
    deadline = monotonic() + READY_SECONDS
    while monotonic() < deadline:
        if tree.wait(0):
            raise TargetError("the server ended before it accepted a connection", "run it by hand to see why")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        sleep(_PAUSE)
    raise TargetError(
        f"the server did not listen on port {port} of 127.0.0.1 within {READY_SECONDS} s",
        "check that {port} stands where the server takes its port",
    )


def collect_routes(runner: Runner) -> Mapping[str, tuple[int, ...]]:
    """Return the p50 and p95 of each route in each run, by name."""
    names = list(runner.routes[0]) if runner.routes else []
    return {name: tuple(run[name] for run in runner.routes if name in run) for name in names}


def finish_runner(runner: Runner) -> Runner:
    """Return the runner with its routes in its variant."""
    return replace(runner, variant=replace(runner.variant, routes=collect_routes(runner)))
