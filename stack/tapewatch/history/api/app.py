"""The app, put together."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from tapewatch.history.api.access import Gate
from tapewatch.history.api.calls import alerts, backfill, events, health, metrics, own, page, push
from tapewatch.history.api.core import Core, Settings
from tapewatch.history.api.errors import ApiError, handle_errors
from tapewatch.history.api.secured import secure
from tapewatch.history.api.shield import Shield
from tapewatch.history.api.socket.connection import PATH

__all__ = ["create_app", "make_api"]

_DESCRIPTION = """History and live view of a trading platform: what its services say now and said before, the audit
trail, and what they push.

Errors have one shape, `{"error": {"code", "message", "details"}}`. Where an API key is needed, it is sent as
`Authorization: Bearer KEY` or as `X-API-Key: KEY`; a browser gets a cookie for it by `POST /login`. A `429` or `503`
says in `Retry-After` how many seconds to wait.

`WS /ws/metrics` is a WebSocket: a list of series, ten times a second their values with the state of services, alerts
and store, and events as they are stored. It answers `ping` with `pong`.
"""


def create_app(core: Core, gate: Gate, settings: Settings | None = None) -> Shield:
    """The API as an ASGI app; its WebSocket is `socket.Connection`, beside it.

    Parameters:
        core: what it stands on.
        gate: lets requests in.
        settings: what it is told.
    """
    return Shield(make_api(core, gate, settings or Settings()), gate, core.measure)


def make_api(core: Core, gate: Gate, settings: Settings) -> FastAPI:
    """The same without its shield."""
    app = FastAPI(
        title="tapewatch history",
        version=settings.version or "0",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_id,
    )
    for router in (
        metrics.router(core, settings),
        events.router(core),
        push.router(core),
        backfill.router(core),
        alerts.router(core),
        health.router(core, settings, gate),
        own.router(core),
        page.router(gate),
    ):
        app.include_router(router)
    page.pages(app)

    @app.get(PATH, include_in_schema=False)
    async def socket() -> Any:
        raise ApiError(426, "upgrade_required", "this is a WebSocket", headers={"Upgrade": "websocket"})

    handle_errors(app)
    secure(app)
    return app


def _id(route: APIRoute) -> str:
    return route.name
