"""The live state: the last answer of every target, the alerts, and how the store is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapewatch.history.api.live.messages import dumped, series_message
from tapewatch.history.api.live.source import Source
from tapewatch.history.samples import Scrape
from tapewatch.history.store import State

__all__ = ["About", "Alerts", "Live"]

MISSED = 3
"""Pushes that may be missing before a service that pushes counts as down; one may be late, and one be tried again."""


@dataclass(frozen=True, slots=True)
class About:
    """What the catalogue says of a service.

    Parameters:
        team: whose it is.
        mode: `scrape` or `push`.
        interval: seconds between two pushes.
    """

    team: str = ""
    mode: str = "scrape"
    interval: float = 15.0


@dataclass(frozen=True, slots=True)
class Alerts:
    """The alerts of now.

    Parameters:
        evaluated: whether a Prometheus evaluates rules and can be asked.
        reason: why not, and how to get it.
        active: firing and pending ones, as the messages have them.
    """

    evaluated: bool = False
    reason: str = "Prometheus has not been asked yet"
    active: Sequence[Mapping[str, Any]] = ()

    def to_dict(self) -> dict[str, Any]:
        """As the messages have it."""
        return {"evaluated": self.evaluated, "reason": self.reason, "active": list(self.active)}


class Live:
    """What is known now. It is used from one thread.

    Parameters:
        services: what the catalogue says, by service, in its order; services that push and are not in it come behind.
    """

    def __init__(self, services: Mapping[str, About]) -> None:
        self._services = dict(services)
        self._sources: dict[str, dict[str, Source]] = {name: {} for name in services}
        self._alerts = b""
        self._store = b""
        self._sequence = 0
        self._changed = False
        self.version = int(time.time())  # so that it is no version of a process that was here before
        self.series = b""
        self.alerts = Alerts()
        self.show_alerts(self.alerts)
        self.show_store(State())
        self._lay_out()

    # What comes in.

    def take(self, scrapes: Mapping[str, Iterable[Scrape]]) -> None:
        """Show what targets gave. What a service pushes is not asked for, so it does not count as down here."""
        for service, found in scrapes.items():
            if self._about(service).mode != "push":
                for scrape in found:
                    self._take(scrape)

    def pushed(self, scrape: Scrape) -> None:
        """Show all that a service has pushed so far."""
        self._services.setdefault(scrape.service, About(dict(scrape.labels).get("team", ""), "push"))
        self._take(scrape)

    def _take(self, scrape: Scrape) -> None:
        sources = self._sources.setdefault(scrape.service, {})
        source = sources.setdefault(scrape.target, Source(scrape.service, scrape.target))
        self._changed |= source.take(scrape, instance=len(sources) > 1)

    def show_alerts(self, alerts: Alerts) -> None:
        """Show the alerts of now."""
        self.alerts = alerts
        self._alerts = dumped(alerts.to_dict())

    def show_store(self, state: State) -> None:
        """Show how the store is."""
        self._store = dumped(
            {
                "writing": state.writing,
                "reason": state.reason,
                "samples_per_second": round(state.samples_per_second, 1),
                "bytes": state.bytes,
            }
        )

    # What goes out.

    def snapshot(self, now: float | None = None) -> bytes:
        """The next snapshot as JSON; `version` and `series` are those that it belongs to."""
        now = time.time() if now is None else now
        if self._changed:
            self._lay_out()
        self._sequence += 1
        sources = [each for found in self._sources.values() for each in found.values()]
        return b"".join(
            (
                b'{"type":"snapshot","version":%d,"at":%.3f,"sequence":%d,"simulated":%s,"values":['
                % (self.version, now, self._sequence, b"true" if any(each.simulated for each in sources) else b"false"),
                b",".join([each.values for each in sources if each.values]),
                b'],"services":',
                dumped(self._told(now)),
                b',"alerts":',
                self._alerts,
                b',"store":',
                self._store,
                b"}",
            )
        )

    def _lay_out(self) -> None:
        self._changed = False
        self.version += 1
        self.series = series_message(
            self.version, (each.series for found in self._sources.values() for each in found.values())
        )

    def _told(self, now: float) -> dict[str, dict[str, Any]]:
        """The state of each service; of several targets the worst counts."""
        return {
            name: self._state(self._about(name), tuple(found.values()), now) for name, found in self._sources.items()
        }

    def _state(self, about: About, sources: Sequence[Source], now: float) -> dict[str, Any]:
        worst = min(sources, key=lambda each: (each.up is True, each.at), default=None)
        if worst is None or worst.up is None:
            return _state(about, None, "nothing has been pushed yet" if about.mode == "push" else "", None, 0.0)
        age = max(now - worst.at, 0.0) if worst.at else None
        up, error = worst.up, worst.error
        if about.mode == "push" and age is not None and age > MISSED * about.interval:
            up, error = False, f"nothing has been pushed for {age:.0f} s"
        return _state(about, up, error, age, worst.duration)

    def _about(self, service: str) -> About:
        return self._services.get(service, _UNKNOWN)


_UNKNOWN = About()


def _state(about: About, up: bool | None, error: str, age: float | None, duration: float) -> dict[str, Any]:
    return {
        "up": up,
        "error": error,
        "age": None if age is None else round(age, 3),
        "duration_ms": round(1000 * duration, 3),
        "team": about.team,
        "mode": about.mode,
    }
