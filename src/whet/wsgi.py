"""Profile single requests of a WSGI application: Flask, Django, Pyramid, ….

::

    app.wsgi_app = whet.wsgi.Middleware(app.wsgi_app)  # Flask

With ``WHET_TOKEN`` in the environment, ``curl -H "X-Whet-Token: $WHET_TOKEN" 'localhost:8000/orders?whet=1'`` leaves a
report of that request in ``.whet/requests``. See ``docs/services.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from whet.request_profile import TOKEN_HEADER, RequestProfile, RequestProfiles, add_header

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_VARIABLE = f"HTTP_{TOKEN_HEADER.upper().replace('-', '_')}"


class Middleware:
    """A WSGI application around ``app``. ``options`` are those of :class:`whet.request_profile.RequestProfiles`."""

    def __init__(self, app: Application, token: str | None = None, **options: Any) -> None:  # noqa: ANN401
        self.app = app
        self._profiles = RequestProfiles(token, **options)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request, profiled if it asks for that."""
        profile = self._choose(environ) if self._profiles.is_on else None
        if profile is None or not profile.begin():
            return self.app(environ, start_response)

        def start_named(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:  # noqa: ANN401
            return start_response(status, add_header(headers, profile.report), *more)

        try:
            return _Body(self.app(environ, start_named), profile)
        except BaseException:
            profile.end()
            raise

    def _choose(self, environ: dict[str, Any]) -> RequestProfile | None:
        path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
        query, token = environ.get("QUERY_STRING", ""), environ.get(_VARIABLE, "")
        return self._profiles.choose(environ.get("REQUEST_METHOD", ""), path, query, token)


class _Body:
    """The parts of a response; the profile ends when the server closes it."""

    def __init__(self, body: Iterable[bytes], profile: RequestProfile) -> None:
        self._body, self._profile = body, profile

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """Close the body, if it can be."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._profile.end()
