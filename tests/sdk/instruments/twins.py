"""The same random instruments with the same random values, in our registry and in one of prometheus-client.

Everything follows from a seed, which the tests name, so that what fails once fails again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry

from tapewatch_sdk.instruments import MetricsRegistry

__all__ = ["Twins"]

NAMES = ["orders", "fills_total", "latency_seconds", "pnl_usd", "a", "_b", "Z9", "x_sum_of", "depth", "q_created_at"]
ODD_NAMES = ["md:feed", "spread.bps", "größe", "9th", "a-b", "up down"]
LABELS = ["symbol", "side", "venue", "a", "zz", "l", "le2", "Type", "_x"]
ODD_LABELS = ["order.id", "straße", "9x", "a-b"]
TEXTS = [
    "",
    "BTC-USD",
    "buy",
    '"',
    "\\",
    "\n",
    'a"b\\c\nd',
    "\\n",
    "ünï→😀",
    "{}",
    "%s %(a)s",
    "{0}",
    "#",
    " ",
    "\t\r",
    ",",
]
SPECIAL = [
    0.0, -0.0, 1.0, math.nan, math.inf, -math.inf, 1e-320, 5e-324, 1.7976931348623157e308, 999_999.0,
    999_999.9999999999, 1e6, 1_000_000.5, 1234567.0, 1e15, 123456789012345.6, 1e16, 1.5e16, 1e17, 1e21, 1e22, 1e100,
    -1e6, -123456789.0, -1e16, 0.1, 1 / 3, 1e-5, 1e-4, 10.0, 100_000.0, 2.0**53, 10_000_000.0, 20.0e6,
]  # fmt: skip


class Twins:
    """Two registries that have been through the same.

    Parameters:
        seed: decides everything.
        odd: whether names that the text format has to escape are among the names.
        cell_per_thread: the kind of our cells.
    """

    def __init__(self, seed: int, *, odd: bool = False, cell_per_thread: bool = False) -> None:
        self.random = Random(seed)
        self.ours = MetricsRegistry(series_budget=10_000, cell_per_thread=cell_per_thread)
        self.theirs = CollectorRegistry()
        self._updates: list[Any] = []
        names = self.random.sample([*NAMES, *(ODD_NAMES if odd else [])], self.random.randint(1, 8))
        for name in names:
            self._make(name, odd)

    def update(self, times: int) -> None:
        """So many random updates to both."""
        for _ in range(times if self._updates else 0):
            self.random.choice(self._updates)()

    def _make(self, name: str, odd: bool) -> None:
        random = self.random
        kind = random.choice(["counter", "gauge", "histogram"])
        pool = [*LABELS, *(ODD_LABELS if odd else [])]
        labels = random.sample(pool, random.choice([0, 0, 1, 2, 4]))
        help_text = "".join(random.choices(TEXTS, k=3))
        more: dict[str, Any] = {}
        if kind == "histogram" and random.random() < 0.7:
            more["buckets"] = self._buckets()
        ours = getattr(self.ours, kind)(name, help_text, labels, **more)
        theirs = getattr(prometheus_client, kind.title())(name, help_text, labels, registry=self.theirs, **more)
        series = [[random.choice(TEXTS) for _ in labels] for _ in range(random.choice([0, 1, 5, 20]))]
        for values in series if labels else [[]]:
            self._updates.append(lambda values=values: getattr(self, f"_{kind}")(ours, theirs, labels, values))

    def _buckets(self) -> list[float]:
        drawn = {self._number() for _ in range(self.random.randint(1, 20))} - {math.inf}
        bounds = sorted(bound for bound in drawn if not math.isnan(bound)) or [1.0]
        return [*bounds, math.inf] if self.random.random() < 0.5 else bounds

    def _number(self) -> float:
        random = self.random
        return random.choice([
            random.choice(SPECIAL), random.uniform(-10, 10), float(random.randint(-10, 10_000_000)),
            random.uniform(-1, 1) * 10.0 ** random.randint(-20, 20),
        ])  # fmt: skip

    def _counter(self, ours: Any, theirs: Any, labels: Sequence[str], values: Sequence[str]) -> None:
        amount = abs(self._number())
        amount = 1.5 if math.isnan(amount) else amount
        self._ours(ours, "inc", amount, labels, values)
        self._theirs(theirs, labels, values).inc(amount)

    def _gauge(self, ours: Any, theirs: Any, labels: Sequence[str], values: Sequence[str]) -> None:
        what = self.random.choice(["set", "set", "inc", "dec"])
        value = self._number()
        self._ours(ours, what, value, labels, values)
        getattr(self._theirs(theirs, labels, values), what)(value)

    def _histogram(self, ours: Any, theirs: Any, labels: Sequence[str], values: Sequence[str]) -> None:
        value = self._number()
        more = {}
        if self.random.random() < 0.3:
            more["exemplar"] = {"trace_id": "".join(self.random.choices('0af"\\', k=8)), "b": "x"}
        self._ours(ours, "observe", value, labels, values, **more)
        self._theirs(theirs, labels, values).observe(value, **more)

    def _ours(
        self, ours: Any, what: str, value: float, labels: Sequence[str], values: Sequence[str], **more: Any
    ) -> None:
        """One update of ours, by one of the ways to say it."""
        named = dict(zip(labels, values, strict=True))
        if self.random.random() < 0.5:
            getattr(ours.labels(**named), what)(value, **more)
        else:
            getattr(ours, what)(value, named if labels else None, **more)

    @staticmethod
    def _theirs(theirs: Any, labels: Sequence[str], values: Sequence[str]) -> Any:
        return theirs.labels(*values) if labels else theirs
