"""Labels that Thanos gives to what it keeps, and which nothing else may have."""

from __future__ import annotations

__all__ = ["REPLICA", "TENANT"]

REPLICA = "thanos_replica"
"""Which process kept it."""

TENANT = "thanos_tenant"
"""Whose it is."""
