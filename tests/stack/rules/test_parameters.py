"""`${...}` in packs."""

from __future__ import annotations

import pytest

from tapewatch.rules.parameters import Value, evaluate, fill, format_duration

VALUES: dict[str, Value] = {"window": "5m", "threshold": 0.1, "limit": 3, "for": "1m"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("x[${window}] > ${threshold}", "x[5m] > 0.1"),
        ("1x${(window + 60s) / 5s}", "1x72"),
        ("0+1x${ceil(threshold * 25) + 1}", "0+1x4"),
        ("${for + 40s}", "100"),
        ("above ${percent(threshold)} within ${duration(2 * window)}", "above 10 % within 10m"),
        ("${-limit}", "-3"),
        ("${threshold * 3}", "0.3"),
        ("${min(limit, 2)} ${max(limit, 5)} ${floor(7 / 2)} ${abs(0 - 2)}", "2 5 3 2"),
        ("{{ $labels.symbol }} and {{ $value }}", "{{ $labels.symbol }} and {{ $value }}"),
    ],
)
def test_placeholders_give_the_parameter_as_written_or_what_the_arithmetic_yields(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled


@pytest.mark.parametrize("text", ["${windo}", "${__import__('os')}", "${window.x}", "${1 +}", "${limit if 1 else 2}"])
def test_what_is_no_arithmetic_over_parameters_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unknown|no expression"):
        fill(text, VALUES)


def test_a_time_is_a_number_a_duration_or_a_placeholder() -> None:
    assert evaluate(30, VALUES) == 30
    assert evaluate("1m30s", VALUES) == 90
    assert evaluate("${window + 30s}", VALUES) == 330


@pytest.mark.parametrize(
    ("length", "text"), [(0, "0s"), (90, "1m30s"), (86400, "1d"), (0.25, "250ms"), (3661, "1h1m1s")]
)
def test_a_length_is_written_with_the_fewest_parts_that_are_exact(length: float, text: str) -> None:
    assert format_duration(length) == text
