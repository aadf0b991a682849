"""`tapewatch simulate`."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from tapewatch.cli._common import environ_of, project_options

if TYPE_CHECKING:
    from tapewatch.catalogue import Catalogue
    from tapewatch.simulating.plan import Plan

_POSITIVE = click.FloatRange(min=0, max=1_000, min_open=True)


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
    help="OTLP or remote write receiver for services that push; may be given several times.",
)
@click.option(
    "--api-url",
    metavar="URL",
    default="",
    help="The real API (`tapewatch history serve`): its stand-in stays away, events and pushes go there.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another one gives another market.")
@click.option("--speed", type=_POSITIVE, default=1.0, show_default=True, help="Simulated seconds in a real one.")
@click.option("--rate", type=_POSITIVE, default=1.0, show_default=True, help="How many times as busy as at rest.")
@click.option(
    "--fault", "faults", metavar="NAME[=VALUE]", multiple=True, help="On from the start; `tapewatch fault` lists them."
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Log lines of the services that are written.",
)
def command(
    project: Path,
    use_env: bool,
    listen: str,
    services: tuple[str, ...],
    push_urls: tuple[str, ...],
    api_url: str,
    seed: int,
    speed: float,
    rate: float,
    faults: tuple[str, ...],
    log_level: str,
) -> None:
    """Run the sample trading platform in place of the catalogue's services, until Ctrl-C or SIGTERM.

    Each service is a process. Those with an address listen on its port and answer /metrics, with every family that they
    emit, /health and /ready; those that push do so to --push-url. At rest no alert of the built-in packs has reason to
    fire; a fault gives it one. Their log lines go to standard output, everything else to standard error.

    \b
    Examples:
      tapewatch simulate
      tapewatch simulate --service market-data --service risk-manager
      tapewatch simulate --fault kill-switch --fault service-down=live-trading
      tapewatch simulate --push-url http://prometheus:9090/api/v1/otlp
      tapewatch simulate --push-url http://prometheus:9090/api/v1/write
    """
    from tapewatch.catalogue import load
    from tapewatch.simulating.audit import HISTORY, signed
    from tapewatch.simulating.control import control_path
    from tapewatch.simulating.planning import planned

    # Blocked until the program that is to come can take them.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    loaded = load(project / "catalogue.yaml", environ_of(use_env))
    on = _faults(faults)
    _check(loaded.catalogue, services, push_urls, api_url, on)
    if api_url:
        services = tuple(name for name in services or loaded.catalogue.services if name != HISTORY)
        push_urls = tuple(dict.fromkeys((*push_urls, signed(api_url))))
    _become(
        planned(
            loaded, services, listen, push_urls=push_urls, seed=seed, speed=speed, rate=rate, faults=on,
            level=log_level, control=str(control_path(project)), api=api_url,
        )
    )  # fmt: skip


def _become(plan: Plan) -> NoReturn:
    """Go on as another program in the same process, which has not loaded what was needed for the plan."""
    with tempfile.TemporaryFile("w", encoding="utf-8") as file:
        file.write(plan.dumps())
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        os.set_inheritable(file.fileno(), True)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-P", "-m", "tapewatch.simulating", str(file.fileno())])  # noqa: S606


def _faults(texts: tuple[str, ...]) -> dict[str, str]:
    from tapewatch.simulating.faults import parse

    try:
        return parse(texts)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _check(
    catalogue: Catalogue, services: tuple[str, ...], push_urls: tuple[str, ...], api_url: str, faults: dict[str, str]
) -> None:
    from tapewatch.schema import nearest
    from tapewatch.simulating.faults import FAULTS
    from tapewatch.simulating.push import is_url

    of_faults = [value for name, value in faults.items() if FAULTS[name].value == "SERVICE"]
    for name in (*services, *of_faults):
        if name not in catalogue.services:
            near = nearest(name, catalogue.services)
            raise click.UsageError(f"no service is called {name}" + (f"; did you mean {near}?" if near else ""))
    for url in push_urls:
        if not is_url(url):
            raise click.UsageError(f"--push-url {url} is no http:// or https:// URL")
    if api_url and not is_url(api_url):
        raise click.UsageError(f"--api-url {api_url} is no http:// or https:// URL")
