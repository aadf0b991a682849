"""`tapewatch drill`."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import FINDINGS, counted, open_here, project_options
from tapewatch.cli._others import WithOthers

if TYPE_CHECKING:
    from tapewatch.drilling.ears import CountingEar, WebhookEar
    from tapewatch.drilling.play import Watched
    from tapewatch.drilling.scenario import Scenario
    from tapewatch.drilling.steps import Outcome
    from tapewatch.drilling.venue import Venue
    from tapewatch.project import Project
    from tapewatch.rules.resolve import Rule


class _Drill(WithOthers):
    package, others = "tapewatch.cli._drill", ("disaster",)


@click.command("drill", cls=_Drill)
@project_options
@click.argument("alerts", nargs=-1, metavar="[ALERT]...")
@click.option("--all", "every", is_flag=True, help="Every alert rule, all at once; not those of SLOs, which take days.")
@click.option("--service", help="Only the rule that the catalogue overrides for this service.")
@click.option("--notify", is_flag=True, help="Let the real receivers be told, not the drill's own.")
@click.option(
    "--time-scale",
    type=click.FloatRange(min=1, max=1000),
    metavar="N",
    help="Not the running stack: a throw-away copy of rules and routes in which time passes N times as fast.",
)
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit report to this file too.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    project: Path,
    use_env: bool,
    alerts: tuple[str, ...],
    every: bool,
    service: str | None,
    notify: bool,
    time_scale: float | None,
    junit: Path | None,
    output: str,
) -> None:
    """See alerts fire, arrive and resolve in the running stack.

    Plays the proof of each alert through targets that Prometheus really scrapes (or through real pushes), under a
    service name that begins with "drill-", and reports when the alert was scraped, pending, firing, at Alertmanager,
    delivered and resolved. Nobody is paged unless --notify is given.

    \b
    Examples:
      tapewatch drill KillSwitchActivated
      tapewatch drill --all --time-scale 20
      tapewatch drill OrderRejectionRateHigh --service execution-engine
    """
    from tapewatch.drilling.report import as_data, as_junit

    if notify and time_scale:
        raise click.UsageError("--notify is for the running stack; a copy with --time-scale tells nobody")
    if junit and not junit.absolute().parent.is_dir():
        raise click.UsageError(f"there is no folder {junit.parent} for the JUnit report")
    for ended in (signal.SIGINT, signal.SIGTERM):  # either way it clears up
        signal.signal(ended, lambda number, frame: sys.exit(128 + number))
    opened = open_here(project, use_env)
    rules = _chosen(opened, alerts, every, service)
    say = click.echo if output == "text" else lambda *_, **__: None
    drill = _in_copy if time_scale else _in_stack
    outcomes = drill(opened, {(rule.alert, rule.service) for rule in rules}, time_scale or 1.0, notify, say)
    if junit:
        junit.write_text(as_junit(outcomes), encoding="utf-8")
    if output == "json":
        click.echo(json.dumps(as_data(outcomes), indent=2))
    else:
        _conclude(outcomes)
    sys.exit(0 if all(outcome.passed for outcome in outcomes) else FINDINGS)


def _chosen(project: Project, alerts: Sequence[str], every: bool, service: str | None) -> list[Rule]:
    from tapewatch.rules.slo import SloRule
    from tapewatch.schema import nearest

    if every == bool(alerts):
        raise click.UsageError("name the alerts to drill, or give --all")
    rules = [rule for rule in project.rules if not isinstance(rule, SloRule)]
    known = {rule.alert for rule in rules}
    for alert in alerts:
        if alert not in known:
            near = nearest(alert, known)
            raise click.UsageError(
                f"no alert that can be drilled is called {alert}" + (f"; did you mean {near}?" if near else "")
            )
    chosen = [rule for rule in rules if (every or rule.alert in alerts) and service in (None, rule.service)]
    if not chosen:
        raise click.UsageError(f"the catalogue overrides none of these alerts for {service}")
    return chosen


Wanted = set[tuple[str, str]]
"""Alert and service of the rules that are drilled."""


def _in_stack(
    project: Project, wanted: Wanted, _factor: float, notify: bool, say: Callable[[str], None]
) -> list[Outcome]:
    from tapewatch.drilling.ears import CountingEar, WebhookEar
    from tapewatch.drilling.scenario import scenarios
    from tapewatch.drilling.venue import clear_leftovers, running_venue

    venue = running_venue(project)
    clear_leftovers(venue)
    played = scenarios(_of(project, wanted), project.catalogue, notify=notify)
    if notify:
        say("the real receivers are told")
        return _play(played, venue, project, CountingEar(venue.alertmanager, venue.cluster), say)
    with WebhookEar((venue.listen, venue.port)) as ear:
        return _play(played, venue, project, ear, say)


def _in_copy(
    project: Project, wanted: Wanted, factor: float, _notify: bool, say: Callable[[str], None]
) -> list[Outcome]:
    from tapewatch.drilling.ears import WebhookEar
    from tapewatch.drilling.scale import AT_LEAST, SCRAPE, Scale, scaled
    from tapewatch.drilling.scenario import scenarios
    from tapewatch.drilling.throwaway import throwaway

    scale = Scale(factor)
    copy = scaled(project, factor)
    say(
        f"not the running stack: a throw-away copy of rules and routes, every range, `for` and timer divided by "
        f"{factor:g} (never below {AT_LEAST * SCRAPE:g} s), scraped every {SCRAPE:g} s"
    )
    played = scenarios(_of(copy, wanted), copy.catalogue, pace=scale.pace)
    with (
        tempfile.TemporaryDirectory(prefix="tapewatch-drill-") as folder,
        throwaway(copy, scale, Path(folder)) as venue,
        WebhookEar((venue.listen, venue.port)) as ear,
    ):
        return _play(played, venue, copy, ear, say)


def _of(project: Project, wanted: Wanted) -> list[Rule]:
    return [rule for rule in project.rules if (rule.alert, rule.service) in wanted]


def _play(
    played: Sequence[Scenario],
    venue: Venue,
    project: Project,
    ear: WebhookEar | CountingEar,
    say: Callable[[str], None],
) -> list[Outcome]:
    from tapewatch.drilling.play import play, waves

    outcomes: list[Outcome] = []
    for wave in waves(played):
        longest = max(scenario.duration for scenario in wave)
        say(f"{counted(len(wave), 'drill')}; the longest takes {longest:.0f} s and what receivers wait for")
        with _watching(say) as watched:
            outcomes += play(wave, venue, project.catalogue, ear, name=str(os.getpid()), watched=watched)
    return outcomes


@contextmanager
def _watching(say: Callable[[str], None]) -> Iterator[Watched]:
    """Shows how the drills stand: a table that changes on a terminal, a line a step elsewhere."""
    if say is not click.echo:
        yield lambda outcomes, elapsed: None
    elif not sys.stdout.isatty():
        yield _lines(say)
    else:
        from rich.console import Console
        from rich.live import Live

        from tapewatch.drilling.report import as_table

        with Live(console=Console(), transient=True, refresh_per_second=4) as live:
            yield lambda outcomes, elapsed: live.update(as_table(outcomes))


def _lines(say: Callable[[str], None]) -> Watched:
    told: set[tuple[str, str]] = set()

    def watched(outcomes: Sequence[Outcome], elapsed: float) -> None:
        from tapewatch.drilling.steps import Step

        for outcome in outcomes:
            for step in Step:
                at = outcome.at(step)
                if at is not None and (outcome.title, step) not in told:
                    told.add((outcome.title, step))
                    say(f"{at:7.1f} s  {outcome.title}: {step}")

    return watched


def _conclude(outcomes: Sequence[Outcome]) -> None:
    from rich.console import Console

    from tapewatch.drilling.report import as_table

    Console().print(as_table(outcomes))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        click.echo(f"{outcome.title}: {outcome.failure}")
    click.echo(f"{len(outcomes) - len(failed)} of {counted(len(outcomes), 'drill')} fired, arrived and resolved")
