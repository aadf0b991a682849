"""Labels that a catalogue may not use, because Prometheus or tapewatch sets them."""

from __future__ import annotations

from tapewatch_sdk.names import TARGET_LABELS

__all__ = ["RESERVED_LABELS"]

RESERVED_LABELS = frozenset({*TARGET_LABELS, "le", "quantile", "alertname", "severity", "domain", "extent"})
"""Target labels, histogram and summary labels, and the labels of alerts."""
