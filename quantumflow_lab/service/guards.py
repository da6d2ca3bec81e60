"""Around every request: an id, hosts, headers, sizes and times, in plain ASGI."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quantumflow_lab.service.problems import Problem, internal, response

ID: Final = "qflow.request_id"
"""Where the id of a request stands in its scope."""
WHO: Final = "qflow.who"
"""Where the name of its token stands, once that is known to be good."""
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

SECURE: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer: nothing here is a page, and nothing may be kept."""
HSTS: Final = "max-age=63072000; includeSubDomains"


class Finished:
    """What is known of a request once it is answered."""

    __slots__ = (
        "client",
        "error",
        "method",
        "request_id",
        "route",
        "scope",
        "seconds",
        "status",
    )

    def __init__(
        self, scope: Scope, status: int, seconds: float, error: BaseException | None
    ):
        route = scope.get("route")
        self.scope = scope
        self.request_id: str = scope[ID]
        self.method: str = scope["method"]
        self.route: str = getattr(route, "path", "") or "unknown"
        """Template of the path, so that there are only so many."""
        self.status = status
        self.seconds = seconds
        self.client: str = (scope.get("client") or ("?",))[0]
        self.error = error


class Observe:
    """Give a request an id, and tell what became of it.

    Parameters
    ----------
    app
        What answers.
    begin
        Called with each new id.
    tell
        Called at the end.
    """

    def __init__(
        self,
        app: ASGIApp,
        begin: Callable[[str], None],
        tell: Callable[[Finished], None],
    ) -> None:
        self._app = app
        self._begin = begin
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        scope[ID] = given if _ID.fullmatch(given) else new_id()
        self._begin(scope[ID])
        status, began, fault = 0, time.perf_counter(), None

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = scope[ID]
                took = 1000 * (time.perf_counter() - began)
                headers["Server-Timing"] = f"app;dur={took:.1f}"
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - the last place to answer it
            fault = error
            if status == 0:
                said = response(internal(), scope[ID], scope["path"])
                await said(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - began
            self._tell(Finished(scope, status, seconds, fault))


def new_id() -> str:
    """An id for a request, unique."""
    from uuid import uuid4

    return uuid4().hex


class SecureHeaders:
    """Add :data:`SECURE` to every answer, and HSTS where it came over TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURE.items():
                    headers[name] = value
                if scope.get("scheme") == "https":
                    headers["Strict-Transport-Security"] = HSTS
            await send(message)

        await self._app(scope, receive, sending)


class TrustedHosts:
    """Answer only to names that are this service's: else a web page could reach it.

    A page of evil.example may point that name at 127.0.0.1 (DNS rebinding); the browser
    then still says ``Host: evil.example``.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = tuple(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and not self.knows(Headers(scope=scope)):
            problem = Problem(
                421, "unknown-host", "this service is not known by that host name"
            )
            answer = response(problem, scope.get(ID, ""), scope["path"])
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def knows(self, headers: Headers) -> bool:
        """Whether a request is meant for this service."""
        names = headers.getlist("host")
        if len(names) != 1:
            return False
        host = re.sub(r":\d+$", "", names[0]).lower()
        return any(
            host == known or (known.startswith("*.") and host.endswith(known[1:]))
            for known in self._hosts
        )


class BodyLimit:
    """Refuse a body as soon as it is known to be too large."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdigit() or int(told) > self._most:
            await self._refuse(scope, receive, send)
            return
        seen, started = 0, False

        async def receiving() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise _TooLarge
            return message

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receiving, sending)
        except _TooLarge:
            if not started:
                await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = Problem(
            413,
            "body-too-large",
            f"a request has at most {self._most:,} bytes; send less at once",
            headers={"Connection": "close"},
        )
        answer = response(problem, scope.get(ID, ""), scope["path"])
        await answer(scope, receive, send)


class _TooLarge(BaseException):
    """More came than may; no handler of the application is to answer it."""


class TimeLimit:
    """An answer begins in time, or another one says that it did not.

    What works in a thread goes on there, since no thread can be stopped; who waits for
    a body that does not come is let go.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or give it up."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = asyncio.Event()
        late = False

        async def sending(message: Message) -> None:
            if late:
                return
            started.set()
            await send(message)

        task = asyncio.ensure_future(self._app(scope, receive, sending))
        begun = asyncio.ensure_future(started.wait())
        try:
            await asyncio.wait(
                {task, begun},
                timeout=self._seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not task.done() and not started.is_set():
                late = True
                task.cancel()
                problem = Problem(
                    504, "too-slow", f"no answer within {self._seconds:g} s"
                )
                answer = response(problem, scope.get(ID, ""), scope["path"])
                await answer(scope, receive, send)
                return
            await task
        finally:
            begun.cancel()
            if not task.done():
                task.cancel()
