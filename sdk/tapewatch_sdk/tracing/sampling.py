"""The sampling rate of the catalogue as Jaeger hands it out: a change there reaches running services."""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Callable
from urllib.parse import urlencode

__all__ = ["FollowedRatio", "asked_ratio"]

INTERVAL = 60.0
"""Seconds between two questions; what OpenTelemetry's samplers that ask Jaeger take, too."""

TIMEOUT = 5.0
"""Seconds that an answer may take."""

MAX_ANSWER = 65_536
"""Bytes of an answer that are read."""


def asked_ratio(url: str, service: str) -> float:
    """The share of its traces that a service is to keep.

    Parameters:
        url: Jaeger's sampling endpoint, such as `http://jaeger:5778/sampling`.
        service: the service's name in the catalogue.

    Raises:
        OSError: no answer.
        ValueError: it is not one of probabilistic sampling.
    """
    import urllib.request  # takes 25 ms, which a service that does not ask should not pay

    question = urllib.request.Request(f"{url}?{urlencode({'service': service})}")  # noqa: S310 -- checked by configure
    with urllib.request.urlopen(question, timeout=TIMEOUT) as answer:  # noqa: S310
        told = json.loads(answer.read(MAX_ANSWER))
    try:
        ratio = float(told["probabilisticSampling"]["samplingRate"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"no probabilistic sampling in {told!r:.200}") from error
    if not 0 <= ratio <= 1:
        raise ValueError(f"{ratio} is no share")
    return ratio


class FollowedRatio:
    """Asks again and again, in a thread of its own; without an answer the last one holds.

    Parameters:
        url, service: as for `asked_ratio`.
        apply: is given each answer.
        interval: seconds between two questions.
    """

    def __init__(self, url: str, service: str, apply: Callable[[float], None], interval: float = INTERVAL) -> None:
        self._url = url
        self._service = service
        self._apply = apply
        self._interval = interval
        self.failures = 0
        self._start()
        reference = weakref.WeakMethod(self._after_fork)
        os.register_at_fork(after_in_child=lambda: (method := reference()) and method())

    def close(self) -> None:
        """Asks no more."""
        self._stopped.set()

    def _start(self) -> None:
        self._stopped = threading.Event()
        threading.Thread(target=self._work, args=(self._stopped,), name="tapewatch-sampling", daemon=True).start()

    def _after_fork(self) -> None:
        if not self._stopped.is_set():
            self._start()

    def _work(self, stopped: threading.Event) -> None:
        while True:
            try:
                self._apply(asked_ratio(self._url, self._service))
            except Exception:  # noqa: BLE001 -- Jaeger is not there, or answers nonsense: the last rate holds
                self.failures += 1
            if stopped.wait(self._interval):
                return
