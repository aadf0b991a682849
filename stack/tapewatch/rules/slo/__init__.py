"""Service level objectives of the catalogue -> burn-rate alerts, the series that they read, and their proof."""

from tapewatch.rules.slo._burn import BURN_WINDOWS, BurnWindow, burn_rate, burn_windows
from tapewatch.rules.slo._records import REMAINING
from tapewatch.rules.slo._rules import ALERT, SloRule, slo_rules

__all__ = [
    "ALERT",
    "BURN_WINDOWS",
    "REMAINING",
    "BurnWindow",
    "SloRule",
    "burn_rate",
    "burn_windows",
    "slo_rules",
]
