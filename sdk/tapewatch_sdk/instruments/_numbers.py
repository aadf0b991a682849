"""Numbers: what a caller hands over, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = ["go_float", "number", "texts"]

_NO_NUMBERS = (str, bytes, bytearray)


def number(value: object) -> float | None:
    """What a caller handed over as a float: int, bool, Decimal, a scalar of numpy; None if it is no number."""
    if isinstance(value, _NO_NUMBERS):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - it is the caller's own `__float__` that may raise anything
        return None


def texts(values: Iterable[float]) -> list[str]:
    """The values as both exposition formats write them, as Go does. `repr` is the same for most, and much faster."""
    return [repr(value) if -math.inf < value < 1e6 else go_float(value) for value in values]


def go_float(value: float) -> str:
    """One value as Go writes it: `1e+06` where Python has `1000000.0`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    point = text.find(".")
    if value < 0 or point < 7:
        return text
    digits = f"{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.")
    return f"{digits}e+{point - 1:02d}"
