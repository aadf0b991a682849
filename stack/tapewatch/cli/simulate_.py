"""`tapewatch simulate`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import environ_of, project_options

if TYPE_CHECKING:
    from tapewatch.catalogue import Catalogue


@click.command("simulate")
@project_options
@click.option("--listen", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--service", "services", metavar="NAME", multiple=True, help="Only this one; may be given several times.")
@click.option(
    "--push-url",
    "push_urls",
    metavar="URL",
    multiple=True,
    default=["http://127.0.0.1:9090/api/v1/otlp"],
    show_default=True,
    help="OTLP receiver for services that push; may be given several times.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another one gives other values.")
def command(
    project: Path, use_env: bool, listen: str, services: tuple[str, ...], push_urls: tuple[str, ...], seed: int
) -> None:
    """Stand in for the services of the catalogue, at rest, until Ctrl-C or SIGTERM.

    Each service with an address listens on its port and answers /metrics, with every family that it emits, /health and
    /ready; those that push are pushed by OTLP. No alert of the built-in packs has a reason to fire.

    \b
    Examples:
      tapewatch simulate
      tapewatch simulate --service market-data --service risk-manager
      tapewatch simulate --push-url http://prometheus:9090/api/v1/otlp
    """
    from tapewatch.catalogue import load
    from tapewatch.simulating.platform import running

    ends = (signal.SIGTERM, signal.SIGINT)
    # Blocked in every thread to come: they wait for the one call that takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    loaded = load(project / "catalogue.yaml", environ_of(use_env))
    _check(loaded.catalogue, services, push_urls)
    with running(loaded, listen, push_urls, services, seed, click.echo):
        signal.sigwait(ends)


def _check(catalogue: Catalogue, services: tuple[str, ...], push_urls: tuple[str, ...]) -> None:
    from tapewatch.schema import nearest

    for name in services:
        if name not in catalogue.services:
            near = nearest(name, catalogue.services)
            raise click.UsageError(f"no service is called {name}" + (f"; did you mean {near}?" if near else ""))
    for url in push_urls:
        if not url.startswith(("http://", "https://")):
            raise click.UsageError(f"--push-url {url} is no http:// or https:// URL")
