"""Profile single requests of an ASGI application: FastAPI, Starlette, Quart, Django, ….

::

    app.add_middleware(whet.asgi.Middleware)  # or app = whet.asgi.Middleware(app)

With ``WHET_TOKEN`` in the environment, ``curl -H "X-Whet-Token: $WHET_TOKEN" 'localhost:8000/orders?whet=1'`` leaves a
report of that request in ``.whet/requests``. See ``docs/services.md``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from whet.request_profile import REPORT_HEADER, TOKEN_HEADER, RequestProfile, RequestProfiles

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
_HEADER = TOKEN_HEADER.lower().encode("ascii")


class Middleware:
    """An ASGI application around ``app``. ``options`` are those of :class:`whet.request_profile.RequestProfiles`."""

    def __init__(self, app: Application, token: str | None = None, **options: Any) -> None:  # noqa: ANN401
        self.app = app
        self._profiles = RequestProfiles(token, **options)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a request, profiled if it asks for that."""
        profile = self._choose(scope) if self._profiles.is_on and scope["type"] == "http" else None
        if profile is None or not await _begin(profile):
            await self.app(scope, receive, send)
            return

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                name = (REPORT_HEADER.lower().encode("ascii"), profile.report.name.encode("ascii"))
                message = {**message, "headers": [*message.get("headers", ()), name]}
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        finally:
            profile.end()

    def _choose(self, scope: Message) -> RequestProfile | None:
        query = scope.get("query_string", b"").decode("latin-1")
        token = next((value for name, value in scope.get("headers", ()) if name == _HEADER), b"").decode("latin-1")
        return self._profiles.choose(scope["method"], scope["path"], query, token)


async def _begin(profile: RequestProfile) -> bool:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # another event loop than asyncio's
        return profile.begin()
    return await loop.run_in_executor(None, profile.begin)
