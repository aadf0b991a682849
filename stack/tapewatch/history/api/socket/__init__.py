"""The WebSocket: each message is encoded and framed once, and the same bytes go to every client."""

from __future__ import annotations

from tapewatch.history.api.socket.connection import Connection
from tapewatch.history.api.socket.frames import frame
from tapewatch.history.api.socket.hub import CLIENTS, Hub

__all__ = ["CLIENTS", "Connection", "Hub", "frame"]
