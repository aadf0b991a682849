"""The loop that asks Prometheus for its alerts, and writes down each change once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from tapewatch.history.api.alerting.prometheus import SilentError, Source
from tapewatch.history.api.alerting.spans import FIRING, SINCE, Key, Span, key_of, spans_of
from tapewatch.history.api.alerting.trail import fired, resolved
from tapewatch.history.api.live import Alerts
from tapewatch.history.api.models import moment
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import Event, EventType

__all__ = ["LONGEST_GAP", "WITHOUT", "Watch", "still_firing"]

WITHOUT = (
    "no Prometheus is named, so no rule is evaluated; install Prometheus, let it load the generated configuration, "
    "and start with --prometheus http://127.0.0.1:9090"
)

LONGEST_GAP = 7 * 86_400.0
"""Seconds in which nobody looked that are filled at most; the sample's Prometheus keeps as much."""

MISSED = 3
"""Looks that may have failed before what happened meanwhile is looked up."""

POINTS = 10_000
"""Values of a series that are asked for at once; Prometheus gives 11,000."""

RULES_EVERY = 60.0
"""Seconds after which it is looked whether there are rules at all."""

_log = logging.getLogger("tapewatch.history.alerts")


class Watch:
    """Watches the alerts of a Prometheus.

    Parameters:
        prometheus: the Prometheus; None when there is none.
        interval: seconds between two looks: its evaluation interval.
        store: stores events, and raises a `ProblemsError` while it cannot.
        show: takes the alerts of now.
    """

    def __init__(
        self,
        prometheus: Source | None,
        interval: float,
        store: Callable[[Sequence[Event]], Awaitable[object]],
        show: Callable[[Alerts], None],
    ) -> None:
        self._prometheus = prometheus
        self._interval = interval
        self._store = store
        self._show = show
        self._firing: dict[Key, int] = {}
        self._looked = 0.0
        self._rules = 0
        self._rules_at = -RULES_EVERY

    async def run(self, firing: Mapping[Key, int], since: float) -> None:
        """Look for ever.

        Parameters:
            firing: the alerts that fired when somebody looked last, and since when; see `still_firing`.
            since: when that was, in Unix time.
        """
        if self._prometheus is None:
            self._show(Alerts(False, WITHOUT))
            return
        self._firing, self._looked = dict(firing), since
        due = time.monotonic()
        try:
            while True:
                await self._try(self._prometheus)
                due = max(due + self._interval, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
        finally:
            await self._prometheus.close()

    async def _try(self, prometheus: Source) -> None:
        try:
            await self.look(prometheus, time.time())
        except SilentError as error:
            self._show(Alerts(False, f"Prometheus does not answer at {prometheus.url}: {error}"))
        except ProblemsError as error:
            _log.warning("alerts cannot be written down now, and are looked at again: %s", error)
        except Exception:  # noqa: BLE001 -- whatever Prometheus said, the next look comes
            _log.error("the alerts could not be looked at", exc_info=True)
            self._show(Alerts(False, "the alerts could not be looked at; the log tells why"))

    async def look(self, prometheus: Source, now: float) -> None:
        """Look once.

        Raises:
            SilentError: Prometheus does not answer.
            ProblemsError: what has changed could not be stored; the next look finds it again.
        """
        found = await prometheus.alerts()
        await self._count_rules(prometheus)
        self._show(self._seen(found))
        if now - self._looked > MISSED * self._interval:
            await self._fill(prometheus, max(self._looked, now - LONGEST_GAP), now)
        await self._compare(prometheus, found, now)
        self._looked = now

    async def _count_rules(self, prometheus: Source) -> None:
        if time.monotonic() - self._rules_at >= RULES_EVERY or not self._rules:
            self._rules = await prometheus.rules()
            self._rules_at = time.monotonic()

    def _seen(self, found: Iterable[Mapping[str, Any]]) -> Alerts:
        if not self._rules:
            return Alerts(False, "Prometheus has no alert rules; let it load what `tapewatch generate` writes")
        active = [_told(each) for each in found]
        return Alerts(True, "", sorted(active, key=lambda each: (each["state"], each["since"], each["alertname"])))

    # What has changed since the last look.

    async def _compare(self, prometheus: Source, found: Iterable[Mapping[str, Any]], now: float) -> None:
        alerts = {key_of(each["labels"]): each for each in found if each["state"] == "firing"}
        active = {key: int(_seconds(each["activeAt"])) for key, each in alerts.items()}
        doubtful = {key for key, at in active.items() if self._firing.get(key, at) != at}
        again = await self._broken_off(prometheus, doubtful, now) if doubtful else set()
        gone = [key for key in self._firing if key not in active or key in again]
        new = [key for key in active if key not in self._firing or key in again]
        events = [resolved(key, self._firing[key], now) for key in gone]
        events += [fired(key, active[key], now, alerts[key].get("annotations")) for key in new]
        await self._write(events)
        for key in gone:
            del self._firing[key]
        self._firing.update((key, active[key]) for key in new)

    async def _broken_off(self, prometheus: Source, keys: set[Key], now: float) -> set[Key]:
        """Those that fire anew; the others went on, and Prometheus was started anew."""
        spans = await self._spans(prometheus, self._looked - 2 * self._interval, now)
        # The values of a range are an interval apart: one that just began when we looked shows up to so much later.
        return keys & {span.labels for span in spans if span.start > self._looked + self._interval}

    async def _fill(self, prometheus: Source, start: float, now: float) -> None:
        """Write down what happened while nobody looked."""
        spans = await self._spans(prometheus, start, now)
        begun = {span.labels for span in spans if span.start <= start + 1.5 * self._interval}
        firing = dict(self._firing)
        events = [resolved(key, firing.pop(key), start) for key in list(firing) if not self._goes_on(key, begun, spans)]
        for span in spans:
            if span.labels not in firing:
                firing[span.labels] = span.active
                events.append(fired(span.labels, span.active, span.start))
            if span.end < now - 2 * self._interval:
                events.append(resolved(span.labels, firing.pop(span.labels), span.end + self._interval))
        await self._write(events)
        self._firing = firing

    def _goes_on(self, key: Key, begun: set[Key], spans: Iterable[Span]) -> bool:
        """Whether an alert that fired at the last look is the one that Prometheus tells of."""
        return key in begun or any(span.labels == key and span.active == self._firing[key] for span in spans)

    async def _spans(self, prometheus: Source, start: float, end: float) -> list[Span]:
        step, firing, since = self._interval, [], []
        started = await prometheus.started()
        while start < end:
            until = min(end, start + POINTS * step)
            firing += await prometheus.series(FIRING, start, until, step)
            since += await prometheus.series(SINCE, start, until, step)
            start = until + step
        return spans_of(firing, since, step, started)

    async def _write(self, events: Sequence[Event]) -> None:
        if events:
            await self._store(events)


def still_firing(events: Iterable[Event]) -> dict[Key, int]:
    """The alerts that fire by what the audit trail says, and since when.

    Parameters:
        events: of the types ALERT_FIRING and ALERT_RESOLVED, in any order.
    """
    over: set[tuple[Key, int]] = set()
    firing: dict[tuple[Key, int], None] = {}
    for event in events:
        labels, active = event.data.get("labels"), event.data.get("active_at")
        if not isinstance(labels, dict) or not isinstance(active, str):
            continue  # it tells of a delivery
        alert = (key_of(labels), int(_seconds(active)))
        if event.event_type is EventType.ALERT_RESOLVED:
            over.add(alert)
        else:
            firing[alert] = None
    return {key: active for key, active in firing if (key, active) not in over}


def _told(alert: Mapping[str, Any]) -> dict[str, Any]:
    labels = alert["labels"]
    return {
        **{name: labels.get(name, "") for name in ("alertname", "severity", "service", "team")},
        "state": alert["state"],
        "since": _seconds(alert["activeAt"]),
        "summary": alert.get("annotations", {}).get("summary", ""),
        "labels": labels,
    }


def _seconds(text: str) -> float:
    return moment(text).timestamp()
