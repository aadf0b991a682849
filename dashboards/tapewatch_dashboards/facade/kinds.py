"""Kinds of services: each set of domains that services emit is one, and has one dashboard, however many services."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tapewatch_sdk.plugins import CatalogueView

__all__ = ["COMMON", "Kind", "kinds_of"]

COMMON = "host"
"""The domain that every service emits; it tells no kind from another."""

_LONGEST = 40
"""Characters of a UID that Grafana allows."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind.

    Parameters:
        domains: what its services emit, sorted.
        services: their names, sorted.
    """

    domains: tuple[str, ...]
    services: tuple[str, ...]

    @property
    def own(self) -> tuple[str, ...]:
        """Its domains without the common one, unless that is all."""
        return tuple(domain for domain in self.domains if domain != COMMON) or self.domains

    @property
    def title(self) -> str:
        """What it is called: `market data`, `capture, ml and pipeline`."""
        *names, last = (domain.replace("_", " ") for domain in self.own)
        return f"{', '.join(names)} and {last}" if names else last

    @property
    def uid(self) -> str:
        """UID of its dashboard; long ones end in a digest, so that no two are one."""
        whole = "service-" + "-".join(self.own).replace("_", "-").replace(":", "-")
        if len(whole) <= _LONGEST:
            return whole
        digest = hashlib.blake2b("-".join(self.own).encode(), digest_size=4).hexdigest()
        return f"{whole[: _LONGEST - 9]}-{digest}"


def kinds_of(catalogue: CatalogueView) -> Sequence[Kind]:
    """The kinds of a catalogue, sorted by their domains."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, service in catalogue.services.items():
        if service.emits:
            found.setdefault(tuple(sorted(set(service.emits))), []).append(name)
    return [Kind(domains, tuple(sorted(services))) for domains, services in sorted(found.items())]
