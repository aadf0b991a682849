"""`tapewatch kill-switch`."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click

from tapewatch.cli._common import environ_of, project_options
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

FAMILY = "risk_kill_switch_active"
"""Whoever measures this has the switch."""

TIMEOUT = 5.0
"""Seconds that the answer may take."""


@click.command("kill-switch")
@click.argument("state", type=click.Choice(["on", "off", "status"]))
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the event.")
@click.option("--url", default="", metavar="URL", help="Base URL of the risk manager, by default on this machine.")
@project_options
def command(state: str, reason: str, url: str, project: Path, use_env: bool) -> None:
    """Stop all trading at once, let it go on, or look which of the two holds.

    The token is taken from TAPEWATCH_KILL_SWITCH_TOKEN, or from the file that TAPEWATCH_KILL_SWITCH_TOKEN_FILE names.

    \b
    Examples:
      tapewatch kill-switch on --reason "runaway strategy"
      tapewatch kill-switch off --url http://risk-manager:9093
      docker compose exec platform tapewatch kill-switch on
    """
    from tapewatch.simulating.tokens import kill_switch_token

    base = url.rstrip("/") or _url(project, use_env)
    body = None if state == "status" else json.dumps({"active": state == "on", "reason": reason}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {kill_switch_token()}"}
    request = urllib.request.Request(f"{base}/kill-switch", body, headers)  # noqa: S310 -- checked in _asked
    answer = _asked(base, request)
    why = f": {answer['reason']}" if answer.get("reason") else ""
    click.echo(f"the kill switch is {'on' if answer.get('active') else 'off'}{why}")


def _url(project: Path, use_env: bool) -> str:
    """The service of the catalogue that has the switch, as `tapewatch simulate` runs it here."""
    from tapewatch.catalogue import load
    from tapewatch.simulating.planning import url_of

    catalogue = load(project / "catalogue.yaml", environ_of(use_env)).catalogue
    family = catalogue.families.get(FAMILY)
    services = [
        service
        for service in catalogue.services.values()
        if family and family.domain in service.emits and service.targets
    ]
    if not services:
        raise click.UsageError(f"no service of the catalogue measures {FAMILY}; give its --url")
    return url_of(services[0])


def _asked(base: str, request: urllib.request.Request) -> dict[str, Any]:
    if not base.startswith(("http://", "https://")):
        raise click.UsageError(f"--url {base} is no http:// or https:// URL")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        text = error.read(500).decode(errors="replace").strip()
        raise ToolError([_refused(base, text)]) from error
    except (OSError, ValueError) as error:
        raise ToolError([_silent(base, str(getattr(error, "reason", error)))]) from error


def _refused(base: str, text: str) -> Problem:
    return Problem(
        "kill-switch/refused",
        f"{base} refuses the kill switch: {text}",
        "both sides have the same token",
        "set TAPEWATCH_KILL_SWITCH_TOKEN or TAPEWATCH_KILL_SWITCH_TOKEN_FILE here and where the risk manager runs",
        Place(path=base),
    )


def _silent(base: str, text: str) -> Problem:
    return Problem(
        "kill-switch/silent",
        f"{base} does not answer: {text}",
        "the risk manager is reached at this address",
        "give its --url; inside of compose: `docker compose exec platform tapewatch kill-switch on`",
        Place(path=base),
    )
