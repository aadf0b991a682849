"""A pack of alert rules as it stands in YAML: each rule with its parameters, records, proof and texts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tapewatch.schema.types import AlertName, Duration, LabelName, Model, Name

__all__ = ["AlertSpec", "Case", "Coverage", "Equivalent", "Firing", "Pack", "Parameter", "Proof", "Record"]

Number = float | int
Coverage = Literal["first-increment", "reset", "no-traffic", "two-services", "boundary", "long-running", "outage"]


class Parameter(Model):
    """A number of a rule that the catalogue may override, for the whole stack or for one service."""

    default: Number | str
    """A number, or a duration such as `5m`."""
    unit: str = Field(min_length=1)
    """What it is measured in: `duration`, `ratio`, `orders`, `microseconds`, ..."""
    help: str = Field(min_length=1)


class Record(Model):
    """A recording rule that a rule and the panels share; its name and expression may use the rule's parameters."""

    record: str
    expr: str
    help: str = Field(min_length=1)
    unit: str = ""


class Firing(Model):
    """One alert that a case must bring up.

    Times are seconds or durations from the start of the case, and must be multiples of the evaluation interval (5 s).
    """

    target: str | None = None
    """The target whose environment, service and team the alert carries; by default the case's first."""
    at: str | Number
    """The first evaluation at which the alert fires."""
    until: str | Number | None = None
    """The first evaluation at which it no longer fires; without it the alert fires to the end of the case."""
    labels: dict[LabelName, str] = {}
    """Labels that the alert has beside alertname, severity, domain, environment, service and team."""
    says: dict[Literal["summary", "description", "action"], str] = {}
    """The texts that a person reads, with values filled in."""


class Case(Model):
    """One story: what the targets expose, sample by sample, and what must come of it."""

    name: str = Field(min_length=1)
    covers: tuple[Coverage, ...] = ()
    interval: Duration = "5s"
    """Time between two samples: the scrape interval, or the push interval of a service that pushes."""
    targets: dict[str, dict[str, str]] = Field(min_length=1)
    """By target (`service` or `service@instance`): values of each series in promtool's notation. `up` is added as 1
    for every target that does not give it, unless the case is `pushed`; what a pushed case exposes is all there is."""
    evaluation: Duration | None = None
    """Time between two evaluations, when 5 s would make a case of hours slow; its times must be multiples of it."""
    pushed: bool = False
    drill: bool = False
    """Whether drills play this case; in a proof that marks none they play the first one that fires."""
    fires: tuple[Firing, ...] = ()
    """Empty: the case is a near miss, in which nothing may fire at any time."""


class Equivalent(Model):
    """A mutant that no input can tell from the rule, marked by hand."""

    mutant: str
    """Its identifier, as `tapewatch test --mutate` prints it."""
    reason: str = Field(min_length=20)


class Proof(Model):
    """What shows that a rule fires when it must and is silent when it must be."""

    cases: tuple[Case, ...] = Field(min_length=2)
    equivalent: tuple[Equivalent, ...] = ()


class AlertSpec(Model):
    """One alert rule, whole."""

    alert: AlertName
    severity: Literal["critical", "high", "medium"]
    for_: Duration = Field(alias="for")
    """How long the condition must hold; the catalogue may override it like a parameter."""
    parameters: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], Parameter] = {}
    records: tuple[Record, ...] = ()
    expr: str
    summary: str
    """One line with the service in it."""
    description: str
    """What was measured and what the limit is."""
    action: str
    """What the person who is paged does first."""
    dashboard: Name | None = None
    """Dashboard on which the condition is seen; by default the pack's."""
    proof: Proof


class Pack(Model):
    """The alert rules of one domain."""

    schema_: Literal["tapewatch.rules/v1"] = Field(alias="schema")
    domain: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    dashboard: Name
    """Dashboard (its UID) on which the conditions of these rules are seen."""
    rules: tuple[AlertSpec, ...] = Field(min_length=1)
