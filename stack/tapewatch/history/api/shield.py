"""What stands between uvicorn and the app: who may ask, how much may come in, what is measured, headers of safety."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tapewatch.history.api.access import Caller, Gate
from tapewatch.history.api.bodies import limit_of
from tapewatch.history.api.errors import ApiError, answer_of, kept_out

__all__ = ["BODY_TIMEOUT", "HEADERS", "LONGEST_HEADERS", "LONGEST_URL", "Measure", "Shield"]

LONGEST_URL = 8 << 10
LONGEST_HEADERS = 16 << 10
"""Bytes of path and query, and of all headers together; ours need a few hundred."""

BODY_TIMEOUT = 30.0
"""Seconds in which a body must have come whole."""

DRAINED = 64 << 20
"""Bytes of a body that is refused that are let pass before the answer; a sender that is within reason sees it."""

PAUSE = 1.0
"""Seconds without a byte after which such a body is not waited for any more."""

Measure = Callable[[str, str, int, float], None]
"""Takes method, route, status and seconds of a request."""

HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Headers of every answer that does not say otherwise itself."""

_ENCODED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class Shield:
    """An app, shielded.

    Parameters:
        app: the app.
        gate: lets requests in.
        measure: is told of every request.
        limit: bytes that a body for a path may have.
    """

    def __init__(
        self, app: ASGIApp, gate: Gate, measure: Measure = lambda *_: None, limit: Callable[[str], int] = limit_of
    ) -> None:
        self._app = app
        self._gate = gate
        self._measure = measure
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, in the words of ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answer = _Answer(send)
        try:
            refused = self._refused(scope)
            if refused is not None:
                await _drain(receive)
                await answer_of(refused)(scope, receive, answer.send)
            else:
                await self._app(scope, _Body(self._limit(scope["path"]), receive).receive, answer.send)
        except asyncio.CancelledError:  # uvicorn ends what takes longer than its grace; for it that would be a bug
            if answer.started:
                raise
            await answer_of(kept_out("the server ends", "ending"))(scope, receive, answer.send)
        finally:
            self._measure(scope["method"], _route(scope), answer.status, time.perf_counter() - began)

    def _refused(self, scope: Scope) -> ApiError | None:
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_URL:
            return ApiError(431, "too_long", f"the URL has more than {LONGEST_URL} bytes")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEADERS:
            return ApiError(431, "too_long", f"the headers have more than {LONGEST_HEADERS} bytes")
        caller = caller_of(scope)
        refusal = self._gate.refusal(scope["path"], caller)
        if refusal is not None:
            return ApiError(refusal.status, refusal.code, refusal.message, headers=refusal.headers)
        length, limit = caller.headers.get("content-length", "0"), self._limit(scope["path"])
        if length.isascii() and length.isdigit() and int(length[:20]) > limit:
            return _too_large(limit)
        scope.setdefault("state", {})["caller"] = caller
        return None


def caller_of(scope: Scope) -> Caller:
    """Who makes a request."""
    client = scope.get("client")
    headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return Caller.of(client[0] if client else "", headers)


def _route(scope: Scope) -> str:
    """The route that was taken, which has few values; what has none is none of ours."""
    return str(getattr(scope.get("route"), "path", "")) or "other"


def _too_large(limit: int) -> ApiError:
    return ApiError(413, "too_large", f"the body has more than {limit} bytes", headers={"Connection": "close"})


class _Body:
    """The body of a request, as far as it may go."""

    def __init__(self, limit: int, receive: Receive) -> None:
        self._limit = limit
        self._receive = receive
        self._taken = 0
        self._whole = False
        self._until = asyncio.get_running_loop().time() + BODY_TIMEOUT

    async def receive(self) -> Message:
        if self._whole:  # what comes now is the news that the client is gone, which may take its time
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise ApiError(
                408, "too_slow", f"the body took more than {BODY_TIMEOUT:g} s", headers={"Connection": "close"}
            ) from None
        self._taken += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._taken > self._limit:
            if not self._whole:
                await _drain(self._receive)
            self._whole = True
            raise _too_large(self._limit)
        return message


async def _drain(receive: Receive) -> None:
    """Let a body pass that is not wanted: who is still sending when the connection is closed never sees the answer."""
    left, until = DRAINED, asyncio.get_running_loop().time() + BODY_TIMEOUT
    while left > 0 and asyncio.get_running_loop().time() < until:
        try:
            async with asyncio.timeout(PAUSE):
                message = await receive()
        except TimeoutError:
            return
        left -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return


class _Answer:
    """An answer on its way out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = list(message.get("headers", ()))
            there = {name.lower() for name, _ in headers}
            message["headers"] = [*headers, *(pair for pair in _ENCODED if pair[0] not in there)]
        await self._send(message)
