"""What a platform at rest measures: steady rates, calm gauges, quick histograms; no built-in alert has reason to fire.

This is the one module that knows what the numbers mean. All of them follow from the time since the start and a seed, so
that two runs differ in nothing but their moment.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from random import Random
from typing import Protocol

from tapewatch_sdk.families import Family, MetricType

__all__ = ["AtRest", "Clock", "Series", "Values"]


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a family at one moment.

    Parameters:
        labels: label values, in the order of `Family.labels`.
        value: of a counter or a gauge; of a histogram or a summary the sum of all observations.
        counts: observations up to and including each bound of a histogram, the last being all of them; of a summary
            the number of observations alone.
    """

    labels: tuple[str, ...]
    value: float
    counts: tuple[int, ...] = ()


class Values(Protocol):
    """What a service measures."""

    def at(self, uptime: float) -> Iterator[tuple[Family, Sequence[Series]]]:
        """Every family with its series, `uptime` seconds after the start; counters never fall as it grows."""


class Clock:
    """The one clock that drives all values: it never goes back, whatever happens to the machine's time.

    Attributes:
        started: Unix time of the start, in seconds.
    """

    def __init__(self) -> None:
        self.started = time.time()
        self._origin = time.monotonic()

    def uptime(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._origin


_Make = Callable[[float], Series]

_SEVERAL: Mapping[str, Mapping[str, float]] = {
    "symbol": {"BTC-USD": 1.0, "ETH-USD": 0.6, "SOL-USD": 0.3},
    "side": {"buy": 0.5, "sell": 0.5},
    "strategy": {"momentum": 1.0, "mean-reversion": 0.6},
    "model": {"direction": 1.0},
    "reason": {"timeout": 1.0, "other": 1.0},
    "endpoint": {"orders": 1.0, "accounts": 0.5},
    "status": {"200": 1.0, "500": 0.002},
    "operation": {"submit": 1.0, "cancel": 0.2},
    "limit_type": {"position": 1.0, "exposure": 1.0},
    "table": {"raw_orderbook": 40.1, "raw_trades": 8.0, "features": 8.0, "predictions": 8.0},
    "stage": {"features": 1.0, "labeler": 1.0, "classifier": 1.0, "writer": 1.0},
    "label": {"0": 0.5, "1": 0.5},
    "prediction": {"0": 0.5, "1": 0.5},
}
"""The values that a label takes, each with its share of the family's rate. Rows of a table follow their messages."""

_MESSAGES = {"l2update": 40.0, "match": 8.0, "snapshot": 0.1}
_TYPES: Mapping[str, Mapping[str, float]] = {
    "coinbase_messages_received_total": _MESSAGES,
    "risk_stop_loss_triggers_total": {"fixed": 1.0, "trailing": 1.0},
}
"""What the label `type` means differs from family to family."""

_RATES: Mapping[str, float] = {
    "market_data_ticks_received_total": 20,
    "market_data_ticks_processed_total": 20,
    "market_data_orderbook_updates_total": 60,
    "market_data_volume_total": 3,
    "strategy_signals_total": 0.2,
    "execution_api_calls_total": 2,
    "orders_submitted_total": 1.9,
    "orders_filled_total": 1.9,
    "risk_position_checks_total": 5,
    "iceberg_flush_total": 0.01,
    "live_trading_trades_total": 0.1,
    "live_trading_trades_value_usd_total": 900,
    "position_reconciliations_total": 1 / 300,
}
"""Events a second, before a label's share is taken. A counter that is not named counts one."""

_SILENT = frozenset({
    "circuit_breaker_trips_total",
    "coinbase_sequence_gaps_total",
    "execution_orders_cancelled_total",
    "execution_orders_rejected_total",
    "live_trading_errors_total",
    "market_data_websocket_reconnects_total",
    "orders_rejected_total",
    "position_reconciliation_breaks_total",
    "risk_circuit_breaker_trips_total",
    "risk_limit_breaches_total",
    "risk_stop_loss_triggers_total",
})  # fmt: skip
"""Counters of what does not happen at rest; they are there, at 0."""

_LEVELS: Mapping[str, tuple[float, float]] = {
    "market_data_orderbook_depth": (40, 8),
    "market_data_message_queue_size": (3, 3),
    "market_data_price": (64_000, 400),
    "strategy_pnl": (1_800, 150),
    "strategy_daily_pnl": (240, 60),
    "strategy_positions": (2, 0),
    "strategy_win_rate": (0.54, 0.02),
    "execution_last_fill_price": (64_000, 400),
    "execution_rate_limit_remaining": (100, 0),
    "execution_rate_limit_capacity": (100, 0),
    "risk_position_count": (3, 0),
    "risk_position_size": (15, 3),
    "risk_total_exposure": (52_000, 2_500),
    "risk_pnl_unrealized": (80, 60),
    "risk_pnl_realized": (1_800, 0),
    "risk_daily_loss_usd": (0, 0),
    "risk_daily_loss_limit_usd": (5_000, 0),
    "risk_circuit_breaker_status": (0, 0),
    "risk_kill_switch_active": (0, 0),
    "risk_max_drawdown": (0.03, 0),
    "position_value_usd": (17_000, 800),
    "unrealized_pnl_usd": (80, 60),
    "labeler_buffer_size": (300, 120),
    "labeler_buffer_capacity": (1_000, 0),
    "trade_buffer_size": (5, 3),
    "trade_buffer_capacity": (1_000, 0),
    "orderbook_updates_per_second": (40, 4),
    "live_trading_portfolio_value_usd": (100_000, 900),
    "live_trading_cash_balance_usd": (48_000, 0),
    "live_trading_positions_count": (2, 0),
    "live_trading_daily_pnl_usd": (320, 90),
    "system_cpu_percent": (18, 6),
    "system_memory_percent": (42, 2),
    "system_disk_usage_percent": (37, 0),
    "system_clock_offset_seconds": (0.000_012, 0.000_008),
}
"""Middle of a gauge and how far it swings to either side. A gauge that is not named stands at 1, which is also
`connected`."""

_MOVING: Mapping[str, Callable[[float, float], float]] = {
    "system_uptime_seconds": lambda uptime, _: uptime,
    "coinbase_match_sequence": lambda uptime, _: 1_000_000 + math.floor(_MESSAGES["match"] * uptime),
    "dashboard_update_age_seconds": lambda uptime, _: uptime % 1,
    "position_snapshot_timestamp_seconds": lambda uptime, started: started + uptime // 3600 * 3600,
}
"""Gauges that follow the time: from the seconds since the start and the Unix time of the start."""

_SWING = 300.0
"""Seconds that a gauge takes, about, to swing and come back."""

_OBSERVATIONS = 2.0
"""Observations a second of a histogram or a summary."""

_CYCLE = 100
"""Observations after which a histogram's values come round again."""


class AtRest:
    """A service at rest.

    Parameters:
        service: its name; services that emit the same family differ a little.
        families: what it emits.
        started: Unix time of the start, in seconds.
        seed: another one gives other phases and other spreads, never other rates.
    """

    def __init__(self, service: str, families: Sequence[Family], started: float, seed: int = 0) -> None:
        self._started = started
        self._seed = f"{seed}/{service}"
        self._makes = [(family, self._of(family)) for family in families]

    def at(self, uptime: float) -> Iterator[tuple[Family, Sequence[Series]]]:
        """Every family with its series, `uptime` seconds after the start."""
        for family, makes in self._makes:
            yield family, [make(uptime) for make in makes]

    def _of(self, family: Family) -> list[_Make]:
        """One function for each series of a family."""
        makes = []
        for chosen in product(*(_shares(family, label).items() for label in family.labels)):
            labels = tuple(value for value, _ in chosen)
            share = math.prod(share for _, share in chosen)
            random = Random(f"{self._seed}/{family.name}/{labels}")  # noqa: S311 -- it decides on a phase, not a secret
            makes.append(self._series(family, labels, share, random))
        return makes

    def _series(self, family: Family, labels: tuple[str, ...], share: float, random: Random) -> _Make:
        match family.type:
            case MetricType.COUNTER:
                rate = 0.0 if family.name in _SILENT else _RATES.get(family.name, 1.0) * share
                return lambda uptime: Series(labels, float(math.floor(rate * uptime)))
            case MetricType.GAUGE if move := _MOVING.get(family.name):
                return lambda uptime: Series(labels, move(uptime, self._started))
            case MetricType.GAUGE:
                return _gauge(family, labels, random)
            case _:
                return _observations(family, labels, random)


def _shares(family: Family, label: str) -> Mapping[str, float]:
    if label == "type" and family.name in _TYPES:
        return _TYPES[family.name]
    return _SEVERAL.get(label, {f"{label}-1": 1.0, f"{label}-2": 1.0})


def _gauge(family: Family, labels: tuple[str, ...], random: Random) -> _Make:
    level, swing = _LEVELS.get(family.name, (1.0, 0.0))
    if family.name in ("market_data_price", "execution_last_fill_price"):
        part = {"ETH-USD": 0.05, "SOL-USD": 0.0025}.get(labels[0] if labels else "", 1.0)
        level, swing = level * part, swing * part
    phase, period = random.random(), _SWING * (0.5 + random.random())
    digits = 9 if family.unit else 0  # a plain count is whole

    def make(uptime: float) -> Series:
        return Series(labels, round(level + swing * math.sin(math.tau * (uptime / period + phase)), digits))

    return make


def _observations(family: Family, labels: tuple[str, ...], random: Random) -> _Make:
    """Observations around the bound a quarter of the way up: far below every threshold, and not all in one bucket."""
    bounds = family.buckets
    middle = bounds[len(bounds) // 4] if bounds else 1.0
    cycle = [middle * min(max(random.lognormvariate(0, 0.25), 0.5), 1.6) for _ in range(_CYCLE)]
    sums = list(accumulate(cycle, initial=0.0))
    buckets = [bisect_left(bounds, value) for value in cycle]
    # For each length of an unfinished cycle, how many of its observations are up to each bound, and in all.
    upto = [
        tuple(sum(bucket <= place for bucket in buckets[:length]) for place in range(len(bounds) + 1))
        for length in range(_CYCLE + 1)
    ]

    def make(uptime: float) -> Series:
        cycles, rest = divmod(math.floor(_OBSERVATIONS * uptime), _CYCLE)
        counts = tuple(cycles * whole + part for whole, part in zip(upto[_CYCLE], upto[rest], strict=True))
        return Series(labels, cycles * sums[_CYCLE] + sums[rest], counts)

    return make
