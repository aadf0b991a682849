"""What the collectors share: columns, and values that are there or not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from tapewatch_sdk.collectors import Column, ColumnType, Cycle, Value

__all__ = ["any_set", "by_label", "columns", "finite", "highest", "is_empty", "share", "total", "whole"]


def columns(**types: ColumnType) -> tuple[Column, ...]:
    """A table's columns, `timestamp` first."""
    return tuple(Column(name, kind) for name, kind in {"timestamp": ColumnType.TIMESTAMP, **types}.items())


def finite(value: float | None) -> float | None:
    """The value; None for NaN and infinities, which nobody can reckon with."""
    return value if value is not None and math.isfinite(value) else None


def total(cycle: Cycle, name: str) -> float | None:
    """The sum of all finite readings of a name; None if there are none."""
    return finite(_joined(sum, (reading.value for reading in cycle.of(name))))


def highest(cycle: Cycle, name: str) -> float | None:
    """The highest finite reading of a name; None if there are none."""
    return _joined(max, (reading.value for reading in cycle.of(name)))


def any_set(cycle: Cycle, name: str) -> bool | None:
    """Whether any finite reading of a name is not 0; None if there are none."""
    values = [reading.value for reading in cycle.of(name) if math.isfinite(reading.value)]
    return any(values) if values else None


def whole(value: float | None) -> int | None:
    """A count; None for what is none, because it has a fraction or is too large for a column of whole numbers."""
    return int(value) if value is not None and value.is_integer() and abs(value) < 2**63 else None


def share(part: float | None, of: float | None) -> float | None:
    """One by the other; None where a part is not there, or the other is 0."""
    return finite(part / of) if part is not None and of else None


def by_label(
    cycle: Cycle, name: str, label: str, join: Callable[[Iterable[float]], float] = sum
) -> Mapping[str, float]:
    """The finite readings of a name by the value of a label; those without the label belong to nobody."""
    found: dict[str, list[float]] = {}
    for reading in cycle.of(name):
        key = reading.labels.get(label)
        if key and math.isfinite(reading.value):
            found.setdefault(key, []).append(reading.value)
    return {key: value for key, values in found.items() if math.isfinite(value := join(values))}


def is_empty(values: Mapping[str, Value]) -> bool:
    """Whether nobody supplied anything."""
    return all(value is None for value in values.values())


def _joined(join: Callable[[Iterable[float]], float], values: Iterable[float]) -> float | None:
    there = [value for value in values if math.isfinite(value)]
    return join(there) if there else None
