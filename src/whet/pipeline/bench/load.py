"""The requests of ``whet bench --load``, and how they are sent.

A file of requests has one a line: a method, a path, and a body where there is one. Lines ``Name: value`` below it are
its headers. Empty lines and lines that begin with ``#`` mean nothing::

    GET /users/1
    POST /orders {"item": 3}
    Authorization: Bearer abc
"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter_ns

from whet.errors import TargetError, UsageError
from whet.model.routes import shorten_path
from whet.reading import MOST_SETTINGS, read_file
from whet.records import dataclass
from whet.report.sanitize import shorten, show

LEAST_REQUESTS = 200
"""Requests that a run sends at least: the file is sent so many times."""
ANSWER_SECONDS = 60
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
    def route(self) -> str:
        """As ``GET /users/{}``."""
        return f"{self.method} {shorten_path(self.path)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: the duration in nanoseconds until its response was read, and the status."""

    request: Request
    ns: int
    status: int


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


def send_load(port: int, requests: Sequence[Request], connections: int, passes: int) -> list[Answer]:
    """Send all requests ``passes`` times over so many connections, each as soon as the one before it is answered.

    Raises ``TargetError`` for a request that is not answered, or with a status of 500 or more.
    """
    todo = iter([request for _ in range(passes) for request in requests])
    lock = threading.Lock()
    answers: list[Answer] = []
    failures: list[TargetError] = []

    def drive() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        try:
            while not failures:
                with lock:
                    request = next(todo, None)
                if request is None:
                    return
                answers.append(_send(connection, request))
        except TargetError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=drive, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return answers


def _send(connection: http.client.HTTPConnection, request: Request) -> Answer:
    began = perf_counter_ns()
    try:
        connection.request(request.method, request.path, request.body, dict(request.headers))
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException) as error:
        raise TargetError(
            f"{request.method} {request.path} was not answered: {type(error).__name__}: {error}",
            "send it by hand to see why",
        ) from error
    ended = perf_counter_ns()
    if response.status >= 500:
        raise TargetError(
            f"{request.method} {request.path} was answered with status {response.status}", "fix it, or drop it"
        )
    return Answer(request, ended - began, response.status)
