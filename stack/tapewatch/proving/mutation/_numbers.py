"""Which other values a number, a duration or a `for` is given."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tapewatch.rules.model import Parameter
from tapewatch.rules.parameters import Value, format_duration, format_number
from tapewatch.schema import seconds

__all__ = ["changed_holding", "changed_numbers", "changed_values"]

_ADDED_HOLDING = "30s"
"""What a rule without `for` is given: longer than any gap between two evaluations."""

_TIMES = ("duration", "second", "millisecond", "microsecond", "nanosecond", "minute", "hour", "day")
_MEASURES = frozenset((*_TIMES, "ratio", "percent", "%", "byte", "usd", "eur", "bp", "", "m", "u", "n"))
"""Units of what is measured, freed from a plural `s` (so `ms` is `m`); everything else is counted, and a step of one
can make a difference."""


def changed_numbers(value: float) -> Iterator[str]:
    """Other values for a number that stands in an expression.

    Whole numbers up to 9 take a step of one, larger ones and fractions a tenth; a fraction also moves close to 1, as
    from the quantile 0.99 to 0.999.
    """
    if value == 0:
        yield "1"
    elif value.is_integer() and abs(value) < 10:
        yield format_number(value - 1)
        yield format_number(value + 1)
    elif 0 < value < 1:
        yield format_number(value * 0.9)
        yield format_number(1 - (1 - value) / 10)
    else:
        yield format_number(value * 0.9)
        yield format_number(value * 1.1)


def changed_values(parameter: Parameter, value: Value) -> Iterator[tuple[str, Value]]:
    """Other values for a parameter, each with the change in words: `*2`, `-10%`, `+1`.

    Of a text that is no duration, such as `a|b|c`, one alternative is left out, of those that the pack itself gives:
    what a catalogue adds to them is not the proof's business.
    """
    if isinstance(value, str) and parameter.unit == "duration":
        yield "/2", format_duration(seconds(value) / 2)
        yield "*2", format_duration(seconds(value) * 2)
    elif isinstance(value, str):
        yield from _without_one(value, str(parameter.default).split("|"))
    elif _is_counted(parameter, value):
        tenth = round(value / 10)
        for step in (-tenth, tenth) if tenth > 1 else ():
            yield f"{'+' if step > 0 else '-'}10%", value + step
        for step in (-1, 1) if value > 0 else (1,):
            yield f"{step:+d}", value + step
    else:
        yield "-10%", value * 0.9
        yield "+10%", value * 1.1


def _without_one(text: str, own: Collection[str]) -> Iterator[tuple[str, str]]:
    parts = text.split("|")
    for index, part in enumerate(parts) if len(parts) > 1 else ():
        if part in own:
            yield f" without {part}", "|".join(parts[:index] + parts[index + 1 :])


def changed_holding(holding: str) -> Iterator[tuple[str, str]]:
    """Other values for `for`."""
    length = seconds(holding)
    if length == 0:
        yield f"={_ADDED_HOLDING}", _ADDED_HOLDING
        return
    yield "=0s", "0s"
    yield "/2", format_duration(length / 2)
    yield "*2", format_duration(length * 2)


def _is_counted(parameter: Parameter, value: float) -> bool:
    if not float(value).is_integer():
        return False
    words = parameter.unit.lower().replace("-", " ").split()
    return not any(word.removesuffix("s") in _MEASURES for word in words)
