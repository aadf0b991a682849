"""Plain HTTP over a socket: what a client sends is written out, and nothing is smoothed over."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any

from tapewatch_sdk.serving import Server

__all__ = ["Answer", "connect", "get", "read_all", "talk"]

TIMEOUT = 30.0
"""Seconds after which an answer that does not come is a failure."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def data(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def get(server: Server, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    """One request on a connection of its own; `accept_encoding=` stands for the header `Accept-Encoding`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()


def connect(server: Server) -> socket.socket:
    """A connection."""
    return socket.create_connection(("127.0.0.1", server.port), TIMEOUT)


def read_all(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    found = b""
    while chunk := connection.recv(65_536):
        found += chunk
    return found


def talk(server: Server, sent: bytes) -> str:
    """What comes back for these bytes, until the server closes the connection."""
    with connect(server) as connection:
        connection.sendall(sent)
        return read_all(connection).decode()
