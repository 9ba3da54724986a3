"""Profiles of single requests: who gets one, what the response is, and what is kept."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import whet.asgi
import whet.wsgi
from whet import request_profile
from whet.errors import CollectorError, UsageError
from whet.request_profile import RequestProfiles

TOKEN = "abcdefghijklmnop"
ASKED = "whet=1"


class FakeSampling:
    """Stands for the process that samples."""

    refused = False
    asked: list[dict[str, Any]]

    def __init__(self, request: dict[str, Any]) -> None:
        if self.refused:
            raise CollectorError("not permitted")
        self.asked.append(request)

    def end(self, take: Callable[[Path], object]) -> object:
        (file := Path(__file__)).stat()
        return take(file)


@pytest.fixture
def sampling(monkeypatch: pytest.MonkeyPatch) -> type[FakeSampling]:
    fake = type("Fake", (FakeSampling,), {"asked": []})
    monkeypatch.setattr(request_profile, "Sampling", fake)
    monkeypatch.setattr(request_profile, "_write_report", lambda run, report, title: report.write_text(title))
    monkeypatch.delenv("WHET_TOKEN", raising=False)
    return fake


def finish(profiles: RequestProfiles) -> list[Path]:
    """Wait until a report is written; return all that there are."""
    assert profiles.busy.acquire(timeout=60)
    profiles.busy.release()
    return sorted(profiles.folder.glob("*"))


@pytest.mark.parametrize(
    ("query", "header"),
    [
        ("", TOKEN),
        ("whet=1", ""),
        ("whet=1", "another-token-of-it"),
        ("whet=0", TOKEN),
        ("xwhet=1", TOKEN),
        ("whet=1&whet_token=no", ""),
        ("whet=1" + "&a=1" * 200, TOKEN),
        ("whet=1&a=" + "x" * 20_000, TOKEN),
        ("whet=1&whet_token=%ff%00", ""),
        ("whet=1", "\udc80\xff"),
    ],
)
def test_who_does_not_ask_or_has_no_token_gets_none(tmp_path: Path, query: str, header: str) -> None:
    assert RequestProfiles(TOKEN, folder=tmp_path).choose("GET", "/", query, header) is None


@pytest.mark.parametrize(("query", "header"), [(ASKED, TOKEN), (f"a=b&whet=1&whet_token={TOKEN}", "")])
def test_who_has_the_token_gets_one_at_a_time(tmp_path: Path, query: str, header: str) -> None:
    profiles = RequestProfiles(TOKEN, folder=tmp_path)
    assert profiles.choose("GET", "/", query, header) is not None
    assert profiles.choose("GET", "/", query, header) is None


def test_without_a_token_it_is_off_and_a_short_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHET_TOKEN", raising=False)
    assert not RequestProfiles().is_on
    assert RequestProfiles("").choose("GET", "/", "whet=1&whet_token=", "") is None
    with pytest.raises(UsageError, match="shorter than 16"):
        RequestProfiles("short")
    monkeypatch.setenv("WHET_TOKEN", TOKEN)
    assert RequestProfiles().is_on and not RequestProfiles("").is_on


def test_a_request_leaves_a_report_and_old_ones_go(
    tmp_path: Path, sampling: type[FakeSampling], caplog: pytest.LogCaptureFixture
) -> None:
    profiles = RequestProfiles(TOKEN, folder=tmp_path / "kept", most=3, rate=50)
    with caplog.at_level(logging.INFO, "whet"):
        for _ in range(5):
            profile = profiles.choose("GET", "/users/4711/secret-token-123", ASKED, TOKEN)
            assert profile is not None and profile.begin()
            profile.end()
            profile.end()
            kept = finish(profiles)
    assert len(kept) == 3 and kept[-1] == profile.report
    assert kept[-1].read_text() == "GET /users/{}/{}"
    assert sampling.asked[0]["rate"] == 50
    assert "4711" not in caplog.text and TOKEN not in caplog.text


def test_a_report_that_is_too_large_is_not_kept(tmp_path: Path, sampling: type[FakeSampling]) -> None:
    profiles = RequestProfiles(TOKEN, folder=tmp_path, largest=3)
    profile = profiles.choose("GET", "/", ASKED, TOKEN)
    assert profile is not None and profile.begin()
    profile.end()
    assert finish(profiles) == []


def test_sampling_ends_although_the_request_does_not(tmp_path: Path, sampling: type[FakeSampling]) -> None:
    profiles = RequestProfiles(TOKEN, folder=tmp_path, seconds=0.01)
    profile = profiles.choose("GET", "/", ASKED, TOKEN)
    assert profile is not None and profile.begin()
    assert finish(profiles) == [profile.report]


def ask_wsgi(app: Any, query: str = ASKED) -> tuple[dict[str, str], bytes]:
    said: list[Any] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": query, "HTTP_X_WHET_TOKEN": TOKEN}
    body = app(environ, lambda *args: said.extend(args))
    data = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    return dict(said[1]), data


def wsgi(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("A", "b")])
    return [b"x"]


def test_a_wsgi_response_names_its_report(tmp_path: Path, sampling: type[FakeSampling]) -> None:
    app = whet.wsgi.Middleware(wsgi, TOKEN, folder=tmp_path)
    assert ask_wsgi(app, "") == ({"A": "b"}, b"x")
    headers, data = ask_wsgi(app)
    (report,) = finish(app._profiles)
    assert (headers, data) == ({"A": "b", "X-Whet-Report": report.name}, b"x")


def test_a_wsgi_error_ends_the_profile(tmp_path: Path, sampling: type[FakeSampling]) -> None:
    def fail(environ: Any, start_response: Any) -> Any:
        raise ValueError("no")

    app = whet.wsgi.Middleware(fail, TOKEN, folder=tmp_path)
    with pytest.raises(ValueError, match="no"):
        ask_wsgi(app)
    assert len(finish(app._profiles)) == 1


def test_where_sampling_is_refused_the_request_is_served(tmp_path: Path, sampling: type[FakeSampling]) -> None:
    sampling.refused = True
    app = whet.wsgi.Middleware(wsgi, TOKEN, folder=tmp_path)
    assert ask_wsgi(app) == ({"A": "b"}, b"x")
    assert finish(app._profiles) == []
    (tmp_path / "file").write_text("")
    app = whet.wsgi.Middleware(wsgi, TOKEN, folder=tmp_path / "file" / "below")
    assert ask_wsgi(app) == ({"A": "b"}, b"x")


def ask_asgi(app: Any, **scope: Any) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    whole = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"whet=1",
        "headers": [(b"x-whet-token", TOKEN.encode())], **scope,
    }  # fmt: skip
    asyncio.run(app(whole, None, send))
    return sent


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": threading.current_thread().name.encode()})


def test_an_asgi_response_names_its_report(tmp_path: Path, sampling: type[FakeSampling]) -> None:
    app = whet.asgi.Middleware(asgi, TOKEN, folder=tmp_path)
    plain = ask_asgi(app, query_string=b"")
    sent = ask_asgi(app)
    (report,) = finish(app._profiles)
    start = {**plain[0], "headers": [(b"a", b"b"), (b"x-whet-report", report.name.encode())]}
    assert sent == [start, plain[1]]
    assert ask_asgi(app, type="lifespan") == []


def test_an_asgi_error_ends_the_profile(tmp_path: Path, sampling: type[FakeSampling]) -> None:
    async def fail(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no")

    app = whet.asgi.Middleware(fail, TOKEN, folder=tmp_path)
    with pytest.raises(ValueError, match="no"):
        ask_asgi(app)
    assert len(finish(app._profiles)) == 1
