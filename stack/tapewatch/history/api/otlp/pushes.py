"""What services have pushed so far.

A request is *taken* before it is stored and *kept* after: between the two nothing here has changed, so that a request
that could not be stored is the same when it comes again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tapewatch.history.api.otlp.points import BEHIND, Labels, Refused, Sample, samples_of
from tapewatch.history.samples import EMPTY, Layout, Scrape, Series

__all__ = ["MOST_SERIES", "PUSH", "SHOWN", "Pushes", "Taken"]

PUSH = "push"
"""Stands for the address of a service that sends by itself."""

MOST_SERIES = 200_000
"""Series of all services that push; some 100 MB."""

SHOWN = 300.0
"""Seconds after which a series counts as exposed no more that is not pushed again; Prometheus looks back as long."""

Group = tuple[str, Labels]


@dataclass(slots=True)
class _State:
    """One series: its last value, with increments added up, and when that was."""

    value: float
    at: float


@dataclass(slots=True)
class _Sender:
    """What one service has pushed, with one set of labels of its own."""

    states: dict[Series, _State] = field(default_factory=dict)
    layouts: dict[tuple[Series, ...], Layout] = field(default_factory=dict)
    shown: Layout = EMPTY


@dataclass(slots=True)
class Taken:
    """A request, ready to be stored.

    Parameters:
        scrapes: what is to be stored, by service and moment.
        refused: points that are not taken.
    """

    scrapes: list[Scrape]
    refused: Refused
    _changes: Mapping[Group, Mapping[Series, _State | None]]


class Pushes:
    """All that was pushed. It is used from one thread at a time."""

    def __init__(self) -> None:
        self._senders: defaultdict[Group, _Sender] = defaultdict(_Sender)

    def take(self, request: object, now: float) -> Taken:
        """Look at a request.

        Parameters:
            request: an `ExportMetricsServiceRequest`.
            now: Unix time in seconds.
        """
        refused = Refused()
        changes: defaultdict[Group, dict[Series, _State | None]] = defaultdict(dict)
        values: defaultdict[tuple[Group, float], dict[Series, float]] = defaultdict(dict)
        room = MOST_SERIES - sum(len(each.states) for each in self._senders.values())
        for samples in samples_of(request, now, refused):
            room -= self._new(samples, changes)
            if room < 0:
                refused.reasons[f"there are more than {MOST_SERIES} series"] += 1
                continue
            for sample in samples:
                self._take(sample, changes, values)
        scrapes = [
            self._scrape(group, at, values[group, at])
            for group, at in sorted(values, key=lambda each: (each[1], each[0]))
        ]
        return Taken(scrapes, refused, changes)

    def keep(self, taken: Taken) -> None:
        """A request was stored: from now on it has happened."""
        for group, changes in taken._changes.items():
            states = self._senders[group].states
            for series, state in changes.items():
                if state is None:
                    states.pop(series, None)
                else:
                    states[series] = state

    def shown(self, taken: Taken) -> list[Scrape]:
        """All that the services of a request expose now, as if they had been scraped."""
        return [self._all(group) for group in taken._changes]

    def _new(self, samples: Iterable[Sample], changes: Mapping[Group, Mapping[Series, object]]) -> int:
        found = 0
        for each in samples:
            group = (each.service, each.own)
            states = self._senders[group].states if group in self._senders else {}
            found += each.series not in states and each.series not in changes.get(group, ())
        return found

    def _take(
        self,
        sample: Sample,
        changes: dict[Group, dict[Series, _State | None]],
        values: dict[tuple[Group, float], dict[Series, float]],
    ) -> None:
        group = (sample.service, sample.own)
        changed = changes[group]
        known = self._senders[group].states.get(sample.series) if group in self._senders else None
        before = changed.get(sample.series, known)
        if sample.gone:
            changed[sample.series] = None
            return
        if before is not None and sample.at <= before.at:
            return  # it was sent before, and its answer was lost
        value = sample.value + (before.value if before is not None and sample.delta else 0.0)
        changed[sample.series] = _State(value, sample.at)
        values[group, sample.at][sample.series] = value

    def _scrape(self, group: Group, at: float, values: Mapping[Series, float]) -> Scrape:
        layouts = self._senders[group].layouts
        key = tuple(values)
        layout = layouts.get(key)
        if layout is None:
            if len(layouts) >= _LAYOUTS:
                layouts.clear()
            layout = layouts[key] = Layout(key)
        return _scrape(group, at, layout, list(values.values()))

    def _all(self, group: Group) -> Scrape:
        sender = self._senders[group]
        newest = max((each.at for each in sender.states.values()), default=0.0)
        for series in [series for series, state in sender.states.items() if newest - state.at > BEHIND]:
            del sender.states[series]
        found = {series: state for series, state in sender.states.items() if newest - state.at <= SHOWN}
        if tuple(found) != tuple(sender.shown.series):
            sender.shown = Layout(tuple(found))
        return _scrape(group, newest, sender.shown, [each.value for each in found.values()])


_LAYOUTS = 8
"""Sets of series that are remembered for a service: a request may bring its metrics in parts."""


def _scrape(group: Group, at: float, layout: Layout, values: Sequence[float]) -> Scrape:
    service, own = group
    return Scrape(service, PUSH, at, layout=layout, values=np.array(values, np.float64), labels=own)
