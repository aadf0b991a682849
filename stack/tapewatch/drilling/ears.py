"""How a drill learns that Alertmanager told somebody: by being told itself, or by what Alertmanager counts."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol, Self

from prometheus_client.parser import text_string_to_metric_families

from tapewatch.running.clients import Alertmanager
from tapewatch_sdk.errors import ProblemsError, ToolError
from tapewatch_sdk.names import HISTORY_RECEIVER
from tapewatch_sdk.problems import Place, Problem

__all__ = ["CountingEar", "Ear", "Message", "WebhookEar"]


@dataclass(frozen=True, slots=True)
class Message:
    """One alert in one message of Alertmanager.

    Parameters:
        at: when it came, on the monotonic clock.
        receiver: who was told.
        status: firing or resolved.
        labels: the alert's labels.
        annotations: its texts and links.
    """

    at: float
    receiver: str
    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Ear(Protocol):
    """Learns what was delivered."""

    def heard(self, labels: Mapping[str, str], status: str, since: float) -> Message | None:
        """The first message about an alert, if it came.

        Parameters:
            labels: labels that the alert has, among others.
            status: firing or resolved.
            since: moment on the monotonic clock; what came before is another alert's.
        """


class WebhookEar:
    """A receiver of Alertmanager's webhook; listens as long as its `with` block lasts.

    Parameters:
        address: where to listen, an address of this machine and a port.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.messages: list[Message] = []
        try:
            self._server = ThreadingHTTPServer(address, _handler(self.messages))
        except OSError as error:
            raise ProblemsError([_cannot_listen(address, error)]) from error
        self.port: int = self._server.server_address[1]

    def heard(self, labels: Mapping[str, str], status: str, since: float) -> Message | None:
        """The first message about an alert; see `Ear`."""
        for message in list(self.messages):
            if message.at >= since and message.status == status and labels.items() <= message.labels.items():
                return message
        return None

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class CountingEar:
    """Where the real receivers are told, Alertmanager's own counters say whether they took it.

    Alertmanager counts messages, not alerts: what the alert's receivers took since somebody began to wait for it
    (`MARGIN` before that, for it may have been quicker) is taken for this alert's. With
    `--enable-feature=receiver-name-in-metrics`, as in docker-compose.yml, it counts each receiver on its own.

    Parameters:
        alertmanager: the one that sends.
        others: the others of its cluster, any of which may send in its place.
    """

    def __init__(self, alertmanager: Alertmanager, others: Sequence[Alertmanager] = ()) -> None:
        self._alertmanager = alertmanager
        self._others = others
        self._counted: dict[str, Counter[str]] = {}
        self._receivers: dict[_Key, list[str]] = {}
        self._before: dict[tuple[_Key, str], Counter[str]] = {}
        self._told: dict[_Key, float] = {}
        self._taken: list[tuple[float, Counter[str]]] = []
        self._look()

    def heard(self, labels: Mapping[str, str], status: str, since: float) -> Message | None:
        """The first message about an alert; see `Ear`."""
        key = tuple(sorted(labels.items()))
        receivers = self._receivers.get(key) or self._receivers_of(labels)
        if not receivers:  # Alertmanager does not have it yet, so whatever was sent is another alert's
            return None
        self._receivers[key] = receivers
        now = self._look()
        # What told of the beginning does not tell of the end, however soon that comes.
        earliest = max(time.monotonic() - MARGIN, self._told.get(key, -math.inf))
        before = self._before.setdefault((key, status), self._at(earliest))
        if not any(now[name] > before[name] for name in (*receivers, ALL)):
            return None
        self._told.setdefault(key, self._taken[-1][0])
        return Message(time.monotonic(), ", ".join(sorted(receivers)), status, labels, {})

    def _receivers_of(self, labels: Mapping[str, str]) -> list[str]:
        matchers = [f'{name}="{labels[name]}"' for name in ("alertname", "service", "environment")]
        alerts = [each for each in self._alertmanager.alerts(*matchers) if each["status"]["state"] != "suppressed"]
        told = [receiver["name"] for alert in alerts for receiver in alert["receivers"]]
        return [name for name in told if name != HISTORY_RECEIVER]  # it is told of everything, and wakes nobody

    def _look(self) -> Counter[str]:
        """The requests that receivers have taken until now, by receiver."""
        if not self._taken or time.monotonic() - self._taken[-1][0] > FRESH:
            self._taken.append((time.monotonic(), self._sent()))
        return self._taken[-1][1]

    def _at(self, moment: float) -> Counter[str]:
        """The same at a moment of the past; at the first look if it was before that."""
        return next((sent for at, sent in reversed(self._taken) if at <= moment), self._taken[0][1])

    def _sent(self) -> Counter[str]:
        self._counted[self._alertmanager.url] = self._sent_by(self._alertmanager)
        for each in self._others:
            with suppress(ToolError):  # one that is down sends nothing; what it sent before stays sent
                self._counted[each.url] = self._sent_by(each)
        total: Counter[str] = Counter()
        for counted in self._counted.values():
            total.update(counted)
        return total

    def _sent_by(self, alertmanager: Alertmanager) -> Counter[str]:
        sent: Counter[str] = Counter()
        for family in text_string_to_metric_families(alertmanager.get("/metrics")):
            sign = REQUESTS.get(family.name, 0)
            for sample in family.samples if sign else ():
                if sample.name.endswith("_total"):
                    sent[sample.labels.get("receiver_name", ALL)] += sign * int(sample.value)
        return sent


_Key = tuple[tuple[str, str], ...]
"""An alert's labels."""

MARGIN = 5.0
"""Seconds that may pass between a message and the look at which its alert is first waited for."""

FRESH = 0.1
"""Seconds for which a look at the counters does for all alerts."""

REQUESTS = {"alertmanager_notification_requests": 1, "alertmanager_notification_requests_failed": -1}
"""Not `alertmanager_notifications_total`, which counts a message when it is first tried."""

ALL = ""
"""Stands for all receivers where Alertmanager does not count each on its own."""


def _handler(messages: list[Message]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            now = time.monotonic()
            try:
                found = _messages(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0)))), now)
            except (ValueError, KeyError, TypeError, AttributeError):
                self.send_response(400)
            else:
                messages.extend(found)
                self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing: the drill reports what came."""

    return Handler


def _messages(payload: Mapping[str, Any], now: float) -> list[Message]:
    return [
        Message(now, payload["receiver"], alert["status"], dict(alert["labels"]), dict(alert["annotations"]))
        for alert in payload["alerts"]
    ]


def _cannot_listen(address: tuple[str, int], error: OSError) -> Problem:
    host, port = address
    return Problem(
        code="drill/port",
        summary=f"a drill cannot listen on {host}:{port}: {error.strerror or error}",
        must="nobody else listens on the port `stack.ports.drill`, to which Alertmanager sends what it says of drills",
        fix="end the other drill, or set another port, generate and reload",
        where=Place(path="stack.ports.drill"),
    )
