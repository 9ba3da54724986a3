"""Which route a request is of: what the framework matched, else its path with ids left out.

Frameworks are asked for what they have put into the request's own mapping; nothing of them is imported. Query strings
are not read.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Place = tuple[str, int, str] | None

NO_ROUTE = "(no route)"
"""Of requests that the framework has no route for."""
MOST_KEYS = 250
MOST_PATHS = 2_000
MOST_PARTS = 8
LONGEST_PART = 24
LONGEST_PATH = 200
LONGEST = 160
MOST_FRAMES = 40
"""So far above the sending of a response the framework's function is looked for: middleware may stand between them."""
_DJANGO = "django.core.handlers.asgi"
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))


class Keys:
    """Names requests by method and path, a bounded number of names: what is measured while the route is not known."""

    def __init__(self) -> None:
        self.paths: dict[tuple[str, str], str] = {}
        self.keys: set[str] = set()

    def find(self, method: Any, path: Any) -> str:
        """Return the name of a request, as ``GET /users/{}``."""
        if not isinstance(path, str) or not isinstance(method, str):
            return "OTHER (no path)"
        known = self.paths.get((method, path))
        if known is None:
            shown = method if method in _METHODS else "OTHER"
            name = f"{shown} {shorten_path(path)}"
            if name not in self.keys and len(self.keys) >= MOST_KEYS:
                name = f"{shown} (other paths)"
            self.keys.add(name)
            if len(path) > LONGEST_PATH:
                return name
            if len(self.paths) >= MOST_PATHS:
                self.paths.clear()
            known = self.paths[method, path] = name
        return known


def shorten_path(path: str) -> str:
    """Return a path with ``{}`` for what may be an id or a secret.

    >>> shorten_path("/api/v1/users/4711/first-post"), shorten_path("/reset/x7Bd")
    ('/api/v1/users/{}/first-post', '/reset/{}')
    """
    parts = path.split("/", MOST_PARTS)
    return "/".join([part if _is_word(part) else "{}" for part in parts])[:LONGEST]


def _is_word(part: str) -> bool:
    if len(part) > LONGEST_PART or not part.isascii() or part.count("-") > 2:
        return False
    plain = part.replace("-", "").replace("_", "").replace(".", "")
    return not plain or plain.isalpha() or (plain[0] in "vV" and plain[1:].isdigit() and len(plain) < 4)


def find_asgi_route(scope: Any, root: str) -> tuple[str, Place]:
    """Return the route that Starlette, FastAPI or Django matched, and its endpoint; ``""`` where none did.

    ``root`` is the path that the application is mounted at, as its server says.
    """
    method = str(scope.get("method"))
    effective = scope.get("fastapi")
    context = effective.get("effective_route_context") if isinstance(effective, dict) else None
    path = getattr(context, "path", None)
    route = scope.get("route")
    # The path of the mounts that led there.
    mounted = str(scope.get("root_path", ""))[len(root) :]
    if not isinstance(path, str) and hasattr(route, "endpoint") and isinstance(getattr(route, "path", None), str):
        path = mounted + route.path
    if not isinstance(path, str):
        found, place = _find_django_route(_find_sent_response(), method)
        if found and found != NO_ROUTE:
            return (mounted + found)[:LONGEST], place
        if mounted:
            return f"{mounted}/{{path}}"[:LONGEST], find_place(scope.get("endpoint"), method)
        return (NO_ROUTE if "router" in scope else found), None
    return path[:LONGEST], find_place(scope.get("endpoint"), method)


def _find_sent_response() -> Any:
    """Return the response that Django is sending: under ASGI nothing that it hands on leads to it."""
    frame = sys._getframe(1) if _DJANGO in sys.modules else None
    for _ in range(MOST_FRAMES):
        if frame is None:
            return None
        if frame.f_code.co_name == "send_response" and frame.f_globals.get("__name__") == _DJANGO:
            return frame.f_locals.get("response")
        frame = frame.f_back
    return None


def find_wsgi_route(environ: Any, root: str, result: Any, application: Any) -> tuple[str, Place]:
    """Return the route that Flask or Django matched, and its view; ``""`` where none did.

    ``root`` is the path that the application is mounted at, as its server says.
    """
    # The path of the dispatchers that led there.
    mounted = str(environ.get("SCRIPT_NAME") or "")[len(root) :]
    method = str(environ.get("REQUEST_METHOD"))
    request: Any = environ.get("werkzeug.request")
    if hasattr(request, "url_rule"):
        rule = getattr(request.url_rule, "rule", None)
        if not isinstance(rule, str):
            return NO_ROUTE, None
        # Its debugger stands around the application.
        flask = application if hasattr(application, "view_functions") else getattr(application, "app", None)
        view = getattr(flask, "view_functions", {}).get(request.url_rule.endpoint)
        return (mounted + rule)[:LONGEST], find_place(view, method)
    route, place = _find_django_route(result, method)
    return (mounted + route)[:LONGEST] if place else route, place


def _find_django_route(response: Any, method: str) -> tuple[str, Place]:
    """Return the route that led to Django's response, and its view; ``""`` for another's response."""
    # The response closes the request with it.
    for closer in reversed(getattr(response, "_resource_closers", ())):
        request: Any = getattr(closer, "__self__", None)
        if hasattr(request, "resolver_match"):
            match = request.resolver_match
            route = getattr(match, "route", None)
            place = find_place(getattr(match, "func", None), method)
            return (f"/{route}"[:LONGEST] if isinstance(route, str) else NO_ROUTE), place
    return "", None


def find_place(handler: Any, method: str = "GET") -> Place:
    """Return file, first line and qualified name of the function behind ``handler``; ``None`` for what has none.

    Of a class it is the function for requests of ``method``.
    """
    for _ in range(10):
        view = handler if isinstance(handler, type) else _find_class(handler)
        inner = _find_method(view, handler, method) if view is not None else None
        inner = inner or getattr(handler, "__wrapped__", None) or getattr(handler, "func", None)
        if inner is None:
            break
        handler = inner
    code = getattr(getattr(handler, "__func__", handler), "__code__", None)
    return (code.co_filename, code.co_firstlineno, code.co_qualname) if code is not None else None


def _find_class(handler: Any) -> Any:
    """Return the class whose view ``handler`` is, as Flask, Django and its REST framework say; ``None`` for others."""
    for name in ("view_class", "cls"):
        found = getattr(handler, name, None)
        if isinstance(found, type):
            return found
    return None


def _find_method(view: Any, handler: Any, method: str) -> Any:
    actions = getattr(handler, "actions", None)
    action = actions.get(method.lower()) if isinstance(actions, dict) else None
    for name in (action, method.lower(), "get" if method == "HEAD" else None, "dispatch_request"):
        found = getattr(view, name, None) if isinstance(name, str) else None
        if hasattr(found, "__code__") or hasattr(found, "__wrapped__"):
            return found
    return None
