"""The audit trail: events come in from the SDK's sink, and are looked up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tapewatch.history.api.calls.asking import ask
from tapewatch.history.api.core import Core
from tapewatch.history.api.errors import declared
from tapewatch.history.api.models import EventIn, Events, EventsIn, Moment, StoredOut, Text, moment
from tapewatch.history.store import Reader, queries
from tapewatch_sdk.events import Event, EventSeverity, EventType

__all__ = ["MOST", "router"]

MOST = 10_000
"""Events of one answer."""


def router(core: Core) -> APIRouter:
    """The calls.

    Parameters:
        core: what they stand on.
    """
    calls = APIRouter(tags=["events"])

    @calls.post("/api/events", responses=declared(400, 408, 422))
    async def store_events(body: EventsIn) -> StoredOut:
        """Store events; what is sent again is stored once.

        The answer comes when they are on disk. A 400, 413 or 422 means that they will never be taken, anything else
        that they may be sent again.
        """
        events = [_event(each) for each in body.events]
        stored = await core.store_events(events) if events else 0
        return StoredOut(stored=stored, known=len(events) - stored)

    @calls.get("/api/events", response_model=Events, responses=declared(422))
    async def events(
        type: Annotated[list[EventType], Query(max_length=50, description="Only of these types.")] = [],  # noqa: A002, B006
        severity: Annotated[list[EventSeverity], Query(max_length=10, description="Only of these severities.")] = [],  # noqa: B006
        source: Annotated[Text, Query(description="Only from this service.")] = "",
        start: Moment | None = None,
        end: Moment | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    ) -> Response:
        """The audit trail, the newest events first."""
        begin, until = (moment(each) if each else None for each in (start, end))

        def question(reader: Reader) -> dict[str, object]:
            found = queries.events(
                reader,
                types=type,
                severities=severity,
                source=source,
                start=begin,
                end=until,
                limit=limit + 1,
            )
            return {"events": [each.to_dict() for each in found[:limit]], "truncated": len(found) > limit}

        return await ask(core, question)

    return calls


def _event(given: EventIn) -> Event:
    """The event as the store takes it: from plain data, whatever the JSON held."""
    found = Event(given.event_type, moment(given.timestamp), given.data, given.source, given.severity, given.id)
    return Event.from_dict(found.to_dict())
