"""How fast an error budget may be used up before somebody is told.

The budget of an objective is the share of events that may fail: 0.1 % for 99.9 %. Its burn rate is the share that does
fail, divided by the budget: at 1 the budget lasts exactly as long as the objective's window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tapewatch.catalogue.model import Slo
from tapewatch.rules.parameters import format_number
from tapewatch.schema import seconds

__all__ = ["BURN_WINDOWS", "BurnWindow", "Threshold", "budget", "burn_rate", "burn_windows", "threshold"]

Threshold = Fraction
"""An error ratio above which an alert fires, exactly as it is printed in the rule."""


@dataclass(frozen=True, slots=True)
class BurnWindow:
    """A pair of windows over which the burn rate is measured; an alert wants both above its limit.

    Parameters:
        share: the share of the whole error budget whose loss within `long` raises the alert.
        long: tells a lasting problem from a short one.
        short: ends the alert soon after the errors have ended; a twelfth of `long`.
        severity: of the alert.
    """

    share: Fraction
    long: str
    short: str
    severity: Literal["critical", "high", "medium"]


BURN_WINDOWS = (
    BurnWindow(Fraction(2, 100), "1h", "5m", "critical"),
    BurnWindow(Fraction(5, 100), "6h", "30m", "critical"),
    BurnWindow(Fraction(10, 100), "1d", "2h", "medium"),
    BurnWindow(Fraction(10, 100), "3d", "6h", "medium"),
)
"""The windows that the Site Reliability Workbook recommends (Google, 2018, chapter 5, "Alerting on SLOs").

2 % in 1h and 5 % in 6h page, 10 % in 3d opens a ticket; each short window is 1/12 of its long one. The pair of 1d and
2h is the fourth that came into use since, between the page and the ticket. Over 30d the burn rates are 14.4, 6, 3, 1.
"""


def budget(slo: Slo) -> Fraction:
    """The share of events that may fail; exact in decimals, where 1 - 0.999 in binary is not."""
    return 1 - Fraction(repr(slo.objective))


def burn_rate(slo: Slo, window: BurnWindow) -> Fraction:
    """The burn rate at which an alert fires: it uses up the pair's share of the budget within its long window.

    At least 1, since who keeps the objective is never to be woken. Objectives over less than 30d would come below it.
    """
    return max(Fraction(1), window.share * Fraction(round(seconds(slo.window))) / Fraction(round(seconds(window.long))))


def threshold(slo: Slo, window: BurnWindow) -> Threshold:
    """The error ratio at which that burn rate is reached, rounded to the ten digits that the rule shows."""
    return Fraction(format_number(float(burn_rate(slo, window) * budget(slo))))


def burn_windows(slo: Slo) -> Iterator[BurnWindow]:
    """The pairs that make sense for an objective.

    A long window must fit into the objective's own, and a threshold of 1 or more could never be exceeded: a budget of
    10 % cannot lose 2 % of itself in an hour, even when everything fails. At least one pair is always left.
    """
    for window in BURN_WINDOWS:
        if seconds(window.long) <= seconds(slo.window) and threshold(slo, window) < 1:
            yield window
