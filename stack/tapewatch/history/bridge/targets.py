"""What the bridge asks, from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.model import Scrape

__all__ = ["Target", "targets_of"]


@dataclass(frozen=True, slots=True)
class Target:
    """One address of a service.

    Parameters:
        service: the service.
        url: where its metrics are; empty when there is nothing to ask.
        timeout: seconds until its answer must be whole.
        labels: what every sample of it carries besides its own labels, by name; `service` is among them.
        scrape: TLS, credentials, the format of answers without a Content-Type.
        reason: why there is nothing to ask; empty for a service that pushes.
    """

    service: str
    url: str
    timeout: float = 4.0
    labels: tuple[tuple[str, str], ...] = ()
    scrape: Scrape = field(default_factory=Scrape)
    reason: str = ""


def targets_of(catalogue: Catalogue) -> list[Target]:
    """Every address of every service, in the catalogue's order; a service without one has a target without a URL."""
    raise NotImplementedError
