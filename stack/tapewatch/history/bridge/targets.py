"""What the bridge asks, from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tapewatch.catalogue import Catalogue, Service, seconds
from tapewatch.catalogue.model import Scrape
from tapewatch.renderers.prometheus import target_labels

__all__ = ["Target", "targets_of"]

DISCOVERED = "its addresses are found by discovery, which the bridge leaves to Prometheus"


@dataclass(frozen=True, slots=True)
class Target:
    """One address of a service.

    Parameters:
        service: the service.
        url: where its metrics are; empty when there is nothing to ask.
        timeout: seconds until its answer must be whole.
        labels: what every sample of it carries besides its own labels, by name; `service` is among them.
        scrape: TLS, credentials, the format of answers without a usable Content-Type (`Target` itself agrees on none).
        reason: why there is nothing to ask; empty for a service that pushes.
    """

    service: str
    url: str
    timeout: float = 4.0
    labels: tuple[tuple[str, str], ...] = ()
    scrape: Scrape | None = None
    reason: str = ""

    @property
    def address(self) -> str:
        """Host and port, such as `risk-manager:9093`."""
        return urlsplit(self.url).netloc


def targets_of(catalogue: Catalogue) -> list[Target]:
    """Every address of every service, in the catalogue's order; a service without one has a target without a URL."""
    return [target for name, service in catalogue.services.items() for target in _targets(catalogue, name, service)]


def _targets(catalogue: Catalogue, name: str, service: Service) -> Iterator[Target]:
    labels = tuple(target_labels(catalogue, name, service).items())
    scrape = service.scrape
    for address in service.targets:
        url = f"{scrape.scheme}://{address}{scrape.path}"
        yield Target(name, url, seconds(scrape.timeout), labels, scrape)
    if not service.targets:
        yield Target(name, "", labels=labels, reason=DISCOVERED if service.discovery is not None else "")
