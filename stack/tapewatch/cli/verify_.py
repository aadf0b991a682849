"""`tapewatch verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import (
    CANNOT_RUN,
    code_of,
    environ_of,
    format_option,
    print_problems,
    project_options,
)

if TYPE_CHECKING:
    from tapewatch.catalogue import Catalogue
    from tapewatch.verifying.platform import Verification


@click.command("verify")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@project_options
@click.option("--url", metavar="URL", help="Look at the one SERVICE here, not at its addresses.")
@click.option("--host", metavar="HOST", help="Look for all addresses on this host, each at its own port.")
@click.option(
    "--prometheus",
    metavar="URL",
    help="Prometheus, for services that push or are discovered; by default the one of the stack on this machine.",
)
@click.option("--again", metavar="SECONDS", type=click.FloatRange(min=1), help="Look twice, this long apart.")
@click.option(
    "--secrets",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the files that the catalogue names for TLS and credentials; by default where it says.",
)
@format_option()
def command(
    services: tuple[str, ...],
    project: Path,
    use_env: bool,
    url: str | None,
    host: str | None,
    prometheus: str | None,
    again: float | None,
    secrets: Path | None,
    output: str,
) -> None:
    """Hold running services against the catalogue.

    Each service is scraped as Prometheus would, and its answer held against what it is declared to emit: families,
    types, labels, buckets, budgets, values, and the format itself. Those that push are looked at through Prometheus.
    Exit code 1 when a service breaks its contract or does not answer, 2 when one could not be looked at.

    \b
    Examples:
      tapewatch verify
      tapewatch verify market-data --url http://localhost:9091/metrics
      tapewatch verify --host 127.0.0.1 --again 5
    """
    from tapewatch.catalogue import load
    from tapewatch.verifying.platform import Where, verify

    loaded = load(project / "catalogue.yaml", environ_of(use_env))
    _check(loaded.catalogue, services, url, host, prometheus)
    where = Where(
        prometheus=prometheus or f"http://127.0.0.1:{loaded.catalogue.stack.ports.prometheus}",
        url=url or "",
        host=host or "",
        secrets=secrets,
    )
    verification = verify(loaded, where, services, again or 0.0)
    if output == "text":
        _tell(verification)
    print_problems(verification.problems, output, sys.stdout)
    sys.exit(CANNOT_RUN if verification.hindrances else code_of(verification.problems))


def _check(
    catalogue: Catalogue, services: tuple[str, ...], url: str | None, host: str | None, prometheus: str | None
) -> None:
    from tapewatch.schema import nearest

    for name in services:
        if name not in catalogue.services:
            near = nearest(name, catalogue.services)
            raise click.UsageError(f"no service is called {name}" + (f"; did you mean {near}?" if near else ""))
    for option, value in (("--url", url), ("--prometheus", prometheus)):
        if value is not None and not value.startswith(("http://", "https://")):
            raise click.UsageError(f"{option} {value} is no http:// or https:// URL")
    if url is None:
        return
    if host is not None:
        raise click.UsageError("--url and --host both say where to look; give one of them")
    if len(set(services)) != 1:
        raise click.UsageError("--url is the URL of one service; name that service")
    if catalogue.services[services[0]].mode == "push":
        raise click.UsageError(f"{services[0]} pushes and has no URL; it is looked at through --prometheus")


def _tell(verification: Verification) -> None:
    """A line for each service at each URL; what is wrong comes after that."""
    width = max((len(each.service) for each in verification.checked), default=0)
    for each in verification.checked:
        state = f"{len(each.problems)} wrong" if each.problems else "ok"
        seen = f"{each.families} of {each.declared} families, {each.series:,} series"
        click.echo(f"{each.service:{width}}  {state:<8}  {seen}  {each.url}")
    click.echo("" if verification.problems else "every service is as the catalogue says")
