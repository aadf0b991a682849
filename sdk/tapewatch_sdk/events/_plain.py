"""Any value as plain data that every reader of JSON takes: whatever a service puts into an event, it can be sent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from numbers import Integral, Real
from typing import Any, TypeVar

__all__ = ["plain", "text_of"]

MOST_VALUES = 10_000
"""Values of one event, inner ones counted; what comes after them is left out."""

DEPTH = 16
"""Levels of lists and mappings; what lies deeper (or holds itself) is left out."""

LEFT_OUT = "..."

_Value = TypeVar("_Value")

_SMALL = range(-(2**63), 2**64)
_PRINTABLE_BITS = 10_000


def plain(value: Any) -> Any:
    """The value as None, a truth value, a number, text, a list or a dict with text keys, of such values again.

    A `Decimal` becomes a number where a float holds all its digits, else text; infinities, NaN and integers of more
    than 64 bits become text, because JSON's readers disagree on them. Times are in UTC. A set is sorted. An object of
    another kind becomes its `str()`. Nothing raises.
    """
    return _Walk().plain(value, 0)


def text_of(value: object) -> str:
    """The text of any object, valid Unicode; the name of its type when it has none to give."""
    try:
        text = str(value)
        # A lone surrogate (an undecodable byte of a file name, say) is no Unicode, and refused by most receivers.
        return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
    except Exception:  # noqa: BLE001 -- an object of the caller's may raise whatever it likes
        return f"<{type(value).__name__}>"


class _Walk:
    """One value, with what is left of the bound on its size."""

    def __init__(self) -> None:
        self.left = MOST_VALUES

    def plain(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if value is None or isinstance(value, bool):
            return value
        try:
            return self._scalar(value) if not _is_collection(value) else self._collection(value, depth)
        except Exception:  # noqa: BLE001 -- an object of the caller's may raise whatever it likes
            return f"<{type(value).__name__}>"

    def _scalar(self, value: Any) -> Any:
        match value:
            case Enum():
                return self.plain(value.value, 0)
            case str():
                return text_of(value)
            case Decimal():
                return _decimal(value)
            case Integral():
                return _integer(int(value))
            case Real():
                return _float(float(value))
            case datetime():
                return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
            case date() | time():
                return value.isoformat()
            case timedelta():
                return value.total_seconds()
            case bytes() | bytearray():
                return value.decode("utf-8", "backslashreplace")
            case BaseException():
                return f"{type(value).__name__}: {text_of(value)}"
        return text_of(value)

    def _collection(self, value: Any, depth: int) -> Any:
        if depth >= DEPTH:
            return LEFT_OUT
        if isinstance(value, Mapping):
            return self._mapping(value.items(), depth)
        if is_dataclass(value):
            return self._mapping(((each.name, getattr(value, each.name)) for each in fields(value)), depth)
        found: list[Any] = []
        for each in sorted(value, key=text_of) if isinstance(value, (set, frozenset)) else self._first(value):
            if self.left <= 0:
                found.append(LEFT_OUT)
                break
            found.append(self.plain(each, depth + 1))
        return found

    def _first(self, values: Iterable[_Value]) -> list[_Value]:
        """As many as may still be kept and one more, copied at once: another thread may be changing the original."""
        return list(islice(values, max(self.left, 0) + 1))

    def _mapping(self, items: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in self._first(items):
            if self.left <= 0:
                found[LEFT_OUT] = LEFT_OUT
                break
            found[text_of(key.value if isinstance(key, Enum) else key)] = self.plain(value, depth + 1)
        return found


def _is_collection(value: Any) -> bool:
    kinds = (Mapping, list, tuple, set, frozenset)
    return isinstance(value, kinds) or (is_dataclass(value) and not isinstance(value, type))


def _integer(value: int) -> int | str:
    if value in _SMALL:
        return value
    bits = value.bit_length()
    return str(value) if bits < _PRINTABLE_BITS else f"<integer of {bits} bits>"


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decimal(value: Decimal) -> float | str:
    if not value.is_finite():
        return "NaN" if value.is_nan() else _float(float(value))
    number = float(value)
    return number if math.isfinite(number) and Decimal(repr(number)) == value else str(value)
