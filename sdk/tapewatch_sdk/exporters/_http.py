"""One POST after the other to a backend, by the standard library alone."""

from __future__ import annotations

import base64
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from tapewatch_sdk.exporters._urls import is_loopback
from tapewatch_sdk.exporters.contract import Destination, NotNowError, PointsRefusedError

__all__ = ["Poster"]

TIMEOUT = 10.0
"""Seconds that each step of a request may take, and the answer altogether."""

_LATER = frozenset({408, 425, 429})
"""Answers, beside those from 500 on, after which the same request may succeed."""

_SHOWN = 200
"""Characters of an answer that are shown."""

_LONGEST = 65_536
"""Bytes of an answer that are read."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, or take a key to somebody else."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Poster:
    """Sends bodies to one URL.

    Parameters:
        destination: where to, and who says so.
        headers: of every request.
    """

    def __init__(self, destination: Destination, headers: Mapping[str, str]) -> None:
        self._url = destination.url
        self._headers = {"User-Agent": "tapewatch-sdk", **destination.headers, **headers}
        if destination.user or destination.password:
            pair = base64.b64encode(f"{destination.user}:{destination.password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {pair}"
        elif destination.token:
            self._headers["Authorization"] = f"Bearer {destination.token}"
        handlers: list[Any] = [_NoRedirects]
        if is_loopback(urlsplit(self._url).hostname or ""):
            handlers.append(urllib.request.ProxyHandler({}))  # no proxy gets to see what is for this machine
        self._opener = urllib.request.build_opener(*handlers)

    def post(self, body: bytes) -> bytes:
        """Send a body; gives that of the answer.

        Raises:
            PointsRefusedError: the answer is one of refusal.
            OSError: it did not work this time.
        """
        request = urllib.request.Request(self._url, body, self._headers)  # noqa: S310 -- http and https alone
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                return _read(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise _failure(error) from None
        except urllib.error.URLError as error:
            raise error.reason if isinstance(error.reason, OSError) else NotNowError(str(error.reason)) from None
        except (HTTPException, ValueError) as error:
            raise NotNowError(f"this is no HTTP: {error!r:.{_SHOWN}}") from None


def _read(answer: HTTPResponse | urllib.error.HTTPError) -> bytes:
    found, end = b"", time.monotonic() + TIMEOUT
    while len(found) < _LONGEST and time.monotonic() < end:
        more = answer.read1(_LONGEST)
        if not more:
            break
        found += more
    return found


def _failure(error: urllib.error.HTTPError) -> Exception:
    try:
        text = _read(error).decode(errors="replace")
    except (OSError, HTTPException):
        text = ""
    words = f"{error.code} {' '.join(text.split())[:_SHOWN]}".strip()
    if 300 <= error.code < 400:
        return PointsRefusedError(f"{error.code}: it is somewhere else; redirects are not followed")
    if error.code in _LATER or error.code >= 500:
        return NotNowError(words, _after(error.headers.get("Retry-After", "")))
    return PointsRefusedError(words)


def _after(header: str) -> float:
    """Seconds until the time that `Retry-After` names; 0 where it names none."""
    if header.strip().isdecimal():
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
