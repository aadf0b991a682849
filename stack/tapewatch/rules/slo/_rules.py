"""Every objective of a catalogue as alert rules with their records and proofs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from tapewatch.catalogue.model import Catalogue, Slo
from tapewatch.rules.model import AlertSpec, Pack, Parameter
from tapewatch.rules.parameters import Value
from tapewatch.rules.resolve import RecordingRule, Rule, parameter_values, resolve_rule, service_pattern
from tapewatch.rules.slo._burn import BurnWindow, burn_rate, burn_windows, threshold
from tapewatch.rules.slo._proof import proof_of
from tapewatch.rules.slo._records import BASE, ratio_name, records
from tapewatch.rules.slo._story import step_seconds

__all__ = ["ALERT", "SloRule", "slo_rules"]

ALERT = "ErrorBudgetBurn"
"""Name of the alert; its labels `slo` and `window` say which objective, and over how long."""

_DASHBOARD = "alerts"
"""UID of the dashboard that its links open: the one that shows the alerts of any service."""

_SUMMARY = "{{ $labels.service }} uses its error budget for NAME at over ${burn_rate} times the allowed pace"
_DESCRIPTION = (
    "{{ $value | humanizePercentage }} of the events of {{ $labels.service }} failed over ${long_window}, and the last "
    "${short_window} are no better; the limit is ${percent(threshold)}. The objective of ${percent(objective)} over "
    "${slo_window} leaves ${percent(1 - objective)} of them for errors."
)
_ACTION = (
    "Find what fails with the queries of the runbook, and take back the newest change to {{ $labels.service }} and to "
    "what it depends on."
)


@dataclass(frozen=True, slots=True)
class SloRule(Rule):
    """A burn-rate alert; a rule like any other, with two more labels and a slower clock.

    Parameters:
        slo: the objective's name.
        window: the long window.
    """

    slo: str = ""
    window: str = ""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that the rule adds; `slo` is on the series already, and here for those who only read the rule."""
        return {"severity": self.severity, "domain": self.domain, "slo": self.slo, "window": self.window}


def slo_rules(catalogue: Catalogue) -> tuple[SloRule, ...]:
    """The burn-rate alerts of every objective: those for all services first, each service's own after them.

    An objective of a service's own takes the place of the one of the same name for that service alone.
    """
    return tuple(_rules(catalogue))


def _rules(catalogue: Catalogue) -> Iterator[SloRule]:
    for name, slo in catalogue.slos.items():
        own = [service for service, each in catalogue.services.items() if name in each.slos]
        yield from _rules_of(name, slo, catalogue, f'service!~"{service_pattern(own)}"' if own else "")
    for service, each in catalogue.services.items():
        for name, slo in each.slos.items():
            yield from _rules_of(name, slo, catalogue, f'service=~"{service_pattern([service])}"', service)


def _rules_of(name: str, slo: Slo, catalogue: Catalogue, matchers: str, service: str = "") -> Iterator[SloRule]:
    windows = tuple(burn_windows(slo))
    needed = dict.fromkeys([BASE, *(each.short for each in windows), *(each.long for each in windows)])
    recorded = tuple(records(name, slo, needed, matchers))
    domain = catalogue.families[_counted(slo)].domain
    for window in windows:
        spec = _spec(name, slo, window)
        pack = Pack(schema="tapewatch.rules/v1", domain=domain, dashboard=_DASHBOARD, rules=(spec,))
        rule = resolve_rule(pack, spec, parameter_values(spec), catalogue, matchers, service)
        yield _with_records(rule, recorded, name, slo, window)


def _with_records(rule: Rule, recorded: tuple[RecordingRule, ...], name: str, slo: Slo, window: BurnWindow) -> SloRule:
    base: dict[str, Any] = {each.name: getattr(rule, each.name) for each in fields(Rule)}
    base["evaluation_seconds"] = step_seconds(window)
    made = SloRule(**base, slo=name, window=window.long)
    annotations = dict(rule.annotations)
    if slo.description:
        annotations["description"] += f" {_literal(slo.description)}"
    return replace(made, records=recorded, annotations=annotations)


def _literal(text: str) -> str:
    """A person's text as it must stand in an annotation, where `{{` starts a template."""
    return text.strip().replace("{{", '{{ "{{" }}')


def _counted(slo: Slo) -> str:
    return slo.latency.family if slo.latency else str(slo.total)


def _spec(name: str, slo: Slo, window: BurnWindow) -> AlertSpec:
    above = f'{{slo="{name}"}} > ${{threshold}}'
    return AlertSpec.model_validate({
        "alert": ALERT,
        "severity": window.severity,
        "for": "0s",  # the short window does what `for` does elsewhere, and forgets faster
        "parameters": _parameters(slo, window),
        "expr": f"{ratio_name('${long_window}')}{above}\nand\n{ratio_name('${short_window}')}{above}",
        "summary": _SUMMARY.replace("NAME", name),
        "description": _DESCRIPTION,
        "action": _ACTION,
        "proof": proof_of(slo, window),
    })  # fmt: skip


def _parameters(slo: Slo, window: BurnWindow) -> dict[str, Parameter]:
    rows: tuple[tuple[str, Value, str, str], ...] = (
        ("objective", slo.objective, "ratio", "Share of the events that must be good."),
        ("slo_window", slo.window, "duration", "Time over which the objective holds."),
        ("budget_share", float(window.share), "ratio", "Share of the error budget that the long window may lose."),
        ("long_window", window.long, "duration", "Window that tells a lasting problem from a short one."),
        ("short_window", window.short, "duration", "Window that ends the alert soon after the errors."),
        ("burn_rate", round(float(burn_rate(slo, window)), 4), "times", "Errors, as a multiple of what is allowed."),
        ("threshold", float(threshold(slo, window)), "ratio", "Error ratio above which both windows must be."),
    )  # fmt: skip
    return {name: Parameter(default=default, unit=unit, help=text) for name, default, unit, text in rows}
