"""Sends events to the project's API."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events.event import Event
from tapewatch_sdk.events.sink import API_VERSION, EventsRefusedError
from tapewatch_sdk.problems import Place, Problem

if TYPE_CHECKING:
    from http.client import HTTPConnection

__all__ = ["HttpSender"]

PATH = "/api/events"

REFUSED = frozenset({400, 413, 422})
"""Answers that mean that the events themselves are wrong; with any other, the same ones may be taken later."""

ANSWER = 1 << 16
"""Bytes of an answer that are read; what is longer is not from our API."""


class _Kept(local):
    """The connection of one thread, and the process that opened it: a forked child must not use it too."""

    connection: HTTPConnection | None = None
    process = 0


class HttpSender:
    """Posts events as JSON, `{"events": [...]}`, each as `Event.to_dict` gives it; a status of 2xx acknowledges all.

    The API stores an id once, so that events may be sent again after an answer was lost. A connection is kept from
    batch to batch. Proxies of the environment are not used, redirections not followed. It is an event sink too, for
    events that may be lost when the API is away for long; for the audit trail, wrap it:
    `SpooledSink(folder, HttpSender(url).send)`.

    Parameters:
        url: of the API, such as `http://127.0.0.1:8000`; `/api/events` is appended unless it ends so.
        token: sent as `Authorization: Bearer ...`; a path is read anew for each batch, so that the file may come later
            and change.
        timeout: seconds for connecting, and for each part of the answer.

    Raises:
        ProblemsError: the URL is not http or https, with the code `events/url`.
    """

    name = "http"
    api_version = API_VERSION

    def __init__(self, url: str, token: str | os.PathLike[str] | None = None, *, timeout: float = 5.0) -> None:
        self._secure, self._host, self._port, self._path = _parsed(url)
        self._token = token
        self._timeout = timeout
        self._kept = _Kept()

    def send(self, events: Sequence[Event]) -> None:
        """Post events; they are acknowledged when this returns.

        Raises:
            EventsRefusedError: the API says that these events are wrong (400, 413, 422).
            OSError: it cannot be reached, or cannot take them now.
        """
        body = json.dumps({"events": [event.to_dict() for event in events]}, separators=(",", ":")).encode()
        status, answer = self._post(body)
        if status in REFUSED:
            raise EventsRefusedError(f"the API answered {status}: {answer}")
        if not 200 <= status < 300:
            raise ConnectionError(f"the API answered {status}: {answer}")

    def _post(self, body: bytes) -> tuple[int, str]:
        from http.client import HTTPException

        headers = self._headers()
        while True:
            connection, used = self._connection()
            try:
                connection.request("POST", self._path, body, headers)
                answer = connection.getresponse()
                text = answer.read(ANSWER)
            except (HTTPException, OSError) as error:
                self.close()
                if used and isinstance(error, ConnectionError):
                    continue  # a server closes connections that were idle for a while; a new one tells more
                raise error if isinstance(error, OSError) else ConnectionError(repr(error)) from error
            if answer.will_close or not answer.isclosed():
                self.close()
            return answer.status, text[:200].decode(errors="replace")

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        token = Path(self._token).read_text(encoding="utf-8") if isinstance(self._token, os.PathLike) else self._token
        if token:
            headers["Authorization"] = f"Bearer {token.strip()}"
        return headers

    def _connection(self) -> tuple[HTTPConnection, bool]:
        """This thread's connection, and whether it was used before."""
        from http.client import HTTPConnection, HTTPSConnection

        if self._kept.connection is not None and self._kept.process == os.getpid():
            return self._kept.connection, True
        kind = HTTPSConnection if self._secure else HTTPConnection
        self._kept.connection = kind(self._host, self._port, timeout=self._timeout)
        self._kept.process = os.getpid()
        return self._kept.connection, False

    def close(self) -> None:
        """Close this thread's connection; the next batch opens another."""
        if self._kept.connection is not None:
            self._kept.connection.close()
            self._kept.connection = None


def _parsed(url: str) -> tuple[bool, str, int | None, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host:
        raise ProblemsError(
            [
                Problem(
                    code="events/url",
                    summary=f"events cannot be sent to `{url}`",
                    must="the API's URL begins with http:// or https:// and names a host",
                    fix="write, say, http://127.0.0.1:8000",
                    where=Place(path=url),
                )
            ]
        )
    path = parts.path.rstrip("/")
    return parts.scheme == "https", host, port, path if path.endswith(PATH) else f"{path}{PATH}"
