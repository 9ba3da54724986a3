"""Stands between a server and its application, and times each request.

The application is called with what the server gave, and returns or raises what it would. While it runs, a function
whose name says which request it is stands on the stack, where the sampler finds it; it takes itself out of the
tracebacks that pass through it. A request ends with the last part of its response.
"""

from __future__ import annotations

from time import perf_counter_ns
from types import FunctionType

from .routes import Keys, find_asgi_route, find_wsgi_route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType
    from typing import Any

    from .counts import Counts

FILE = "<whet-request>"
"""What the functions call their file. A name that begins with ``<whet>`` would be that of whet's own work."""
PREFIX = "whet_request_"
_LAST_PARTS = ("http.response.pathsend", "http.response.zerocopysend")


async def _await_application(application: Any, scope: Any, receive: Any, send: Any, end: Callable[[], None]) -> Any:
    try:
        return await application(scope, receive, send)
    except BaseException as error:
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
        # Without a name, which would add this frame again.
        raise
    finally:
        end()


def _call_application(application: Any, environ: Any, start_response: Any) -> Any:
    try:
        return application(environ, start_response)
    except BaseException as error:
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
        raise


def _iterate_body(body: Any, end: Callable[[], None]) -> Iterator[Any]:
    try:
        for part in body:  # noqa: UP028  what the server throws in is not for the application
            yield part
    except BaseException as error:
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
        raise
    finally:
        end()


class _Named:
    """Makes copies of a function that are named after requests."""

    def __init__(self, function: Any) -> None:
        self.code: CodeType = function.__code__
        self.globals = function.__globals__
        self.made: dict[str, Any] = {}

    def find(self, key: str) -> Any:
        """Return the copy for the requests called ``key``, of which there are not many."""
        made = self.made.get(key)
        if made is None:
            name = PREFIX + key.encode("utf-8", "backslashreplace").hex()
            code = self.code.replace(co_name=name, co_qualname=name, co_filename=FILE)
            made = self.made[key] = FunctionType(code, self.globals)
        return made


class _Application:
    """What a server calls in place of an application; all else about it is the application's own."""

    def __init__(self, application: Any, counts: Counts) -> None:
        self._whet_application = application
        self._whet_counts = counts
        self._whet_keys = Keys()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whet_application, name)


class AsgiApplication(_Application):
    """An ASGI application."""

    _whet_named = _Named(_await_application)

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Return what the application is awaited by."""
        kind = scope["type"]
        if kind == "http":
            key = self._whet_keys.find(scope.get("method"), scope.get("path"))
            request = _AsgiRequest(self._whet_counts, key, scope, send)
            return self._whet_named.find(key)(self._whet_application, scope, receive, request.send, request.end)
        if kind == "lifespan":
            return self._whet_application(scope, receive, _Lifespan(send, self._whet_counts).send)
        return self._whet_application(scope, receive, send)


class WsgiApplication(_Application):
    """A WSGI application."""

    _whet_named = _Named(_call_application)
    _whet_bodies = _Named(_iterate_body)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Return the body of the response."""
        root = environ.get("SCRIPT_NAME") or ""
        path = f"{root}{environ.get('PATH_INFO') or ''}"
        key = self._whet_keys.find(environ.get("REQUEST_METHOD"), path)
        request = _Request(self._whet_counts, key)
        application = self._whet_application

        def start(*args: Any, **options: Any) -> Any:
            # Flask has forgotten the request by the time the application returns.
            request.find(find_wsgi_route, environ, root, None, application)
            try:
                return start_response(*args, **options)
            except BaseException as error:
                if error.__traceback__ is not None:
                    error.__traceback__ = error.__traceback__.tb_next
                raise

        try:
            body = self._whet_named.find(key)(application, environ, start)
        except BaseException as error:
            request.end()
            if error.__traceback__ is not None:
                error.__traceback__ = error.__traceback__.tb_next
            raise
        if not request.found[0]:
            request.find(find_wsgi_route, environ, root, body, application)
        file_wrapper = environ.get("wsgi.file_wrapper")
        if type(body) in (list, tuple) or (isinstance(file_wrapper, type) and isinstance(body, file_wrapper)):
            # What the server does with it is not the application's, and it may look at what it is.
            request.end()
            return body
        kind = _BODIES[hasattr(body, "__len__"), hasattr(body, "close")]
        return kind(body, self._whet_bodies.find(key), request.end)


# What runs below the application's own frames is not whet's work for that.
WsgiApplication.__call__.__code__ = WsgiApplication.__call__.__code__.replace(co_filename=FILE)


class _Request:
    """One request, until it is counted."""

    __slots__ = ("began", "counts", "found", "key")

    def __init__(self, counts: Counts, key: str) -> None:
        self.counts: Counts | None = counts
        counts.active += 1
        self.key = key
        self.found: tuple[str, Any] = ("", None)
        self.began = perf_counter_ns()

    def find(self, find: Any, *args: Any) -> None:
        """Find out the route."""
        try:
            self.found = find(*args)
        except Exception:  # whatever a framework puts there: the path is known
            self.found = ("", None)

    def end(self) -> None:
        """Count the request, if it has not been. Nothing is raised, whatever has become of the file."""
        counts, self.counts = self.counts, None
        if counts is not None:
            counts.active -= 1
            try:
                counts.add(self.key, *self.found, self.began)
            except Exception:
                pass


class _AsgiRequest(_Request):
    __slots__ = ("root", "scope", "server_send")

    def __init__(self, counts: Counts, key: str, scope: Any, send: Any) -> None:
        self.scope, self.server_send = scope, send
        self.root = scope.get("root_path") or ""
        super().__init__(counts, key)

    def send(self, message: Any) -> Any:
        """Return what the server's own function returns, an awaitable; before the last part, count the request."""
        try:
            kind = message["type"]
            if (kind == "http.response.body" and not message.get("more_body")) or kind in _LAST_PARTS:
                self.end()
        except Exception:
            pass
        return self.server_send(message)

    def end(self) -> None:
        if self.counts is not None:
            self.find(find_asgi_route, self.scope, self.root)
            super().end()


class _Lifespan:
    """Saves what was counted when the application has shut down: some servers end without a word after it."""

    def __init__(self, send: Any, counts: Counts) -> None:
        self._send, self._counts = send, counts

    def send(self, message: Any) -> Any:
        try:
            if message["type"].startswith("lifespan.shutdown"):
                self._counts.save()
        except Exception:  # as of a request
            pass
        return self._send(message)


class _Body:
    """The parts of a response. All else about it is the application's own."""

    def __init__(self, body: Any, iterate: Any, end: Callable[[], None]) -> None:
        self._whet_body, self._whet_iterate, self._whet_end = body, iterate, end

    def __iter__(self) -> Iterator[Any]:
        parts: Iterator[Any] = self._whet_iterate(self._whet_body, self._whet_end)
        return parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whet_body, name)


class _Closing(_Body):
    def close(self) -> Any:
        self._whet_end()
        try:
            return self._whet_body.close()
        except BaseException as error:
            if error.__traceback__ is not None:
                error.__traceback__ = error.__traceback__.tb_next
            raise


class _Sized(_Body):
    def __len__(self) -> int:
        return len(self._whet_body)


class _SizedClosing(_Sized, _Closing):
    pass


_BODIES = {(False, False): _Body, (False, True): _Closing, (True, False): _Sized, (True, True): _SizedClosing}
