"""What the OpenAPI page says of the key: the ways to show it, and the calls that need none."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from tapewatch.history.api.access import COOKIE
from tapewatch.history.api.access.gate import OPEN

__all__ = ["secure"]

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The API key."},
    "basic": {"type": "http", "scheme": "basic", "description": "Any user, and the API key as the password."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "What `POST /login` gives."},
}

_ANY = [dict[str, list[str]](), *({name: list[str]()} for name in _SCHEMES)]
"""One of them, or none where no key is needed, as on loopback."""


def secure(app: FastAPI) -> None:
    """Let an app describe how the key is shown.

    Parameters:
        app: with all of its calls.
    """
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = plain()
            found["components"]["securitySchemes"] = _SCHEMES
            for path, calls in found["paths"].items():
                for call in calls.values():
                    call["security"] = [] if path in OPEN else _ANY
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]  # which is FastAPI's way to add to it
