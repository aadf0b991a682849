"""The protocol of `websockets`, whose refusals have the one shape of the API's errors."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from websockets.http11 import Response
from websockets.server import ServerProtocol

from tapewatch.history.api.access import Refusal
from tapewatch.history.api.errors import body_of

__all__ = ["Handshake"]

_CODES: Mapping[HTTPStatus, str] = {
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.UPGRADE_REQUIRED: "upgrade_required",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "too_long",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal",
}


class Handshake(ServerProtocol):
    """The server's side of one connection."""

    def reject(self, status: HTTPStatus | int, text: str) -> Response:
        """Refuse a handshake that is none; `websockets` calls it with a status and a text of its own."""
        found = HTTPStatus(status)
        if found is HTTPStatus.REQUEST_URI_TOO_LONG:  # which is the same to us as to every other call
            found = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        return self.refuse(Refusal(found, _CODES.get(found, "bad_request"), " ".join(text.split())))

    def refuse(self, refusal: Refusal) -> Response:
        """Refuse a client."""
        response = super().reject(refusal.status, body_of(refusal.code, refusal.message).decode())
        del response.headers["Content-Type"]
        for name, value in {"Content-Type": "application/json", **refusal.headers}.items():
            response.headers[name] = value
        return response
