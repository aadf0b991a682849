"""What must hold for native units."""

from __future__ import annotations

from collections.abc import Mapping

from tapewatch.catalogue.deployment import NativePart
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._report import Check, Report
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


SYSTEMD_CHECKS: tuple[Check, ...] = (_systemd,)
