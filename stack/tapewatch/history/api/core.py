"""What the API stands on: the process that has the store open, whether that is this one or another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Protocol

from tapewatch.history.api.socket import Hub
from tapewatch.history.store import Reader
from tapewatch_sdk.events import Event

__all__ = ["Core", "Pushed", "Settings"]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of pushed points.

    Parameters:
        refused: how many were not taken.
        reason: why; empty when all were.
    """

    refused: int = 0
    reason: str = ""


class Core(Protocol):
    """The historian, as the API sees it. All but `reader` is used from one event loop."""

    hub: Hub
    """Tells the clients of the WebSocket; its newest snapshot is what is known now."""

    @property
    def reader(self) -> Reader:
        """Reads the store."""
        ...

    @property
    def threads(self) -> Executor:
        """Where questions to the store are waited for."""
        ...

    async def store_events(self, events: Sequence[Event]) -> int:
        """Store events; how many were new. They are on disk when this returns.

        Raises:
            StoreFullError: they are not stored, because the disk is full.
            StoreGoneError: nobody answers for the store.
        """
        ...

    async def push(self, body: bytes, content_type: str) -> Pushed:
        """Store the points of an OTLP request; they are on disk when this returns.

        Raises:
            ApiError: it is none (400).
            StoreFullError, StoreGoneError: as above.
        """
        ...

    async def deliver(self, message: Mapping[str, Any]) -> None:
        """Store a message of Alertmanager's; raises like `store_events`."""
        ...

    async def problems(self) -> Sequence[str]:
        """Why it cannot do its work, a sentence each; none when it can."""
        ...

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """Its own metrics, and their Content-Type.

        Parameters:
            accept: the header of that name.
        """
        ...

    def measure(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What the app is told.

    Parameters:
        domains: the metrics of each domain of the catalogue, as they are stored.
        version: of tapewatch.
    """

    domains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    version: str = ""
