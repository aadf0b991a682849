"""Whether it lives, and whether it can do its work."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tapewatch.history.api.access import Gate
from tapewatch.history.api.core import Core, Settings
from tapewatch.history.api.errors import declared
from tapewatch.history.api.models import Health, Readiness

__all__ = ["router"]


def router(core: Core, settings: Settings, gate: Gate) -> APIRouter:
    """The calls.

    Parameters:
        core: what they stand on.
        settings: knows our version.
        gate: knows who may be told more.
    """
    calls = APIRouter(tags=["health"])

    def knows(request: Request) -> bool:
        return gate.is_known(request.state.caller)

    @calls.get("/health", responses=declared(422))
    async def health(request: Request) -> Health:
        """That it answers, and in which version."""
        return Health(version=settings.version if knows(request) else None)

    @calls.get("/health/live", responses=declared(422))
    async def live() -> Health:
        """That it answers; when it does not, it is to be started anew."""
        return Health()

    @calls.get("/health/ready", responses={**declared(422), 503: {"model": Readiness, "description": "Not ready."}})
    async def ready(request: Request, response: Response) -> Readiness:
        """Whether it scrapes and stores; while it does not, a load balancer sends nobody here."""
        reasons = list(await core.problems())
        if not reasons:
            return Readiness(status="ready")
        response.status_code = 503
        return Readiness(status="not ready", reasons=reasons if knows(request) else [])

    return calls
