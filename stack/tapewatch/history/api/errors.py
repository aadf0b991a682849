"""Errors in one shape, which tells a caller what to do and nothing of how we are built."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as HttpError

from tapewatch.history.store import QueryError, StoreFullError, StoreGoneError

__all__ = [
    "RETRY_AFTER",
    "ApiError",
    "Detail",
    "ErrorBody",
    "Failure",
    "answer_of",
    "body_of",
    "declared",
    "handle_errors",
    "header",
    "kept_out",
]

RETRY_AFTER = 5
"""Seconds after which a caller may try again what the store cannot do now; a full disk is looked at each second."""

DETAILS = 20
"""Details of an error at most: who sends a thousand wrong events learns enough from the first."""

_log = logging.getLogger("tapewatch.history.api")


class Detail(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="The place in the request, such as `body.events.0.timestamp`.")
    message: str


class Failure(BaseModel):
    """What is wrong."""

    code: str = Field(description="For programs; does not change.")
    message: str = Field(description="For people.")
    details: list[Detail] = []


class ErrorBody(BaseModel):
    """The shape of every error."""

    error: Failure


class ApiError(HTTPException):
    """An answer that is an error; FastAPI lets its own kind through while it reads a body.

    Parameters:
        status: of HTTP.
        code: for programs.
        message: for people.
        details: what is wrong in the request.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.code = code
        self.details = tuple(details)


def kept_out(message: str, code: str = "not_writing") -> ApiError:
    """The error of what cannot be done now, and may be tried again."""
    return ApiError(503, code, message, headers={"Retry-After": str(RETRY_AFTER)})


def body_of(code: str, message: str, details: Iterable[tuple[str, str]] = ()) -> bytes:
    """The body of an error."""
    told = [{"where": where, "message": text} for where, text in details]
    return json.dumps({"error": {"code": code, "message": message, "details": told}}).encode()


def answer_of(error: ApiError) -> Response:
    """An error as an answer."""
    body = body_of(error.code, str(error.detail), error.details)
    return Response(body, error.status_code, error.headers, "application/json")


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Errors for the OpenAPI page, beside those that every call may answer.

    Parameters:
        statuses: of HTTP.
    """
    return {status: _declared(status) for status in (*statuses, *_EVERYWHERE)}


def _declared(status: int) -> dict[str, Any]:
    found = {"model": ErrorBody, "description": _MEANINGS.get(status, HTTPStatus(status).phrase)}
    return {**found, "headers": header(*_HEADERS[status])} if status in _HEADERS else found


def header(name: str, meaning: str) -> dict[str, Any]:
    """A header of an answer, for the OpenAPI page."""
    return {name: {"description": meaning, "schema": {"type": "string"}}}


_EVERYWHERE = (401, 403, 405, 413, 421, 429, 431, 500, 503)

_AFTER = ("Retry-After", "Seconds after which to try again.")

_HEADERS: Mapping[int, tuple[str, str]] = {
    401: ("WWW-Authenticate", "How the key is shown; not after a wrong login."),
    405: ("Allow", "The methods that it takes."),
    429: _AFTER,
    503: _AFTER,
}

_MEANINGS: Mapping[int, str] = {
    400: "The body is not what its Content-Type says.",
    401: "No API key was shown where one is needed, or a wrong one.",
    403: "A page of another origin asked.",
    405: "The path takes other methods.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The Content-Type or Content-Encoding is none that is understood here.",
    421: "The Host header names another server.",
    422: "The request is understood and wrong; the details say where.",
    429: "That was too often; Retry-After says when to come again.",
    431: "The headers or the URL are too long.",
    500: "A bug of ours; it is in the log.",
    503: "It cannot be done now; Retry-After says when to try again.",
}


def handle_errors(app: FastAPI) -> None:
    """Let every error of an app be answered in the one shape."""

    @app.exception_handler(ApiError)
    async def ours(_: Request, error: ApiError) -> Response:
        return answer_of(error)

    @app.exception_handler(RequestValidationError)
    async def wrong(_: Request, error: RequestValidationError) -> Response:
        return answer_of(_of_validation(error.errors()))

    @app.exception_handler(HttpError)
    async def http(request: Request, error: HttpError) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        code = phrase.lower().replace(" ", "_").replace("-", "_")
        headers = _all_methods(app, request.url.path, error.headers) if error.status_code == 405 else error.headers
        return answer_of(ApiError(error.status_code, code, phrase.lower(), headers=headers))

    @app.exception_handler(StoreFullError)
    async def full(_: Request, error: StoreFullError) -> Response:
        return answer_of(kept_out("nothing can be written just now: the disk is full"))

    @app.exception_handler(StoreGoneError)
    async def gone(_: Request, error: StoreGoneError) -> Response:
        return answer_of(kept_out("the store does not answer", "no_store"))

    @app.exception_handler(QueryError)
    async def query(_: Request, error: QueryError) -> Response:
        _log.warning("a question could not be answered: %s", error)
        return answer_of(kept_out("the question takes too long, or too many are asked", "query"))

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        return answer_of(ApiError(500, "internal", "that is a bug of ours; the log of the server tells of it"))


def _all_methods(app: FastAPI, path: str, headers: Mapping[str, str] | None) -> dict[str, str]:
    """Every method of a path: FastAPI has a route for each, and tells of one."""
    found = app.openapi()["paths"].get(path)
    return {**(headers or {}), **({"Allow": ", ".join(method.upper() for method in found)} if found else {})}


def _of_validation(errors: Sequence[Any]) -> ApiError:
    found = [(".".join(str(part) for part in each["loc"]), str(each["msg"])[:200]) for each in errors[:DETAILS]]
    if any(each["type"] == "json_invalid" for each in errors):
        return ApiError(400, "no_json", "the body is no JSON", found)
    return ApiError(422, "invalid", "the request is not what this call takes", found)
