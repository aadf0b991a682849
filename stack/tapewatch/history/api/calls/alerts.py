"""Alertmanager's webhook."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from tapewatch.history.api.core import Core
from tapewatch.history.api.errors import declared
from tapewatch.history.api.models import Moment

__all__ = ["AlertIn", "Delivery", "router"]

Line = Annotated[str, StringConstraints(max_length=16_384)]


class _Open(BaseModel):
    # Alertmanager may come to say more than we know of; that is not kept, so whatever it is, it does no harm.
    model_config = ConfigDict(extra="ignore")


class AlertIn(_Open):
    """One alert of a message."""

    status: Literal["firing", "resolved"]
    labels: dict[str, Line]
    annotations: dict[str, Line] = {}
    startsAt: Moment  # noqa: N815 -- Alertmanager's name
    endsAt: Moment | None = None  # noqa: N815
    generatorURL: Line = ""  # noqa: N815
    fingerprint: Line = ""


class Delivery(_Open):
    """A message of Alertmanager's webhook, version 4."""

    version: Literal["4"] = "4"
    receiver: Line
    status: Literal["firing", "resolved"]
    alerts: list[AlertIn] = Field(max_length=5_000)
    groupKey: Line = ""  # noqa: N815
    groupLabels: dict[str, Line] = {}  # noqa: N815
    truncatedAlerts: StrictInt = 0  # noqa: N815


class Accepted(BaseModel):
    """The message is stored."""

    status: Literal["ok"] = "ok"


def router(core: Core) -> APIRouter:
    """The call.

    Parameters:
        core: what it stands on.
    """
    calls = APIRouter(tags=["alerts"])

    @calls.post("/api/alerts/webhook", responses=declared(400, 408, 422))
    async def alertmanager(message: Delivery) -> Accepted:
        """Keep that alerts were delivered, as events and rows.

        The answer comes when they are on disk. Whether an alert fires is read from Prometheus itself.
        """
        found: dict[str, Any] = message.model_dump(mode="json")
        await core.deliver(found)
        return Accepted()

    return calls
