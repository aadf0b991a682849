"""A copy of a project in which time passes N times as fast: rules, routes and intervals, for drills that cannot wait.

The copy scrapes and evaluates every second, so that five seconds of a proof, its smallest step, pass in one. Every
duration that is a parameter (a range, a `for`) and every timer of a route is divided by N, but never below four scrape
intervals; the proof goes by the same parameters, so what is drilled is the proof of exactly the copied rule. What is
not a parameter (the resolution of a subquery) is divided by five with the rest of the proof.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tapewatch.catalogue import Catalogue, Service
from tapewatch.catalogue.alerting import SeverityRoute
from tapewatch.project import Project
from tapewatch.promql.edit import scale_durations
from tapewatch.rules.model import AlertSpec
from tapewatch.rules.parameters import Value, format_duration
from tapewatch.rules.resolve import EVALUATION_SECONDS, Rule, parameter_values, resolve
from tapewatch.schema import seconds

__all__ = ["AT_LEAST", "LOOK_BACK", "RESEND_DELAY", "SCRAPE", "Scale", "scaled"]

SCRAPE = 1.0
"""Seconds between two scrapes, and two evaluations, of a copy."""

LOOK_BACK = 300.0
"""Seconds that Prometheus looks back for the last sample of a series, by default."""

RESEND_DELAY = 60.0
"""Seconds after which Prometheus sends a firing alert once more, by default."""

AT_LEAST = 4
"""Scrape intervals below which nothing is divided: a range needs some samples to say anything."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How time is divided.

    Parameters:
        factor: N.
    """

    factor: float

    @property
    def pace(self) -> int:
        """Seconds of a proof that pass in one of the copy: a proof's step of 5 s is one scrape."""
        return round(EVALUATION_SECONDS / SCRAPE)

    def real(self, length: str | float) -> float:
        """A duration as it is in the copy, in seconds; 0 stays 0."""
        given = seconds(length) if isinstance(length, str) else length
        return max(given / self.factor, AT_LEAST * SCRAPE) if given else 0.0

    def timer(self, length: str) -> str:
        """The same as a Prometheus duration, in whole seconds."""
        return format_duration(math.ceil(self.real(length)))

    def in_proof(self, length: str) -> str:
        """A parameter's duration as it must stand in the copy's proof, in whole steps of it."""
        steps = math.ceil(round(self.real(length) / SCRAPE, 6))
        return format_duration(steps * EVALUATION_SECONDS)


def scaled(project: Project, factor: float) -> Project:
    """The copy of a project, ready to be rendered.

    The values of its rules are those of the proof (`Scale.in_proof`), so that `scenarios` can play it with
    `Scale.pace`; their expressions are what a server loads. SLOs are left out: their windows are days.

    Parameters:
        factor: N, 1 or more.
    """
    scale = Scale(factor)
    catalogue = _catalogue(project, scale)
    rules = resolve([each.pack for each in project.packs], catalogue)
    loaded = replace(project.loaded, catalogue=catalogue)
    return replace(project, loaded=loaded, rules=tuple(_faster(rule, scale) for rule in rules), dashboards=())


def _faster(rule: Rule, scale: Scale) -> Rule:
    """A rule whose parameters are those of its proof -> the rule as it is loaded."""
    return replace(
        rule,
        expr=scale_durations(rule.expr, scale.pace),
        for_=format_duration(seconds(rule.for_) / scale.pace),
        records=tuple(replace(each, expr=scale_durations(each.expr, scale.pace)) for each in rule.records),
    )


def _catalogue(project: Project, scale: Scale) -> Catalogue:
    catalogue = project.catalogue
    specs = {spec.alert: spec for each in project.packs for spec in each.pack.rules}
    every = {"interval": format_duration(SCRAPE), "timeout": format_duration(SCRAPE)}
    defaults = catalogue.defaults
    push = defaults.push.model_copy(update={"interval": format_duration(seconds(defaults.push.interval) / scale.pace)})
    return catalogue.model_copy(
        update={
            "slos": {},
            "alerts": {name: _parameters(spec, catalogue.alerts.get(name, {}), scale) for name, spec in specs.items()},
            "services": {name: _service(service, specs, every, scale) for name, service in catalogue.services.items()},
            "defaults": defaults.model_copy(
                update={
                    "scrape": defaults.scrape.model_copy(update=every),
                    "evaluation_interval": format_duration(SCRAPE),
                    "push": push,
                }
            ),
            "routing": catalogue.routing.model_copy(
                update={name: _route(catalogue, name, scale) for name in catalogue.routing.by_severity}
            ),
        }
    )


def _service(service: Service, specs: Mapping[str, AlertSpec], every: Mapping[str, str], scale: Scale) -> Service:
    alerts = {name: _durations(specs[name], given, scale) for name, given in service.alerts.items()}
    return service.model_copy(update={"scrape": service.scrape.model_copy(update=every), "alerts": alerts, "slos": {}})


def _parameters(spec: AlertSpec, given: Mapping[str, Value | bool], scale: Scale) -> dict[str, Value | bool]:
    """Every parameter of a rule for the whole stack; those that the generator fills in are left to it."""
    values: dict[str, Value | bool] = dict(parameter_values(spec, given))
    named = {name for name, each in spec.parameters.items() if each.unit == "duration"} | {"for", *given}
    kept = {name: value for name, value in values.items() if name in named}
    return _durations(spec, {**kept, **({"enabled": given["enabled"]} if "enabled" in given else {})}, scale)


def _durations(spec: AlertSpec, given: Mapping[str, Value | bool], scale: Scale) -> dict[str, Value | bool]:
    """Parameters with the durations among them divided."""
    durations = {name for name, each in spec.parameters.items() if each.unit == "duration"} | {"for"}
    return {name: scale.in_proof(str(value)) if name in durations else value for name, value in given.items()}


def _route(catalogue: Catalogue, severity: str, scale: Scale) -> SeverityRoute:
    timing = catalogue.routing.timing(severity)
    timers = {name: scale.timer(getattr(timing, name)) for name in ("group_wait", "group_interval", "repeat_interval")}
    return catalogue.routing.by_severity[severity].model_copy(update=timers)
