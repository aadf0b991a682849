"""The page and its login, and the page that documents the calls."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from tapewatch.history.api.access import COOKIE, Gate
from tapewatch.history.api.access.keys import SESSION
from tapewatch.history.api.documents import document
from tapewatch.history.api.errors import ApiError, declared, header
from tapewatch.history.api.models import LoginIn
from tapewatch.history.page import HEADERS, Asset, assets

__all__ = ["pages", "router"]


def router(gate: Gate) -> APIRouter:
    """The login.

    Parameters:
        gate: knows the key.
    """
    calls = APIRouter(tags=["page"])

    @calls.post("/login", status_code=204, responses={**declared(400, 408, 422), 204: _COOKIE})
    async def login(given: LoginIn, request: Request) -> Response:
        """Show the key once; from then on a cookie that no script can read stands for it, for a week."""
        refusal = gate.login_refusal(request.state.caller, given.key)
        if refusal is not None:
            raise ApiError(refusal.status, refusal.code, refusal.message, headers=refusal.headers)
        answer = Response(status_code=204)
        if gate.key is not None:
            _set(answer, request, gate.key.session(time.time()), SESSION)
        return answer

    @calls.post("/logout", status_code=204, responses={**declared(422), 204: _COOKIE})
    async def logout(request: Request) -> Response:
        """Forget the login in this browser."""
        answer = Response(status_code=204)
        _set(answer, request, "", 0)
        return answer

    return calls


_COOKIE: dict[str, Any] = {"description": "Done.", "headers": header("Set-Cookie", "The login, or its end.")}


def _set(answer: Response, request: Request, value: str, seconds: int) -> None:
    answer.set_cookie(
        COOKIE, value, max_age=seconds, path="/", secure=request.url.scheme == "https", httponly=True, samesite="strict"
    )


def pages(app: FastAPI) -> None:
    """Serve the files of the live page, and `/docs`; they are no calls, so the OpenAPI page does not list them."""
    for asset in assets().values():
        app.add_api_route(asset.path, _serving(asset), methods=["GET", "HEAD"], include_in_schema=False)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        found = document(app.openapi())
        return Response(found.text, media_type="text/html", headers={"Content-Security-Policy": found.policy})


def _serving(asset: Asset):  # type: ignore[no-untyped-def]
    async def serve(request: Request) -> Response:
        headers = {**HEADERS, "ETag": asset.etag}
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(asset.body, media_type=asset.content_type, headers=headers)

    return serve
