"""Which route a request is of: what the framework matched, else its path with ids left out.

Frameworks are asked for what they have put into the request's own mapping; nothing of them is imported. Query strings
are not read.
"""

from __future__ import annotations

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
    """Return the route that Starlette or FastAPI matched, and its endpoint; ``""`` where none did.

    ``root`` is the path that the application is mounted at, as its server says.
    """
    effective = scope.get("fastapi")
    context = effective.get("effective_route_context") if isinstance(effective, dict) else None
    path = getattr(context, "path", None)
    route = scope.get("route")
    # The path of the mounts that led there.
    mounted = str(scope.get("root_path", ""))[len(root) :]
    if not isinstance(path, str) and hasattr(route, "endpoint") and isinstance(getattr(route, "path", None), str):
        path = mounted + route.path
    elif not isinstance(path, str) and mounted:
        path = f"{mounted}/{{path}}"
    if not isinstance(path, str):
        return (NO_ROUTE if "router" in scope else ""), None
    return path[:LONGEST], find_place(scope.get("endpoint"))


def find_wsgi_route(environ: Any, result: Any, application: Any) -> tuple[str, Place]:
    """Return the route that Flask or Django matched, and its view; ``""`` where none did."""
    request: Any = environ.get("werkzeug.request")
    if hasattr(request, "url_rule"):
        rule = getattr(request.url_rule, "rule", None)
        if not isinstance(rule, str):
            return NO_ROUTE, None
        # Its debugger stands around the application.
        flask = application if hasattr(application, "view_functions") else getattr(application, "app", None)
        view = getattr(flask, "view_functions", {}).get(request.url_rule.endpoint)
        return rule[:LONGEST], find_place(view)
    # Django's response closes the request with it.
    for closer in reversed(getattr(result, "_resource_closers", ())):
        request = getattr(closer, "__self__", None)
        if hasattr(request, "resolver_match"):
            match = request.resolver_match
            route = getattr(match, "route", None)
            return (f"/{route}"[:LONGEST] if isinstance(route, str) else NO_ROUTE), find_place(
                getattr(match, "func", None)
            )
    return "", None


def find_place(handler: Any) -> Place:
    """Return file, first line and qualified name of the function behind ``handler``; ``None`` for what has none."""
    for _ in range(10):
        inner = getattr(handler, "__wrapped__", None) or getattr(handler, "func", None)
        if inner is None:
            break
        handler = inner
    code = getattr(getattr(handler, "__func__", handler), "__code__", None)
    return (code.co_filename, code.co_firstlineno, code.co_qualname) if code is not None else None
