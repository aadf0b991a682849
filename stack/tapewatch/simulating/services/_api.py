"""The exchange's API: calls, their outcomes, and its rate limit."""

from __future__ import annotations

from tapewatch.simulating.chance import Draws, Outcomes, Spread
from tapewatch.simulating.scene import Scene

__all__ = ["ExchangeApi"]

CAPACITY = 100
"""Calls that the rate limit allows in a window."""

WINDOW = 10.0
"""Seconds after which all of them are allowed again, if none is made."""

EVERY = {"accounts": 1.0, "products": 10.0}
"""Seconds between two questions, by endpoint."""

LATENCY = {"accounts": 20.0, "products": 35.0}
"""Milliseconds that their answers usually take."""

FAILED = {"500": 1, "429": 1}
"""Of two hundred questions, by status; the outcome of a pair counts once."""

_LEFT = 0.04
_BAD = 1 / 3


class ExchangeApi:
    """Calls of the exchange's API, measured.

    Parameters:
        scene: what the service stands in.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._meters = scene.meters
        self._left = float(CAPACITY)
        self._until = 0.0
        self._questions = 0
        self._next = dict.fromkeys(EVERY, 0.0)
        self._outcomes = Outcomes(Draws(scene.seed, scene.stream("api")), FAILED, "200")
        self._chance = Draws(scene.seed, scene.stream("api fault"))
        self._latency = {name: Spread(scene.seed, scene.stream(name), middle, 0.35) for name, middle in LATENCY.items()}

    def begin(self, now: float) -> None:
        """The first questions are asked now."""
        self._until = now
        self._next = dict.fromkeys(EVERY, now)
        for endpoint in ("orders", *EVERY):
            for status in ("200",) if endpoint == "orders" else ("200", *FAILED):
                self._meters["execution_api_calls_total"].appear(endpoint, status)
        self._show()

    def advance(self, now: float) -> None:
        """Ask what is due, and regain calls."""
        self._left = min(float(CAPACITY), self._left + (now - self._until) * CAPACITY / WINDOW)
        self._until = now
        for endpoint, every in EVERY.items():
            while self._next[endpoint] <= now:
                self._next[endpoint] = max(self._next[endpoint] + every, now - 60 * every)
                self._ask(endpoint)
        self._show()

    def called(self, endpoint: str, status: str, milliseconds: float) -> None:
        """Count one call."""
        self._left = max(0.0, self._left - 1)
        self._meters["execution_api_calls_total"].inc(1, endpoint, status)
        self._meters["execution_api_latency_ms"].observe(milliseconds, endpoint)

    def _ask(self, endpoint: str) -> None:
        self._questions += 1
        status = self._outcomes.of(self._questions // 2) if self._questions % 2 else "200"
        if "api-errors" in self._scene.faults and self._chance.unit(self._questions) < _BAD:
            status = "500"
        self.called(endpoint, status, self._latency[endpoint].next())

    def _show(self) -> None:
        left = _LEFT * CAPACITY if "rate-limit" in self._scene.faults else self._left
        self._meters["execution_rate_limit_remaining"].set(float(int(left)))
        self._meters["execution_rate_limit_capacity"].set(float(CAPACITY))
