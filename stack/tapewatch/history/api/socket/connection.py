"""One WebSocket connection, between uvicorn's socket and the hub.

It stands in the place of uvicorn's own, which hands each message through a queue and a task for each client: that costs
more for a thousand clients than encoding for each of them would. The protocol itself is that of `websockets`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from websockets.datastructures import MultipleValuesError
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from tapewatch.history.api.access import Caller, Gate, Refusal
from tapewatch.history.api.socket.handshake import Handshake
from tapewatch.history.api.socket.hub import Hub
from tapewatch.history.api.socket.quiet import QUIET

__all__ = ["PATH", "Connection"]

PATH = "/ws/metrics"
"""Where clients connect."""

LARGEST = 1_024
"""Bytes of a message of a client, who has nothing to say but `ping`."""

AT_ONCE, IN_A_SECOND = 100, 20
"""Messages of a client that are taken at once, and on average."""

BUFFER = 128 << 10
"""Bytes that the kernel keeps for a client: some two snapshots, so that a slow one is not shown what is long past."""

CLOSING = 2.0
"""Seconds that a client has to answer our goodbye."""


class Connection(asyncio.Protocol):
    """A connection, from the moment that its client asked for an upgrade.

    Parameters:
        hub: what it is told by.
        gate: lets it in.
        options: what uvicorn hands to a protocol: `config`, `server_state`, `app_state`.
    """

    def __init__(self, hub: Hub, gate: Gate, **options: Any) -> None:
        self._hub = hub
        self._gate = gate
        self._state = options["server_state"]
        self._protocol = Handshake(max_size=LARGEST, logger=QUIET)
        self._transport: asyncio.Transport | None = None
        self._left = float(AT_ONCE)
        self._last = 0.0
        self._closing: asyncio.TimerHandle | None = None

    @classmethod
    def factory(cls, hub: Hub, gate: Gate) -> Callable[..., Connection]:
        """Makes connections; what uvicorn takes as its `ws`."""
        return lambda **options: cls(hub, gate, **options)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is ours from now on."""
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)
        found = transport.get_extra_info("socket")
        if found is not None and found.family != socket.AF_UNIX:
            with suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._hub.leave(self)
        self._state.connections.discard(self)
        if self._closing is not None:
            self._closing.cancel()

    def data_received(self, data: bytes) -> None:
        """What the client says."""
        self._protocol.receive_data(data)
        self._flush()
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._answer(event)
            elif isinstance(event, Frame):
                self._hear(event)
        self._flush()

    def eof_received(self) -> None:
        """The client says nothing more."""
        self._protocol.receive_eof()
        self._flush()

    def shutdown(self) -> None:
        """The server ends; uvicorn calls it."""
        self._close(1012, "the server ends")

    # What the hub calls.

    def write(self, data: bytes) -> None:
        """Send what is framed already."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def waiting(self) -> int:
        """Bytes that were sent and are not with the kernel yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    # The parts of a conversation.

    def _answer(self, request: Request) -> None:
        refusal = self._refusal(request)
        if refusal is None:
            response = self._protocol.accept(request)
            if response.status_code == 101:
                self._protocol.send_response(response)
                self._flush()
                self._hub.join(self)
                return
        else:
            response = self._protocol.refuse(refusal)
        self._protocol.send_response(response)
        self._flush()

    def _refusal(self, request: Request) -> Refusal | None:
        path = request.path.partition("?")[0]
        if path != PATH:
            return Refusal(404, "not_found", "there is no WebSocket here")
        try:
            caller = Caller.of(self._address(), request.headers.raw_items())
        except (MultipleValuesError, ValueError):
            return Refusal(400, "bad_request", "a header came twice")
        refusal = self._gate.refusal(path, caller)
        if refusal is None and self._hub.full:
            return Refusal(503, "too_many_clients", "there are too many clients already", {"Retry-After": "10"})
        return refusal

    def _address(self) -> str:
        name = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(name[0]) if isinstance(name, tuple) else ""

    def _hear(self, event: Frame) -> None:
        if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING) and not self._may_speak():
            self._close(1008, "too many messages")
        elif event.opcode is Opcode.TEXT and bytes(event.data) == b"ping":
            with suppress(InvalidState):
                self._protocol.send_text(b"pong")
        elif event.opcode is Opcode.BINARY:
            self._close(1003, "only text is understood here")

    def _may_speak(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._left = min(float(AT_ONCE), self._left + (now - self._last) * IN_A_SECOND)
        self._last = now
        self._left -= 1
        return self._left >= 0

    def _close(self, code: int, reason: str) -> None:
        if self._transport is None or self._transport.is_closing() or self._closing is not None:
            return
        self._hub.leave(self)
        with suppress(InvalidState):
            self._protocol.send_close(code, reason)
        self._closing = asyncio.get_running_loop().call_later(CLOSING, self.abort)
        self._flush()

    def _flush(self) -> None:
        """Hand on what the protocol wants to be sent; an empty part is the end."""
        if self._transport is None or self._transport.is_closing():
            return
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
                return
