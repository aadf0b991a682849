"""What workers ask of the historian beside the calls of the API; it is served on the Unix socket alone."""

from __future__ import annotations

from fastapi import APIRouter, Request

from tapewatch.history.api.core import Core
from tapewatch.history.serving.forwarding import MEASURED, PUSH

__all__ = ["router"]


def router(core: Core) -> APIRouter:
    """The calls.

    Parameters:
        core: what they stand on.
    """
    calls = APIRouter(include_in_schema=False)

    @calls.post(PUSH)
    async def push(request: Request) -> dict[str, object]:
        found = await core.push(await request.body(), request.headers["content-type"])
        return {"refused": found.refused, "reason": found.reason}

    @calls.post(MEASURED, status_code=204)
    async def measured(request: Request) -> None:
        for method, route, status, seconds in await request.json():
            core.measure(method, route, status, seconds)

    return calls
