"""The API's own metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from tapewatch.history.api.core import Core
from tapewatch.history.api.errors import declared
from tapewatch_sdk.serving._metrics import accepts_gzip, compressed

__all__ = ["router"]


def router(core: Core) -> APIRouter:
    """The call.

    Parameters:
        core: what it stands on.
    """
    calls = APIRouter(tags=["health"])

    @calls.get(
        "/metrics",
        response_class=Response,
        responses={
            **declared(422),
            200: {
                "description": "In the text format, or in OpenMetrics where `Accept` prefers it.",
                "content": {kind: {"schema": {"type": "string"}} for kind in _KINDS},
            },
        },
    )
    async def metrics(request: Request) -> Response:
        """This service's own metrics, for Prometheus."""
        body, kind = await core.metrics(request.headers.get("accept", ""))
        packed = compressed(body) if accepts_gzip(request.headers.get("accept-encoding", "")) else None
        headers = {"Content-Type": kind, **({"Content-Encoding": "gzip"} if packed is not None else {})}
        return Response(body if packed is None else packed, headers=headers)

    return calls


_KINDS = ("text/plain", "application/openmetrics-text")
