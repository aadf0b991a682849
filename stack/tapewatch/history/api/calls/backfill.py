"""What another history missed and asks for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from tapewatch.history.api.calls.asking import ask
from tapewatch.history.api.core import Core
from tapewatch.history.api.errors import declared
from tapewatch.history.api.models import BackfillOut, Moment, moment
from tapewatch.history.filling.pages import page
from tapewatch.history.store import Reader

__all__ = ["router"]


def router(core: Core) -> APIRouter:
    """The call.

    Parameters:
        core: what it stands on.
    """
    calls = APIRouter(tags=["backfill"])

    @calls.get("/api/backfill", response_model=BackfillOut, responses=declared(422))
    async def backfill(start: Moment, end: Moment) -> Response:
        """Samples, scrapes and rows from `start` on, as far as one answer goes: `until` says where the next one begins.

        For another history that was away in that time. An answer holds a minute at most. Events are looked up by
        `GET /api/events`.
        """
        begin, last = moment(start), moment(end)

        def question(reader: Reader) -> dict[str, Any]:
            return page(reader, begin, max(begin, last))

        return await ask(core, question)

    return calls
