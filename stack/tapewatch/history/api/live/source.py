"""One target as it is shown: its series, encoded once for each layout, and its values, once for each scrape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tapewatch.history.api.live.messages import dumped, numbers
from tapewatch.history.samples import EMPTY, Layout, Scrape, Series

__all__ = ["SIMULATED", "Source"]

SIMULATED = "tapewatch_sdk_simulated"
"""The series by which a service says that its numbers are made up; `tapewatch simulate` gives it to each of its."""


class Source:
    """A target.

    Parameters:
        service: the service.
        target: its address, or `push`.

    Attributes:
        up: whether its last answer could be read; None before the first one.
        error: why not.
        at: Unix time of the last good answer, in seconds; 0 before the first one.
        duration: seconds that the last answer took.
        series: its shown series as members of a JSON list.
        values: their values, likewise; null where the target does not answer.
        simulated: whether it says that its numbers are made up.
        layout: whose series these are.
    """

    def __init__(self, service: str, target: str) -> None:
        self.service = service
        self.target = target
        self.up: bool | None = None
        self.error = ""
        self.at = 0.0
        self.duration = 0.0
        self.series = b""
        self.values = b""
        self.simulated = False
        self.layout: Layout = EMPTY
        self._labels: tuple[tuple[str, str], ...] = ()
        self._shown: NDArray[np.intp] = np.empty(0, np.intp)
        self._marker = -1

    def take(self, scrape: Scrape, instance: bool) -> bool:
        """Show a scrape; whether other series are shown than before.

        Parameters:
            scrape: what the target gave; one that is down leaves its series where they were, with no values.
            instance: whether its address is to be among the labels, because the service has several targets.
        """
        self.up, self.error, self.duration = scrape.up, scrape.error, scrape.duration
        if not scrape.up:
            self.values = b",".join([b"null"] * len(self._shown))
            return False
        labels = (*scrape.labels, *((("instance", scrape.target),) if instance else ()))
        changed = scrape.layout is not self.layout or labels != self._labels
        if changed:
            self._lay_out(scrape.layout, labels)
        self.at = scrape.at + scrape.duration
        self.values = numbers(scrape.values[self._shown])
        self.simulated = self._marker >= 0 and bool(scrape.values[self._marker] == 1)
        return changed

    def _lay_out(self, layout: Layout, labels: tuple[tuple[str, str], ...]) -> None:
        self.layout, self._labels = layout, labels
        shown = [place for place, each in enumerate(layout.series) if not _is_bucket(each)]
        own: Mapping[str, str] = {**dict(labels), "service": self.service}
        found = [
            (each.name, {**dict(each.labels), **own}, each.type) for each in (layout.series[place] for place in shown)
        ]
        self.series = dumped(found)[1:-1]
        self._shown = np.array(shown, np.intp)
        self._marker = next((place for place in shown if layout.series[place].name == SIMULATED), -1)


def _is_bucket(series: Series) -> bool:
    return series.type == "histogram" and series.name.endswith("_bucket")
