"""How one service asks another: JSON over HTTP, in the trace and with the correlation id of what it works on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from typing import Any, Protocol
from urllib.parse import urlsplit

from tapewatch_sdk import tracing

__all__ = ["ROLES", "Answer", "HttpWire", "Unreachable", "Wire"]

Answer = dict[str, Any]

ROLES = ("market_data", "signal", "risk", "execution", "position", "live_trading")
"""Domains by which the services that talk to each other find each other."""

TIMEOUT = 2.0
"""Seconds that an answer may take. A whole signal takes some milliseconds."""


_CLOSED = (RemoteDisconnected, BrokenPipeError, ConnectionResetError)
"""How a connection shows that the other end has closed it."""


class Unreachable(Exception):  # noqa: N818 -- it says what the other one is
    """Nobody plays this role, or it does not answer."""


class Wire(Protocol):
    """Asks whoever plays a role."""

    def ask(self, role: str, path: str, body: Answer | None = None) -> Answer:
        """The answer of the service that plays a role.

        Parameters:
            role: one of `ROLES`.
            path: what is asked.
            body: sent by POST; without one it is a GET.

        Raises:
            Unreachable: there is no answer.
        """


class HttpWire:
    """The real one: a connection that is kept open, for each thread and each of the others.

    Parameters:
        peers: base URL by role.
        changed: is told with a role and an error (empty: it answers again) when one stops answering, or begins to.

    Attributes:
        tells: whether `changed` is told; while the platform begins, it is no news that somebody is not there yet.
    """

    def __init__(self, peers: Mapping[str, str], changed: Callable[[str, str], None] = lambda *_: None) -> None:
        self._peers = {role: urlsplit(url) for role, url in peers.items()}
        self._changed = changed
        self._silent: set[str] = set()
        self.tells = False
        self._of_thread = threading.local()

    def ask(self, role: str, path: str, body: Answer | None = None) -> Answer:
        """The answer of the service that plays a role; see `Wire`."""
        if role not in self._peers:
            raise Unreachable(f"nobody plays {role}")
        data = None if body is None else json.dumps(body).encode()
        name = f"{'GET' if data is None else 'POST'} {path.partition('?')[0]}"
        with tracing.span(name, kind="client", peer=role):
            headers = tracing.inject({"Content-Type": "application/json"})
            try:
                answer = self._asked(role, path, data, headers)
            except (OSError, HTTPException, ValueError) as error:
                self._note(role, str(error) or type(error).__name__)
                raise Unreachable(str(error)) from error
        self._note(role, "")
        return answer

    def _note(self, role: str, error: str) -> None:
        """Tell when one begins to be silent, and when it answers again."""
        if not error and role in self._silent:
            self._silent.discard(role)
            self._changed(role, "")
        elif error and self.tells and role not in self._silent:
            self._silent.add(role)
            self._changed(role, error)

    def _asked(self, role: str, path: str, data: bytes | None, headers: dict[str, str]) -> Answer:
        connections: dict[str, HTTPConnection] = self._of_thread.__dict__
        fresh = role not in connections
        if fresh:
            url = self._peers[role]
            connections[role] = HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT)
        connection = connections[role]
        try:
            return _answer(connection, path, data, headers)
        except (OSError, HTTPException) as error:
            connections.pop(role).close()
            if fresh or not isinstance(error, _CLOSED):
                raise
            return self._asked(role, path, data, headers)  # the other end has closed it since the last time


def _answer(connection: HTTPConnection, path: str, data: bytes | None, headers: dict[str, str]) -> Answer:
    connection.request("GET" if data is None else "POST", path, data, headers)
    response = connection.getresponse()
    text = response.read()
    if response.status >= 400:
        raise HTTPException(f"{response.status} {text[:200].decode(errors='replace')}")
    answer = json.loads(text)
    if not isinstance(answer, dict):
        raise HTTPException("the answer is no object")
    return answer
