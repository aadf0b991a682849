"""`tapewatch panels`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import code_of, counted, end, format_option, open_here, print_problems, project_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapewatch.catalogue import Catalogue
    from tapewatch.viewing import Sources
    from tapewatch.viewing.proof import Proof


@click.command("panels")
@click.argument("dashboards", metavar="[UID]...", nargs=-1)
@project_options
@click.option("--prometheus", metavar="URL", help="By default the one of the stack on this machine.")
@click.option("--loki", metavar="URL", help="Likewise.")
@click.option("--jaeger", metavar="URL", help="Likewise.")
@click.option("--since", metavar="DURATION", default="15m", show_default=True, help="How far panels look back.")
@format_option()
def command(
    dashboards: tuple[str, ...],
    project: Path,
    use_env: bool,
    prometheus: str | None,
    loki: str | None,
    jaeger: str | None,
    since: str,
    output: str,
) -> None:
    """Ask every query of every panel, and say which panels show nothing.

    Variables are filled in as Grafana does, once for each service where a dashboard shows one service. A panel may be
    empty only where it has a text for that case. Exit code 1 when a panel is empty or a query is refused, 2 when a
    data source does not answer.

    \b
    Examples:
      tapewatch panels
      tapewatch panels execution risk --since 1h
      tapewatch panels --prometheus http://localhost:9090 --loki "" --jaeger ""
    """
    from tapewatch.viewing import since_now, view
    from tapewatch.viewing.pick import picked
    from tapewatch.viewing.proof import prove

    opened = open_here(project, use_env)
    boards = picked(opened.dashboards, dashboards)
    sources = _sources(opened.catalogue, prometheus, loki, jaeger)
    sources.reach()
    try:
        moment = since_now(since, opened.catalogue.defaults.scrape.interval)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 15m or 1h", param_hint="--since") from error
    began = time.monotonic()
    proofs = prove(view(boards, sources, moment, every_choice=True))
    problems = [problem for proof in proofs for problem in proof.problems()]
    if output == "text":
        _tell(proofs, time.monotonic() - began)
    print_problems(problems, output, sys.stdout)
    if problems:
        sys.exit(code_of(problems))
    end(opened)


def _sources(catalogue: Catalogue, *given: str | None) -> Sources:
    from tapewatch.viewing import Sources

    ports = catalogue.stack.ports
    here = (ports.prometheus, ports.loki, ports.jaeger)
    urls = (f"http://127.0.0.1:{port}" if url is None else url for url, port in zip(given, here, strict=True))
    return Sources(*urls)


def _tell(proofs: Sequence[Proof], seconds: float) -> None:
    for proof in proofs:
        red = sum(verdict.red for verdict in proof.verdicts)
        silent = sum(not verdict.red and verdict.view.state != "data" for verdict in proof.verdicts)
        words = [counted(len(proof.verdicts), "panel"), counted(proof.queries, "query").replace("querys", "queries")]
        words += [f"{silent} with nothing to show"] if silent else []
        words += [f"{red} RED"] if red else []
        click.echo(f"{proof.title:24} {', '.join(words)}; slowest {proof.seconds * 1000:.0f} ms")
    queries = sum(proof.queries for proof in proofs)
    click.echo(f"{counted(len(proofs), 'dashboard')}, {queries} queries in {seconds:.1f} s")
