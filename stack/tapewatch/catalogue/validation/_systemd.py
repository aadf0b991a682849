"""What must hold for native units."""

from __future__ import annotations

from collections.abc import Mapping

from tapewatch.catalogue.deployment import NativePart, core_numbers
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.schema.types import byte_count

__all__ = ["SYSTEMD_CHECKS"]

_NEEDS: Mapping[NativePart, int] = {
    "prometheus": 256,
    "alertmanager": 64,
    "grafana": 256,
    "loki": 256,
    "jaeger": 256,
    "node-exporter": 32,
    "blackbox-exporter": 32,
    "history": 256,
}
"""MiB below which a part does not come far: a rough bound, above what each was seen to take at rest."""


def _systemd(catalogue: Catalogue, report: Report) -> None:
    systemd = catalogue.stack.systemd
    if systemd is None:
        return
    for part, size in systemd.memory.items():
        if byte_count(size) < _NEEDS[part] << 20:
            report(
                "systemd-memory",
                ("stack", "systemd", "memory", part),
                f"{part} may have {size} of memory, and would be killed for more",
                f"at least {_NEEDS[part]}MB for {part}",
                f"set {_NEEDS[part]}MB or more, or leave it out for the default",
            )
    if catalogue.stack.high_availability is not None:
        report(
            "systemd-members",
            ("stack", "systemd"),
            "native units run one of each part, and `stack.high_availability` asks for more",
            "`systemd` and `high_availability` do not stand together",
            "take one of the two away",
            key=True,
        )
    if catalogue.stack.bind != "127.0.0.1":
        report(
            "systemd-bind",
            ("stack", "bind"),
            f"native units listen on 127.0.0.1, not on {catalogue.stack.bind}",
            "with `systemd`, `bind` is 127.0.0.1: nothing of the stack asks for a password on the network",
            "set 127.0.0.1, and put a proxy that asks who is there in front of what others should see",
        )


def _service_units(catalogue: Catalogue, report: Report) -> None:
    owners: dict[str, str] = {}
    for name, service in catalogue.services.items():
        if service.unit is None:
            continue
        here: Path = ("services", name, "unit")
        owner = owners.setdefault(service.unit.name, name)
        if owner != name or service.unit.name.startswith("tapewatch-"):
            whose = "the stack" if owner == name else f"the service `{owner}`"
            report(
                "service-unit",
                (*here, "name"),
                f"`{service.unit.name}` is a unit of {whose}",
                "each service has a unit of its own, and those of the stack are its own",
                "name the unit that runs this service alone",
            )
        if service.unit.cores and catalogue.stack.systemd:
            _cores(service.unit.cores, catalogue.stack.systemd.cores, (*here, "cores"), report)


def _cores(cores: str, stack: str | None, where: Path, report: Report) -> None:
    """Where the stack has no processors of its own it runs on all of them, and so beside whoever trades."""
    if stack is None:
        report(
            "service-cores",
            where,
            f"the stack may run on the processors {cores} too, since it has none of its own",
            "processors that trade are not among those of the stack",
            "give `stack.systemd.cores` others",
        )
    elif shared := core_numbers(cores) & core_numbers(stack):
        report(
            "service-cores",
            where,
            f"{'processor' if len(shared) == 1 else 'processors'} {', '.join(map(str, sorted(shared)))}"
            f" would be the stack's as well (`stack.systemd.cores` is {stack})",
            "processors that trade are not among those of the stack",
            "take others here, or there",
        )


SYSTEMD_CHECKS: tuple[Check, ...] = (_systemd, _service_units)
