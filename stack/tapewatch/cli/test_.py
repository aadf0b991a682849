"""`tapewatch test`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import code_of, counted, format_option, open_here, print_problems, project_options
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Problem

if TYPE_CHECKING:
    from tapewatch.project import Project
    from tapewatch.proving.promtool import Promtool
    from tapewatch.rules.resolve import Rule


@click.command("test")
@project_options
@click.option("--mutate", is_flag=True, help="Damage every rule in every way we know; each proof must notice.")
@click.option("--alert", "alerts", multiple=True, help="Only the rules of this alert; may be given several times.")
@click.option("--jobs", type=click.IntRange(min=1), help="Runs of promtool at a time; by default one for each core.")
@click.option("--strict", is_flag=True, help="Fail, not skip, when Alertmanager's tools are not installed.")
@format_option()
def command(
    project: Path, use_env: bool, mutate: bool, alerts: tuple[str, ...], jobs: int | None, strict: bool, output: str
) -> None:
    """Prove the generated files with the servers' own tools.

    promtool checks Prometheus's configuration and plays the unit tests that come from the proofs of the rules; amtool
    follows Alertmanager's routes; a throw-away Alertmanager shows what is inhibited. With --mutate each rule is damaged
    in every way we know, and a damage that no proof notices is a finding.

    \b
    Examples:
      tapewatch test
      tapewatch test --mutate
      tapewatch test --mutate --alert RiskLimitBreached
    """
    from tapewatch.proving.files import prove_files, stale_files
    from tapewatch.proving.promtool import Promtool

    opened = open_here(project, use_env)
    rules = _chosen(opened, alerts)
    say = click.echo if output == "text" else lambda *_, **__: None
    promtool = Promtool.find()
    with ThreadPoolExecutor(1) as beside, _timed(say) as told:
        # promtool works in processes of its own; what Python itself has to do is done meanwhile.
        proof = beside.submit(prove_files, opened, project, promtool, jobs, set(alerts))
        problems: list[Problem] = [*opened.check(), *stale_files(opened, project)]
        problems += _routing(opened, project, say, strict)
        report = proof.result()
        told(f"{report.cases} unit tests of {counted(len(rules), 'rule')}")
    problems += report.problems
    if mutate:
        problems += _mutation(opened, rules, promtool, jobs, say)
    print_problems(problems, output, sys.stdout)
    if not problems:
        say("everything holds")
    sys.exit(code_of(problems))


def _chosen(project: Project, alerts: Sequence[str]) -> Sequence[Rule]:
    """The rules of the alerts that were asked for, or all."""
    from tapewatch.schema import nearest

    known = {rule.alert for rule in project.rules}
    for alert in alerts:
        if alert not in known:
            near = nearest(alert, known)
            raise click.UsageError(f"no alert is called {alert}" + (f"; did you mean {near}?" if near else ""))
    return [rule for rule in project.rules if not alerts or rule.alert in alerts]


def _routing(project: Project, root: Path, say: Callable[[str], None], strict: bool) -> list[Problem]:
    from tapewatch import layout
    from tapewatch.proving.routing import prove_routing

    try:
        with _timed(say) as told:
            report = prove_routing(project.catalogue, project.rules, root / layout.ALERTMANAGER / "alertmanager.yml")
            told(f"{report.routes} routes, {report.inhibitions} pairs of alerts held against the inhibition rules")
    except ToolError as error:
        if strict:
            raise
        say(f"SKIPPED Alertmanager's routes and inhibition: {error.problems[0].summary}")
        return []
    return list(report.problems)


def _mutation(
    project: Project, rules: Sequence[Rule], promtool: Promtool, jobs: int | None, say: Callable[[str], None]
) -> list[Problem]:
    from tapewatch.proving.mutation import run_mutation
    from tapewatch.proving.proofs import locator

    with _progress("mutants") as progress:
        report = run_mutation(rules, promtool, jobs, progress)
    say(report.to_text(80).rstrip())
    return list(report.problems(locator(project.packs)))


@contextmanager
def _timed(say: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
    start = time.monotonic()
    yield lambda text: say(f"{text}: {time.monotonic() - start:.1f} s")


@contextmanager
def _progress(noun: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on a terminal; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(noun), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(noun, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
