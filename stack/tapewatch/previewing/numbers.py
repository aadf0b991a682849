"""Numbers as Grafana writes them: by unit, with as many digits as a person can use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

__all__ = ["clock", "formatted", "ticks"]

_METRIC = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"))
_MONEY = ((1e9, "B"), (1e6, "M"), (1e3, "K"))
_BINARY = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
_TIMES = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
_RATES = {"cps": "c/s", "reqps": "req/s", "ops": "ops/s", "eps": "evt/s", "mps": "msg/s", "wps": "writes/s"}


def formatted(value: float, unit: str) -> str:
    """A value with its unit.

    Parameters:
        value: the value.
        unit: Grafana's id of its unit; one that is not known is left out.
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    sign, size = ("-" if value < 0 else ""), abs(value)
    return f"{sign}{_sized(size, value, unit)}"


def _sized(size: float, value: float, unit: str) -> str:
    if unit in _SECONDS:
        return _time(size * _SECONDS[unit])
    if unit in ("percentunit", "percent"):
        return f"{_digits(size * (100 if unit == 'percentunit' else 1))}%"
    if unit == "currencyUSD":
        return f"${_scaled(size, _MONEY)}"
    if unit in ("bytes", "Bps"):
        text = _scaled(size, _BINARY, " ")
        return f"{text if text[-1] == 'B' else f'{text} B'}{'/s' if unit == 'Bps' else ''}"
    if unit.startswith("dateTime"):
        return datetime.fromtimestamp(value / 1e3, UTC).strftime("%Y-%m-%d %H:%M")
    if unit.startswith("suffix:"):
        return f"{_scaled(size, _METRIC)} {unit.removeprefix('suffix:').strip()}"
    return f"{_scaled(size, _METRIC)}{f' {_RATES[unit]}' if unit in _RATES else ''}"


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers between two others, about so many."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low]
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def clock(at: float) -> str:
    """The time of day, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M")


def _time(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    factor, name = next(((factor, name) for factor, name in _TIMES if seconds >= factor * 0.9995), _TIMES[-1])
    return f"{_digits(seconds / factor)} {name}"


def _scaled(size: float, steps: Sequence[tuple[float, str]], gap: str = "") -> str:
    factor, name = next(((factor, name) for factor, name in steps if size >= factor * 0.9995), (1.0, ""))
    return f"{_digits(size / factor)}{gap}{name}".strip()


def _digits(value: float) -> str:
    """Three digits that count, and no zeros behind them."""
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(value))) if value < 100 else 0
    text = f"{value:.{min(places, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
