"""Profile single requests of a Django project.

::

    MIDDLEWARE = ["whet.django.Middleware", ...]
    WHET_TOKEN = os.environ.get("WHET_TOKEN", "")  # empty: the middleware is not used

``curl -H "X-Whet-Token: $WHET_TOKEN" 'localhost:8000/orders/?whet=1'`` leaves a report of that request in
``.whet/requests``, or in the folder ``WHET_FOLDER``. See ``docs/services.md``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from whet.request_profile import FOLDER, REPORT_HEADER, TOKEN_HEADER, RequestProfile, RequestProfiles


class Middleware:
    """A Django middleware, for views of both kinds."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        from django.conf import settings
        from django.core.exceptions import MiddlewareNotUsed

        token = getattr(settings, "WHET_TOKEN", None)
        self._profiles = RequestProfiles(token, folder=getattr(settings, "WHET_FOLDER", FOLDER))
        if not self._profiles.is_on:
            raise MiddlewareNotUsed("there is no WHET_TOKEN")
        self._get_response = get_response
        self._is_async = inspect.iscoroutinefunction(get_response)
        if self._is_async:
            from asgiref.sync import markcoroutinefunction

            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:  # noqa: ANN401  Django's
        """Serve a request, profiled if it asks for that."""
        profile = self._choose(request)
        if self._is_async:
            return self._respond(request, profile)
        if profile is None or not profile.begin():
            return self._get_response(request)
        try:
            return self._name(self._get_response(request), profile)
        except BaseException:
            profile.end()
            raise

    async def _respond(self, request: Any, profile: RequestProfile | None) -> Any:  # noqa: ANN401
        if profile is None or not await asyncio.get_running_loop().run_in_executor(None, profile.begin):
            return await self._get_response(request)
        try:
            return self._name(await self._get_response(request), profile)
        except BaseException:
            profile.end()
            raise

    def _choose(self, request: Any) -> RequestProfile | None:  # noqa: ANN401
        query, token = request.META.get("QUERY_STRING", ""), request.headers.get(TOKEN_HEADER, "")
        return self._profiles.choose(request.method, request.path, query, token)

    @staticmethod
    def _name(response: Any, profile: RequestProfile) -> Any:  # noqa: ANN401
        response[REPORT_HEADER] = profile.report.name
        if response.streaming:
            # Its parts are made when the server asks for them; Django closes it then.
            response._resource_closers.append(profile.end)
        else:
            profile.end()
        return response
