"""What workers ask of the historian beside the calls of the API; it is served on the Unix socket alone."""

from __future__ import annotations

from fastapi import APIRouter, Request

from tapewatch.history.serving.forwarding import MEASURED, PUSH
from tapewatch.history.serving.historian import Historian

__all__ = ["router"]


def router(historian: Historian) -> APIRouter:
    """The calls.

    Parameters:
        historian: what they stand on.
    """
    calls = APIRouter(include_in_schema=False)

    @calls.post(PUSH)
    async def push(request: Request) -> dict[str, object]:
        found = await historian.push(await request.body(), request.headers["content-type"])
        return {"refused": found.refused, "reason": found.reason}

    @calls.post(MEASURED, status_code=204)
    async def measured(request: Request) -> None:
        told = await request.json()
        for method, route, status, seconds in told["requests"]:
            historian.measure(method, route, status, seconds)
        historian.audience.hear(told["worker"], told["clients"], told["sent"], told["skipped"])

    return calls
