"""`stack.high_availability`: what runs more than once, so that the monitoring is not down when a part of it is."""

from __future__ import annotations

from pydantic import Field

from tapewatch.schema.types import Duration, LabelName, Model

__all__ = ["HighAvailability"]


class HighAvailability(Model):
    """Parts of the same configuration beside each other; each of them alone does the whole work."""

    replicas: int = Field(2, ge=2, le=26)
    """Prometheus servers (of each shard) that scrape the same targets and evaluate the same rules."""
    alertmanagers: int = Field(3, ge=2, le=26)
    """Alertmanagers that tell each other whom they have notified; three, so that one may be down and two agree."""
    histories: int = Field(2, ge=1, le=26)
    """Histories that scrape on their own; one that was down takes what it missed from another."""
    replica_label: LabelName = "replica"
    """External label in which the Prometheus servers differ; it is dropped before an alert leaves."""
    peer_timeout: Duration = "3s"
    """How long an Alertmanager waits for the one before it; with Prometheus's own 15s a page could come 30s late."""
