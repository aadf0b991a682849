"""What everybody who stores samples takes, so that the engine refuses nothing that Prometheus has taken."""

from __future__ import annotations

__all__ = ["EXEMPLARS", "OUT_OF_ORDER", "RULES_LATE"]

OUT_OF_ORDER = "10m"
"""How late a pushed sample may come; Prometheus's own advice for OTLP."""

EXEMPLARS = 100_000
"""Exemplars that are kept, about 100 bytes each; Prometheus's own default, and as many of each tenant of an engine."""

RULES_LATE = "15s"
"""How far back an engine's ruler looks: until then a sample has come from the scrape through Prometheus's queue."""
