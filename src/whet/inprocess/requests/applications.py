"""Stands between a server and its application, and times each request.

The application is called with what the server gave, and returns or raises what it would. While it runs, a function whose
name says which request it is stands on the stack, where the sampler finds it; it takes itself out of the tracebacks
that pass through it. A request ends with the last part of its response.
"""

from __future__ import annotations

from time import perf_counter_ns
from types import FunctionType

from .routes import Keys, find_asgi_route, find_wsgi_route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
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

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[Any]:
        kind = scope["type"]
        if kind == "lifespan":
            # Some servers end without a word after it.
            return self._whet_application(scope, receive, _Watched(send, _is_shut_down, self._whet_counts.save).send)
        if kind != "http":
            return self._whet_application(scope, receive, send)
        key = self._whet_keys.find(scope.get("method"), scope["path"])
        request = _Request(self._whet_counts, key)
        root = str(scope.get("root_path", ""))

        def end() -> None:
            request.end(find_asgi_route, scope, root)

        watched = _Watched(send, _is_last, end).send
        return self._whet_named.find(key)(self._whet_application, scope, receive, watched, end)


class WsgiApplication(_Application):
    """A WSGI application."""

    _whet_named = _Named(_call_application)
    _whet_bodies = _Named(_iterate_body)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        key = self._whet_keys.find(environ.get("REQUEST_METHOD"), path)
        request = _Request(self._whet_counts, key)
        body = None
        try:
            body = self._whet_named.find(key)(self._whet_application, environ, start_response)
        except BaseException as error:
            request.end(find_wsgi_route, environ, None, self._whet_application)
            if error.__traceback__ is not None:
                error.__traceback__ = error.__traceback__.tb_next
            raise
        request.find(find_wsgi_route, environ, body, self._whet_application)
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
    def __init__(self, counts: Counts, key: str) -> None:
        self.counts: Counts | None = counts
        self.key = key
        self.found: tuple[str, Any] = ("", None)
        self.began = perf_counter_ns()

    def find(self, find: Any, *args: Any) -> None:
        """Find out the route."""
        try:
            self.found = find(*args)
        except Exception:  # whatever a framework puts there: the path is known
            self.found = ("", None)

    def end(self, *find: Any) -> None:
        """Count the request, if it has not been. Nothing is raised, whatever has become of the file."""
        counts, self.counts = self.counts, None
        if counts is None:
            return
        ended = perf_counter_ns()
        if find:
            self.find(*find)
        route, place = self.found
        try:
            method = self.key.partition(" ")[0]
            counts.add(self.key, f"{method} {route}" if route else self.key, place, self.began, ended)
        except Exception:  # noqa: S110  there may be room the next time, and the program is not to be told
            pass


class _Watched:
    """Calls ``then`` when the application sends what ``is_it`` is true of, before that is sent."""

    def __init__(self, send: Any, is_it: Callable[[Any], bool], then: Callable[[], None]) -> None:
        self._send, self._is_it, self._then = send, is_it, then

    def send(self, message: Any) -> Any:
        """Return what the server's own function returns: an awaitable."""
        try:
            if self._is_it(message):
                self._then()
        except Exception:  # noqa: S110  the server judges what is wrong with a message
            pass
        return self._send(message)


def _is_last(message: Any) -> bool:
    kind = message["type"]
    return (kind == "http.response.body" and not message.get("more_body")) or kind in _LAST_PARTS


def _is_shut_down(message: Any) -> bool:
    return bool(message["type"].startswith("lifespan.shutdown"))


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
