"""OTLP metrics of services that push."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from tapewatch.history.api.bodies import limit_of, unpacked
from tapewatch.history.api.core import Core, Pushed
from tapewatch.history.api.errors import ApiError, declared
from tapewatch.history.api.otlp import JSON, PROTOBUF, SCHEMA, response_of

__all__ = ["router"]

PATH = "/v1/metrics"


def router(core: Core) -> APIRouter:
    """The call.

    Parameters:
        core: what it stands on.
    """
    calls = APIRouter(tags=["metrics"])

    @calls.post(
        PATH,
        response_class=Response,
        responses={
            **declared(400, 408, 415),
            200: {
                "description": "Stored, but for the points that `partialSuccess` tells of.",
                "content": {
                    JSON: {"schema": _ANSWER},
                    PROTOBUF: {"schema": {"type": "string", "format": "binary"}},
                },
            },
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": SCHEMA}, PROTOBUF: {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def push_metrics(request: Request) -> Response:
        """Store OTLP metrics, in protobuf or JSON, also packed with gzip. Names and labels stay as they were pushed."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (JSON, PROTOBUF):
            raise ApiError(415, "content_type", f"only {PROTOBUF} and {JSON} are understood")
        encoding = request.headers.get("content-encoding", "").strip().lower()
        body = unpacked(await request.body(), encoding, limit_of(PATH))
        return _answer(await core.push(body, kind), kind)

    return calls


def _answer(pushed: Pushed, kind: str) -> Response:
    if kind == PROTOBUF:
        return Response(response_of(pushed.refused, pushed.reason), media_type=PROTOBUF)
    told: dict[str, Any] = {}
    if pushed.refused or pushed.reason:
        told["partialSuccess"] = {"rejectedDataPoints": str(pushed.refused), "errorMessage": pushed.reason}
    return Response(json.dumps(told), media_type=JSON)


_ANSWER = {
    "type": "object",
    "properties": {
        "partialSuccess": {
            "type": "object",
            "properties": {"rejectedDataPoints": {"type": "string"}, "errorMessage": {"type": "string"}},
        }
    },
}
