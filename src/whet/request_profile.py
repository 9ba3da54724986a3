"""Profiles of single requests, for the middlewares: :mod:`whet.asgi`, :mod:`whet.wsgi`, :mod:`whet.django`.

A request is profiled if its query has ``whet=1`` and it brings the token: in the header ``X-Whet-Token``, or as
``whet_token`` in the query. Without a token in the configuration none is. Another process samples this one while the
request is served, as for ``whet.profile``, and a third one writes the report; the response is what it would be, with a
header ``X-Whet-Report`` that names the file.
"""

from __future__ import annotations

import hmac
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from whet.errors import UsageError, WhetError
from whet.library import Sampling, make_request
from whet.model.routes import shorten_path

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN_VARIABLE = "WHET_TOKEN"  # noqa: S105  a name
TOKEN_HEADER = "X-Whet-Token"  # noqa: S105
REPORT_HEADER = "X-Whet-Report"
SHORTEST_TOKEN = 16
FOLDER = Path(".whet") / "requests"
MOST_REPORTS = 20
LARGEST_REPORT = 5_000_000
SECONDS = 60.0
_MOST_FIELDS = 100
_LONGEST_QUERY = 10_000
_REPORT_SECONDS = 300
_log = logging.getLogger("whet")
_numbers = count(1)


class RequestProfiles:
    """Decides which requests are profiled, and keeps their reports.

    ``token`` is taken from the variable ``WHET_TOKEN`` if it is ``None``; with neither nothing is profiled. At most
    ``most`` reports of up to ``largest`` bytes are kept in ``folder``, the oldest go. Sampling ends after ``seconds``
    even if the request has not. One request is profiled at a time in each process. Raises ``UsageError`` for a short
    token.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        folder: str | Path = FOLDER,
        most: int = MOST_REPORTS,
        largest: int = LARGEST_REPORT,
        seconds: float = SECONDS,
        rate: int | None = None,
    ) -> None:
        token = os.environ.get(TOKEN_VARIABLE, "") if token is None else token
        if token and len(token) < SHORTEST_TOKEN:
            raise UsageError(
                f"the token for profiles of requests is shorter than {SHORTEST_TOKEN} characters",
                "python -c 'import secrets; print(secrets.token_urlsafe())' makes one",
            )
        self._token = token.encode("utf-8", "surrogateescape")
        self.folder = Path(folder).absolute()
        self.most, self.largest, self.seconds, self.rate = max(1, most), largest, seconds, rate
        self.busy = threading.Lock()

    @property
    def is_on(self) -> bool:
        """Whether there is a token."""
        return bool(self._token)

    def choose(self, method: str, path: str, query: str, header: str) -> RequestProfile | None:
        """Return the profile of a request that asks for one and may have it; ``None`` for any other."""
        if not self._token or "whet=1" not in query or len(query) > _LONGEST_QUERY:
            return None
        try:
            fields = dict(parse_qsl(query, max_num_fields=_MOST_FIELDS))
        except ValueError:
            return None
        given = (header or fields.get("whet_token", "")).encode("utf-8", "surrogateescape")
        if fields.get("whet") != "1" or not hmac.compare_digest(given, self._token):
            return None
        if not self.busy.acquire(blocking=False):
            _log.warning("no profile: another request is being profiled")
            return None
        return RequestProfile(self, f"{method} {shorten_path(path[:200])}")

    def make_room(self) -> None:
        """Remove the oldest reports, so that there is room for one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(self.folder.glob("request-*.html"))[: -self.most + 1 or None]:
            old.unlink(missing_ok=True)


class RequestProfile:
    """The profile of one request, from :meth:`begin` to :meth:`end`. Neither raises anything."""

    def __init__(self, profiles: RequestProfiles, title: str) -> None:
        self._profiles = profiles
        self._title = title
        self._sampling: Sampling | None = None
        self._timer = threading.Timer(profiles.seconds, self.end)
        self._lock = threading.Lock()
        stamp = time.strftime("%Y%m%d-%H%M%S")
        self.report = profiles.folder / f"request-{stamp}-{os.getpid()}-{next(_numbers):04}.html"

    def begin(self) -> bool:
        """Start to sample, which takes about half a second; ``False`` where it cannot be."""
        try:
            self._profiles.make_room()
            request = make_request(self._profiles.rate)
            self._sampling = Sampling({**request, "hidden": [__file__]})
        except (OSError, WhetError) as error:
            _log.warning("no profile of %s: %s", self._title, error)
            self._profiles.busy.release()
            return False
        self._timer.daemon = True
        self._timer.start()
        return True

    def end(self) -> None:
        """End the sampling, and have the report written, in a thread: the response is not held up."""
        with self._lock:
            sampling, self._sampling = self._sampling, None
        if sampling is not None:
            self._timer.cancel()
            threading.Thread(target=self._finish, args=(sampling,), daemon=True).start()

    def _finish(self, sampling: Sampling) -> None:
        run = self.report.with_suffix(".run")
        try:
            sampling.end(lambda file: shutil.copy(file, run))
            _write_report(run, self.report, self._title)
            size = self.report.stat().st_size
            if size > self._profiles.largest:
                self.report.unlink()
                _log.warning("no profile of %s: its report would have %s bytes", self._title, f"{size:,}")
            else:
                _log.info("profiled %s: %s", self._title, self.report)
        except (OSError, subprocess.SubprocessError, WhetError) as error:
            _log.warning("no profile of %s: %s", self._title, error)
        finally:
            run.unlink(missing_ok=True)
            self._profiles.busy.release()


def _write_report(run: Path, report: Path, title: str) -> None:
    code = f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); from whet.cli.main import main; main()"
    words = ["report", str(run), "-o", str(report), "--title", title, "--no-project-rules"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_REPORT_SECONDS,
        check=False,
    )
    if not report.is_file():
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise OSError(said[-1] if said else "no report was written")


def add_header(headers: Iterable[tuple[str, str]], report: Path) -> list[tuple[str, str]]:
    """Return a response's headers with the one that names the report's file."""
    return [*headers, (REPORT_HEADER, report.name)]
