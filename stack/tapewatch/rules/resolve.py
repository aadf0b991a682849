"""Packs and a catalogue -> the rules that are rendered: parameters filled in, overrides split off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tapewatch.catalogue import Catalogue
from tapewatch.promql.edit import add_matchers
from tapewatch.rules.macros import expand
from tapewatch.rules.model import AlertSpec, Pack, Proof
from tapewatch.rules.parameters import Value, fill
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.names import DRILL_NOTIFY_PREFIX, DRILL_PREFIX, UPTIME

__all__ = [
    "EVALUATION_SECONDS",
    "PUSHED_FAMILIES",
    "RecordingRule",
    "Rule",
    "parameter_values",
    "pushed_series",
    "resolve",
    "resolve_rule",
    "service_pattern",
]

EVALUATION_SECONDS = 5.0
"""Proofs are evaluated every 5 s, the interval of the sample catalogue, whatever a catalogue sets for its servers."""

PUSHED_FAMILIES = "pushed_families"
"""Parameter that the catalogue fills in: a regular expression for the series of services that push."""


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A recording rule as it is rendered.

    Parameters:
        record: name of the series.
        expr: plain PromQL.
        labels: labels that the rule adds.
    """

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert rule as it is rendered.

    Parameters:
        spec: the rule in its pack.
        domain: the pack's domain.
        expr: plain PromQL, with the override's selectors where there are any.
        for_: how long the condition must hold.
        annotations: texts and links.
        values: every parameter with the value that holds here, `for` among them.
        records: the recording rules that the expression needs.
        service: the service whose override this is; empty for the rule that holds for all others.
        evaluation_seconds: seconds between two evaluations in its unit tests.
    """

    spec: AlertSpec
    domain: str
    expr: str
    for_: str
    annotations: Mapping[str, str]
    values: Mapping[str, Value]
    records: tuple[RecordingRule, ...]
    service: str = ""
    evaluation_seconds: float = EVALUATION_SECONDS

    @property
    def alert(self) -> str:
        """Name of the alert."""
        return self.spec.alert

    @property
    def severity(self) -> str:
        """critical, high or medium."""
        return self.spec.severity

    @property
    def proof(self) -> Proof:
        """What shows that the rule works; filled in with `values` when it is used."""
        return self.spec.proof

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that the rule adds to its alerts; `team` comes with the series."""
        return {"severity": self.severity, "domain": self.domain}


def resolve(packs: Sequence[Pack], catalogue: Catalogue) -> tuple[Rule, ...]:
    """Every alert rule for a catalogue, in the packs' order; an override follows the rule that it differs from."""
    return tuple(rule for pack in packs for spec in pack.rules for rule in _rules_of(pack, spec, catalogue))


def parameter_values(spec: AlertSpec, *overrides: Mapping[str, Value | bool]) -> dict[str, Value]:
    """A rule's parameters by name, `for` among them; later overrides win."""
    values: dict[str, Value] = {"for": spec.for_, **{name: each.default for name, each in spec.parameters.items()}}
    for override in overrides:
        values.update({name: value for name, value in override.items() if name != "enabled"})
    return values


def service_pattern(services: Sequence[str]) -> str:
    """A regular expression for services and for the drills of each."""
    drills = f"({DRILL_NOTIFY_PREFIX}|{DRILL_PREFIX})?"
    return f"{drills}({'|'.join(services)})" if len(services) > 1 else f"{drills}{services[0]}"


def resolve_rule(
    pack: Pack,
    spec: AlertSpec,
    values: Mapping[str, Value],
    catalogue: Catalogue,
    matchers: str = "",
    service: str = "",
) -> Rule:
    """One rule with the given parameter values, its selectors narrowed by `matchers`."""
    expr = expand(fill(spec.expr, values)).strip()
    texts = {key: fill(getattr(spec, key), values).strip() for key in ("summary", "description", "action")}
    return Rule(
        spec=spec,
        domain=pack.domain,
        expr=add_matchers(expr, matchers) if matchers else expr,
        for_=str(values["for"]),
        annotations={**texts, **_links(pack, spec, catalogue)},
        values=values,
        records=tuple(
            RecordingRule(fill(each.record, values), expand(fill(each.expr, values)).strip()) for each in spec.records
        ),
        service=service,
    )


def _rules_of(pack: Pack, spec: AlertSpec, catalogue: Catalogue) -> Iterator[Rule]:
    for_all = {**_from_catalogue(spec, catalogue), **catalogue.alerts.get(spec.alert, {})}
    if for_all.get("enabled") is False:
        return
    own = {
        name: service.alerts[spec.alert] for name, service in catalogue.services.items() if spec.alert in service.alerts
    }
    others = f'service!~"{service_pattern(list(own))}"' if own else ""
    yield resolve_rule(pack, spec, parameter_values(spec, for_all), catalogue, others)
    for name, override in own.items():
        if override.get("enabled") is not False:
            values = parameter_values(spec, for_all, override)
            yield resolve_rule(pack, spec, values, catalogue, f'service=~"{service_pattern([name])}"', name)


def _from_catalogue(spec: AlertSpec, catalogue: Catalogue) -> dict[str, Value | bool]:
    """The parameters that no person sets, because the catalogue says them."""
    if PUSHED_FAMILIES not in spec.parameters:
        return {}
    return {PUSHED_FAMILIES: "|".join(pushed_series(catalogue))}


def pushed_series(catalogue: Catalogue) -> tuple[str, ...]:
    """Names of the series by which a service that pushes shows that it is there: one of each family that it emits."""
    domains = {domain for service in catalogue.services.values() if service.mode == "push" for domain in service.emits}
    names = (
        f"{family.name}_count" if family.type in (MetricType.HISTOGRAM, MetricType.SUMMARY) else family.name
        for family in catalogue.families.values()
        if family.domain in domains
    )
    return tuple(dict.fromkeys((UPTIME, *names)))


_VARIABLES = "var-environment={{ $labels.environment }}&var-service={{ $labels.service }}"


def _links(pack: Pack, spec: AlertSpec, catalogue: Catalogue) -> dict[str, str]:
    board = spec.dashboard or pack.dashboard
    grafana = catalogue.platform.grafana_url.rstrip("/")
    return {
        "runbook_url": catalogue.platform.runbook_url.replace("{alert}", spec.alert),
        "dashboard_url": f"{grafana}/d/{board}?{_VARIABLES}",
    }
