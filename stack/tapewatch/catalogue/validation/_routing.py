"""What must hold for receivers and routes."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._report import Check, Path, Report, suggestion
from tapewatch.schema import nearest
from tapewatch_sdk.names import RESERVED_RECEIVERS

__all__ = ["ROUTING_CHECKS"]


def _receivers(catalogue: Catalogue, report: Report) -> None:
    for name, receiver in catalogue.receivers.items():
        path: Path = ("receivers", name)
        if name in RESERVED_RECEIVERS:
            report(
                "reserved-name",
                path,
                f"receiver name `{name}` is reserved",
                "tapewatch adds that receiver itself",
                "rename it",
                key=True,
            )
        if not (receiver.webhook or receiver.slack or receiver.pagerduty or receiver.email):
            report(
                "empty-receiver",
                path,
                f"receiver `{name}` tells nobody",
                "a receiver has at least one way to reach somebody",
                "add `webhook`, `slack`, `pagerduty` or `email`",
                key=True,
            )
        for index, hook in enumerate(receiver.webhook):
            if (hook.url is None) == (hook.url_file is None):
                report(
                    "webhook",
                    (*path, "webhook", index),
                    f"webhook {index + 1} of `{name}` needs one of `url` and `url_file`",
                    "exactly one of them",
                    "keep one; a URL that is a secret goes into a file",
                )


def _routing(catalogue: Catalogue, report: Report) -> None:
    for path, receiver in _routed(catalogue):
        if receiver not in catalogue.receivers:
            near = nearest(receiver, catalogue.receivers)
            report(
                "unknown-receiver",
                path,
                f"unknown receiver `{receiver}`" + suggestion(near),
                f"a receiver of the catalogue: {', '.join(catalogue.receivers)}",
                f"write `{near}`" if near else "add the receiver",
            )
    for severity, route in catalogue.routing.by_severity.items():
        for key in ("mute", "active"):
            for index, interval in enumerate(getattr(route, key)):
                if interval not in catalogue.time_intervals:
                    report(
                        "unknown-interval",
                        ("routing", severity, key, index),
                        f"unknown time interval `{interval}`",
                        "a name under `time_intervals`",
                        "add the interval, or correct the name",
                    )
    teams = {service.team for service in catalogue.services.values()} | {catalogue.defaults.team}
    for team in catalogue.routing.teams:
        if team not in teams:
            near = nearest(team, sorted(teams))
            report(
                "unknown-team",
                ("routing", "teams", team),
                f"no service belongs to team `{team}`" + suggestion(near),
                "a team that owns a service",
                f"write `{near}`" if near else "remove the route",
                key=True,
            )


def _routed(catalogue: Catalogue) -> Iterator[tuple[Path, str]]:
    for severity, route in catalogue.routing.by_severity.items():
        yield ("routing", severity, "receiver"), route.receiver
    for team, receivers in catalogue.routing.teams.items():
        for key, receiver in receivers.items():
            yield ("routing", "teams", team, key), receiver


ROUTING_CHECKS: tuple[Check, ...] = (
    _receivers,
    _routing,
)
