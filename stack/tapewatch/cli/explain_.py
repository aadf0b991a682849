"""`tapewatch explain`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import end, open_here, project_options
from tapewatch.rules.parameters import fill
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

if TYPE_CHECKING:
    from tapewatch.project import Project
    from tapewatch.rules.resolve import Rule


@click.command("explain")
@click.argument("name")
@project_options
def command(name: str, project: Path, use_env: bool) -> None:
    """Say what an alert, a service or a metric is.

    Who emits it, who uses it, who is paged.

    \b
    Examples:
      tapewatch explain KillSwitchActivated
      tapewatch explain risk-manager
      tapewatch explain execution_orders_rejected_total
    """
    opened = open_here(project, use_env)
    lines = list(_lines(name, opened))
    if not lines:
        raise ProblemsError([*opened.plugins.problems, _unknown(name, opened)])
    click.echo("\n".join(lines))
    end(opened)


def _lines(name: str, project: Project) -> Iterator[str]:
    if name in project.catalogue.services:
        yield from _service(name, project)
    elif name in project.catalogue.families:
        yield from _metric(name, project)
    elif any(rule.alert == name for rule in project.rules):
        yield from _alert(name, project)


def _alert(name: str, project: Project) -> Iterator[str]:
    rules = [rule for rule in project.rules if rule.alert == name]
    spec = rules[0].spec
    severities = list(dict.fromkeys(rule.severity for rule in rules))
    yield f"alert {name}, {' or '.join(severities)}, domain {rules[0].domain}"
    for text in ("summary", "description", "action"):
        yield f"  {_readable(rules[0].annotations[text])}"
    for rule in rules:
        yield from _rule(rule)
    yield from _evaluated(rules, project)
    for severity in severities:
        yield f"who is told when it is {severity}, by team:"
        yield from _told(severity, rules[0].domain, project)
    yield f"proof: {len(spec.proof.cases)} cases"
    yield from (f"  - {case.name}" for case in spec.proof.cases)
    yield f"runbook: {rules[0].annotations['runbook_url']}"


def _rule(rule: Rule) -> Iterator[str]:
    """A rule as its pack has it: with macros, which the generated file spells out."""
    yield f"rule{f' for {rule.service}' if rule.service else ''}, must hold for {rule.for_}:"
    yield from (f"  {line}" for line in fill(rule.spec.expr, rule.values).strip().splitlines())
    for parameter, each in rule.spec.parameters.items():
        yield f"  {parameter} = {rule.values[parameter]} ({each.unit}): {each.help}"
    for record in rule.spec.records:
        yield f"  records {fill(record.record, rule.values)}: {record.help}"
        yield from (f"    {line}" for line in fill(record.expr, rule.values).strip().splitlines())


def _evaluated(rules: list[Rule], project: Project) -> Iterator[str]:
    """Where it is evaluated, if there are shards."""
    if project.catalogue.stack.shard_count == 1:
        return
    from tapewatch.sharding.placing import placement

    reason = next(filter(None, map(placement(project.request).of_alert, rules)), "")
    where = f"by the long-term engine: {reason}" if reason else "on the shard of each service"
    yield f"evaluated {where}"


def _readable(text: str) -> str:
    """A text with its templates as words: `{{ $labels.service }}` -> `<service>`, `{{ $value | ... }}` -> `<value>`."""
    text = re.sub(r"\{\{-?\s*\$labels\.(\w+)\s*-?\}\}", r"<\1>", text)
    return re.sub(r"\{\{-?\s*\$value\b[^}]*\}\}", "<value>", text)


def _told(severity: str, domain: str, project: Project) -> Iterator[str]:
    """The receiver of each team that owns a service of the domain; of a domain that nobody emits, of every team."""
    routing, services = project.catalogue.routing, project.catalogue.services
    emitters = project.catalogue.emitters(domain) or tuple(services)
    for team in sorted({services[name].team for name in emitters}):
        own: Mapping[str, str] = {str(key): name for key, name in routing.teams.get(team, {}).items()}
        yield f"  {team}: {own.get(severity, routing.by_severity[severity].receiver)}"


def _service(name: str, project: Project) -> Iterator[str]:
    service = project.catalogue.services[name]
    yield f"service {name}, team {service.team}, tier {service.tier}"
    if service.description:
        yield f"  {service.description}"
    yield f"metrics: {'pushed' if service.mode == 'push' else ', '.join(service.targets) or 'discovered'}"
    yield from _shards(name, project)
    count = sum(family.domain in service.emits for family in project.catalogue.families.values())
    yield f"emits: {', '.join(service.emits)} ({count} metric families)"
    if service.depends_on:
        yield f"depends on: {', '.join(service.depends_on)}"
    users = [other for other, each in project.catalogue.services.items() if name in each.depends_on]
    if users:
        yield f"needed by: {', '.join(users)}"
    yield "alerts that watch it:"
    for rule in project.rules:
        if rule.domain in (*service.emits, "platform") and rule.service in ("", name):
            own = " (its own parameters)" if rule.service else ""
            yield f"  {rule.alert}, {rule.severity}{own}"


def _shards(name: str, project: Project) -> Iterator[str]:
    """Which shard scrapes it, or takes its pushes."""
    stack = project.catalogue.stack
    if stack.shard_count == 1:
        return
    from tapewatch.renderers.members import members
    from tapewatch.sharding.hashing import shards_of

    shards = shards_of(name, stack)
    servers = [f"prometheus{each.suffix}" for each in members(stack, "prometheus") if each.shard in shards]
    moving = " (it moves from the first to the second)" if len(shards) > 1 else ""
    yield f"shard: {' and '.join(map(str, shards))}{moving}, {', '.join(servers)}"


def _metric(name: str, project: Project) -> Iterator[str]:
    from tapewatch.usage import uses_by_family

    family = project.catalogue.families[name]
    yield f"metric {name}, {family.type}{f', in {family.unit}' if family.unit else ''}"
    if family.help:
        yield f"  {family.help}"
    yield f"domain: {family.domain}"
    if family.labels:
        yield f"labels: {', '.join(family.labels)}"
    if family.buckets:
        yield f"buckets: {', '.join(f'{bound:g}' for bound in family.buckets)}"
    yield f"emitted by: {', '.join(project.catalogue.emitters(family.domain)) or 'no service'}"
    uses = uses_by_family(project.catalogue, project.rules, project.dashboards)[name]
    yield "used by:" if uses else "used by: nothing"
    yield from (f"  {use.kind} {use.name}" for use in uses)


def _unknown(name: str, project: Project) -> Problem:
    from tapewatch.schema import nearest

    known = [*project.catalogue.services, *project.catalogue.families, *{rule.alert for rule in project.rules}]
    near = nearest(name, known)
    return Problem(
        code="explain/unknown",
        summary=f"nothing is called `{name}`" + (f"; did you mean `{near}`?" if near else ""),
        must="the name of an alert, a service or a metric family",
        fix=f"tapewatch explain {near}" if near else "see `tapewatch list alerts`, `list services`, `list metrics`",
    )
