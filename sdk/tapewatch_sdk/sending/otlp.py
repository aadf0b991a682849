"""OTLP over HTTP by OpenTelemetry's own exporters, one try at a time: `Outbox` decides when to try again.

This module loads OpenTelemetry; nothing imports it before an endpoint is configured.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

import requests

from tapewatch_sdk.sending.outbox import Refused, Unreachable, is_worker

__all__ = ["Exporter", "OtlpSender"]

Item = TypeVar("Item")
Given = TypeVar("Given", contravariant=True)

CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 10.0
"""Seconds until the other end must have accepted the connection, and answered."""

_LATER = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed. OTLP has 429, 502, 503 and 504; 500 is what Loki answers while
it starts."""

_SHOWN = 200
"""Characters of an answer that are shown."""


class Exporter(Protocol[Given]):
    """What OpenTelemetry's exporters have in common."""

    def export(self, batch: Sequence[Given], /) -> Any:
        """Sends a batch, and tells by an enumeration's name whether it was taken."""


class _Later(Exception):  # noqa: N818 -- an answer, and none that OpenTelemetry would try again by itself
    """The other end cannot take it now."""


class _Session(requests.Session):
    """Makes one try of each request, and keeps what came of it for `OtlpSender`.

    Parameters:
        more: headers that stand over the exporter's own.
    """

    def __init__(self, more: Mapping[str, str]) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self._more = dict(more)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        self.failure = _Later("the request could not be made")
        kwargs["timeout"] = (CONNECT_TIMEOUT, READ_TIMEOUT)
        kwargs["headers"] = {**(kwargs.get("headers") or {}), **self._more}
        try:
            answer = super().request(*args, **kwargs)
        except requests.ConnectionError as error:
            # What lies below names host and port, and not the whole URL, which may hold a password.
            reason = getattr(error.args[0], "reason", error) if error.args else error
            self.failure = Unreachable(str(reason)[:_SHOWN])
            raise _Later from error
        except requests.RequestException as error:
            self.failure = error
            raise _Later from error
        if answer.status_code in _LATER:
            self.failure = _Later(_words(answer))
            raise _Later
        self.failure = None if 200 <= answer.status_code < 300 else Refused(_words(answer))
        return answer


def _words(answer: requests.Response) -> str:
    return f"{answer.status_code} {answer.reason} {answer.text[:_SHOWN].strip()}".strip()


class OtlpSender(Generic[Item]):
    """One of OpenTelemetry's exporters, with a session of its own.

    Parameters:
        make: makes the exporter around a session.
        headers: further headers of each request.
    """

    def __init__(self, make: Callable[[requests.Session], Exporter[Item]], headers: Mapping[str, str]) -> None:
        self._session = _Session(headers)
        self._exporter = make(self._session)
        # It would log each failure; the outbox says once what is wrong.
        logging.getLogger(type(self._exporter).__module__).addFilter(_not_from_a_worker)

    def send(self, batch: Sequence[Item], /) -> None:
        """Sends a batch.

        Raises:
            Refused: it can never be sent.
            Unreachable: nobody is there.
            Exception: it was not taken this time.
        """
        self._session.failure = Refused("it could not be encoded")
        with suppress(_Later):  # older versions of OpenTelemetry let it through
            self._exporter.export(batch)
        if self._session.failure is not None:
            raise self._session.failure


def _not_from_a_worker(record: logging.LogRecord) -> bool:
    return not is_worker()
