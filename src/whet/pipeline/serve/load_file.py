"""The requests of a file, as of ``--load``, and how they are sent.

A file of requests has one a line: a method, a path, and a body where there is one. Lines ``Name: value`` below it are
its headers. Empty lines and lines that begin with ``#`` mean nothing::

    GET /users/1
    POST /orders {"item": 3}
    Authorization: Bearer abc
"""

from __future__ import annotations

import hashlib
import http.client
import re
import threading
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from time import perf_counter_ns

from whet.errors import TargetError, UsageError
from whet.model.routes import shorten_path
from whet.prove.serving import Driving, Served
from whet.reading import MOST_SETTINGS, read_file
from whet.records import dataclass
from whet.report.sanitize import shorten, show

LEAST_REQUESTS = 200
"""Requests that a run sends at least: the file is sent so many times."""
ANSWER_SECONDS = 60
LARGE_BODY = 64 * 1024
QUANTILES = {"p50": 0.50, "p95": 0.95}
_REQUEST = re.compile(r"([A-Z]{3,16}) (/\S*)(?: (.*))?")
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+): *(.*)")
_HINT = 'write a request as `GET /path` or `POST /path {"body": 1}`, and its headers as `Name: value` below it'


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``route`` is what it is counted under: its method and path, with ids and the query left out."""

    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """As ``GET /users/17``."""
        return f"{self.method} {self.path.partition('?')[0]}"

    @property
    def route(self) -> str:
        """As ``GET /users/{}``."""
        return f"{self.method} {shorten_path(self.path)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: the duration in nanoseconds until its response was read, the status, and the body.

    A large body is its size and its hash. ``number`` is its place among all that were sent.
    """

    number: int
    request: Request
    ns: int
    status: int
    body: bytes = b""

    def write(self) -> bytes:
        """Return the response in lines, as it is compared with that of another version."""
        head = f"{self.request.method} {self.request.path} {self.status}\n".encode()
        return head + self.body + b"\n" * (not self.body.endswith(b"\n"))


def read_load(path: Path) -> tuple[Request, ...]:
    """Return the requests in a file. Raises ``UsageError`` that names the line."""
    try:
        text = read_file(path, MOST_SETTINGS).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"--load {path} cannot be read: {why}", _HINT) from error
    found: list[tuple[str, str, str | None, dict[str, str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if (request := _REQUEST.fullmatch(stripped)) is not None and request[2].isascii():
            found.append((request[1], request[2], request[3], {}))
        elif found and (header := _HEADER.fullmatch(stripped)) is not None and header[2].isprintable():
            found[-1][3][header[1]] = header[2]
        else:
            raise UsageError(f"{path}:{number} is no request: {shorten(show(stripped), 80)}", _HINT)
    if not found:
        raise UsageError(f"{path} has no requests", _HINT)
    return tuple(_make_request(*each) for each in found)


def _make_request(method: str, path: str, body: str | None, headers: dict[str, str]) -> Request:
    if body and body[0] in "{[" and not any(name.lower() == "content-type" for name in headers):
        headers = {**headers, "Content-Type": "application/json"}
    return Request(method, path, body.encode() if body is not None else None, tuple(headers.items()))


class FileLoad:
    """Sends the requests of a file over so many connections: once uncounted, then as often as it takes.

    ``metric`` is what versions are compared by: ``time`` until all are answered, or a quantile of the durations.
    """

    def __init__(self, requests: Sequence[Request], connections: int = 1, metric: str = "time") -> None:
        self.requests, self.connections, self.metric = requests, connections, metric
        self.passes = ceil(LEAST_REQUESTS / len(requests))

    def prepare(self) -> None:
        """Do nothing: a run leaves nothing."""

    def start(self, port: int, responses: Path) -> Driving:
        """Begin to send."""
        return _FileDriving(self, port, responses)

    def describe(self) -> str:
        """Return what a run is sent."""
        over = "" if self.connections == 1 else "s"
        told = f"{self.passes * len(self.requests):,} requests a run over {self.connections} connection{over}"
        return told + tell_metric(self.metric)


def tell_metric(metric: str) -> str:
    """Return what is compared, to follow a load, where that is no time until all is answered."""
    return f"; compared is the {metric} of their durations" if metric in QUANTILES else ""


class _FileDriving:
    pid = 0

    def __init__(self, load: FileLoad, port: int, responses: Path) -> None:
        self._load, self._responses = load, responses
        self._sender = _Sender(port)
        self._elapsed_ns = 0
        self._answers: list[Answer] = []
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        load, send = self._load, self._sender.send
        # What is imported and cached at the first request of a kind is not what is compared.
        send(load.requests, load.connections)
        began = perf_counter_ns()
        self._answers = send([request for _ in range(load.passes) for request in load.requests], load.connections)
        self._elapsed_ns = perf_counter_ns() - began

    def wait(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def finish(self) -> Served:
        if self._sender.failures:
            raise self._sender.failures[0]
        answers = sorted(self._answers, key=lambda each: each.number)
        with self._responses.open("wb") as file:
            file.writelines(answer.write() for answer in answers)
        whole = find_quantiles("", [answer.ns for answer in answers])
        routes: dict[str, list[int]] = {}
        for answer in answers:
            routes.setdefault(answer.request.route, []).append(answer.ns)
        p50, p95 = whole.values()
        return Served(
            cost_ns={"p50": p50, "p95": p95}.get(self._load.metric, self._elapsed_ns),
            requests=len(answers),
            elapsed_ns=self._elapsed_ns,
            p50_ns=p50,
            p95_ns=p95,
            quantiles={
                name: ns for route, costs in routes.items() for name, ns in find_quantiles(route, costs).items()
            },
            statuses={f"{each.request.method} {each.request.path.partition('?')[0]}": each.status for each in answers},
        )

    def stop(self) -> None:
        self._sender.is_stopped = True


def find_quantiles(route: str, costs: Sequence[int]) -> dict[str, int]:
    """Return the p50 and p95 of a route's durations, by their names."""
    ordered = sorted(costs)
    return {f"{name} {route}": ordered[ceil(part * len(ordered)) - 1] for name, part in QUANTILES.items()}


class _Sender:
    """Sends requests to a server, each connection the next one as soon as the one before it is answered."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.failures: list[TargetError] = []
        self.is_stopped = False

    def send(self, requests: Sequence[Request], connections: int) -> list[Answer]:
        """Return the answers; ``failures`` holds why not all of them were answered, or one with 500 or more."""
        todo = enumerate(requests)
        lock = threading.Lock()
        answers: list[Answer] = []

        def drive() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
            try:
                while not self.failures and not self.is_stopped:
                    with lock:
                        number, request = next(todo, (0, None))
                    if request is None:
                        return
                    answers.append(_send(connection, number, request))
            except TargetError as error:
                self.failures.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=drive, daemon=True) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers


def _send(connection: http.client.HTTPConnection, number: int, request: Request) -> Answer:
    began = perf_counter_ns()
    try:
        connection.request(request.method, request.path, request.body, dict(request.headers))
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise TargetError(
            f"{request.method} {request.path} was not answered: {type(error).__name__}: {error}"
        ) from error
    ended = perf_counter_ns()
    if response.status >= 500:
        raise TargetError(f"{request.method} {request.path} was answered with status {response.status}")
    if len(body) > LARGE_BODY:
        body = f"{len(body)} bytes, {hashlib.sha256(body).hexdigest()}".encode()
    return Answer(number, request, ended - began, response.status, body)
