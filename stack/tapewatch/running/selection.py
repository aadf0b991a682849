"""Which services can be started: those whose image is here, and all that they need."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tapewatch.running.project import Service
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["dependents", "left_out"]


def left_out(services: Mapping[str, Service], unavailable: Mapping[str, str]) -> dict[str, Problem]:
    """The services that cannot be started, each with the reason; all others can.

    Parameters:
        services: all services, by name.
        unavailable: images that cannot be had, with the reason.
    """
    without = {
        name: _no_image(service, unavailable[service.image])
        for name, service in services.items()
        if service.image in unavailable
    }
    waiting = dependents(services, without)
    return without | {name: _needs(name, needed) for name, needed in waiting.items()}


def dependents(services: Mapping[str, Service], missing: Collection[str]) -> dict[str, str]:
    """The services that need one of the missing ones, directly or not, each with the one that it needs itself."""
    found: dict[str, str] = {}
    known = -1
    while known != len(found):
        known = len(found)
        for name, service in services.items():
            if name in missing or name in found:
                continue
            needed = next((other for other in service.needs if other in missing or other in found), "")
            if needed:
                found[name] = needed
    return found


def _no_image(service: Service, reason: str) -> Problem:
    return Problem(
        code="compose/no-image",
        summary=f"{service.name} is left out: its image {service.image} is not here; {reason}",
        must="the image is on this machine, or can be pulled or built",
        fix="see to the network, or `docker load` the image, and run `tapewatch up` again; where there is no registry, "
        "`make images` makes stand-ins",
        where=Place(path=service.name),
        severity=Severity.WARNING,
    )


def _needs(name: str, needed: str) -> Problem:
    return Problem(
        code="compose/needs",
        summary=f"{name} is left out: it needs {needed}, which is left out",
        must=f"{needed} can be started",
        fix=f"see what is said of {needed}",
        where=Place(path=name),
        severity=Severity.WARNING,
    )
