"""`stack.high_availability`: what runs more than once, so that the monitoring is not down when a part of it is."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase
from typing import Annotated, Literal

from pydantic import Field

from tapewatch.schema.types import Duration, FilePath, LabelName, Model

__all__ = ["HighAvailability", "Replicated"]

Replicated = Literal["prometheus", "alertmanager", "history"]
"""The parts that can run more than once."""


class HighAvailability(Model):
    """Parts of the same configuration beside each other; each of them alone does the whole work.

    The members of a part have letters. The first one, `a`, has the name and the ports that it would have alone; the
    others are `prometheus-b`, `alertmanager-b`, `alertmanager-c` and so on.
    """

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
    settle_timeout: Duration = "10s"
    """How long an Alertmanager that starts waits for what the others have told, before it tells anybody itself."""
    reconnect_interval: Duration = "5s"
    """How often a member that was lost is tried again."""
    reconnect_timeout: Duration = "6h"
    """How long it is tried under the address that it had; under its name for ever."""
    cluster_port: Annotated[int, Field(ge=1, le=65535)] = 19094
    """Port at which Alertmanagers talk to each other, over TCP and UDP. Not 9094, which is a sample service's."""
    port_step: int = Field(100, ge=1, le=2000)
    """How much higher than those of the member before a member's ports are, on a host that has several."""
    data: Mapping[Replicated, tuple[FilePath, ...]] = {}
    """Folders of the host for the members' data, one each, such as those of different disks; volumes unless given."""

    def count(self, part: Replicated) -> int:
        """How many members a part has."""
        return {"prometheus": self.replicas, "alertmanager": self.alertmanagers, "history": self.histories}[part]

    def letters(self, part: Replicated) -> str:
        """The letters of a part's members."""
        return ascii_lowercase[: self.count(part)]
