"""Tenants are teams: what each may send at most, from the budgets of its services."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tapewatch.catalogue import Catalogue, Service, seconds

__all__ = ["NO_TEAM", "Limits", "limits", "tenants"]

NO_TEAM = "no_team"
"""Tenant of what has no team of the catalogue: what the stack records over all, and what is pushed by nobody known. No
team can be called so: a team's name has no underscore."""

_HEADROOM = 1.5
"""How much more than its budgets a team may send before it is refused: series of a service that restarts are there
twice until the engine forgets the old ones, an hour or two later."""

_UNBUDGETED = 20_000
"""Series beside the budgets: what every target says of itself, those of Go and of its process, alerts, records."""

_CATCH_UP = 4
"""How many times as fast as usual a team may send, such as after an outage, when it sends what waited."""

_BURST = 60.0
"""Seconds for which it may send faster still."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tenant may send.

    Parameters:
        series: in memory at one time.
        rate: samples a second, over all that send.
        burst: samples at once.
    """

    series: int
    rate: int
    burst: int


def tenants(catalogue: Catalogue) -> tuple[str, ...]:
    """Every tenant: the teams by name, then that of all others."""
    teams = {service.team for service in catalogue.services.values()} | {catalogue.defaults.team}
    return (*sorted(teams), NO_TEAM)


def limits(catalogue: Catalogue, team: str) -> Limits:
    """What the budgets of a team's services make."""
    own = [service for service in catalogue.services.values() if service.team == team]
    budgets = {id(service): _budget(catalogue, service) for service in own}
    series = math.ceil(_HEADROOM * sum(budgets.values())) + _UNBUDGETED
    samples = sum(budgets[id(service)] / _interval(service) for service in own)
    samples += _UNBUDGETED / seconds(catalogue.defaults.scrape.interval)
    replicas = catalogue.stack.high_availability.replicas if catalogue.stack.high_availability else 1
    # Of a pair both send; what the second one sends is counted too, before it is found to be there already.
    rate = math.ceil(_HEADROOM * _CATCH_UP * samples * replicas)
    return Limits(series, rate, math.ceil(rate * _BURST))


def _budget(catalogue: Catalogue, service: Service) -> int:
    """Series of a service, if each of its families has as many as it may, on each of its targets."""
    families = sum(len(catalogue.domains.get(domain, {})) for domain in service.emits)
    return service.series_budget * families


def _interval(service: Service) -> float:
    return seconds(service.push.interval if service.mode == "push" else service.scrape.interval)
