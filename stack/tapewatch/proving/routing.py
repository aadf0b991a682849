"""Proves the rendered Alertmanager configuration: who is told of an alert, and which alerts silence which.

What is expected is worked out from the catalogue and the rules, never from the file that is proven. amtool walks the
routes; a real Alertmanager, thrown away afterwards and unable to notify anybody, says which alerts it inhibits.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tapewatch import servers
from tapewatch.catalogue import Catalogue
from tapewatch.proving._inhibition import prove_inhibition
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.names import (
    DRILL_NOTIFY_PREFIX,
    DRILL_PREFIX,
    DRILL_RECEIVER,
    HEARTBEAT,
    HEARTBEAT_RECEIVER,
    HEARTBEAT_SEVERITY,
    HISTORY_RECEIVER,
    SEVERITIES,
)
from tapewatch_sdk.plugins import RuleView
from tapewatch_sdk.problems import Place, Problem

__all__ = ["RoutingReport", "prove_routing"]

TIMEOUT = 60.0
"""Seconds that one call of amtool may take; it takes some hundredths of one."""

_SERVICE = "probe"
_STRANGER = "team-without-a-receiver"


@dataclass(frozen=True, slots=True)
class RoutingReport:
    """What came of the proof.

    Parameters:
        problems: everything that is not as the catalogue says.
        routes: how many combinations of severity, team and service were followed to their receiver.
        inhibitions: how many pairs of alerts were held against each other.
    """

    problems: tuple[Problem, ...]
    routes: int
    inhibitions: int


def prove_routing(
    catalogue: Catalogue, rules: Sequence[RuleView], config: Path, version: str | None = None
) -> RoutingReport:
    """Prove a rendered Alertmanager configuration.

    Parameters:
        catalogue: what it was rendered from.
        rules: the alert rules; every pair of them is tried for inhibition.
        config: the file.
        version: of amtool and Alertmanager, such as `0.33`; the newest on this machine by default.

    Raises:
        ToolError: amtool or Alertmanager is missing or does not run.
    """
    amtool = servers.find("amtool", version).path
    refused = _check(amtool, config)
    if refused:
        return RoutingReport((refused,), 0, 0)
    cases = [_recorded(catalogue, case) for case in _cases(catalogue)]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        answers = pool.map(lambda case: _follow(amtool, config, case), cases)
        misrouted = [problem for problem in answers if problem is not None]
    beat = _heartbeat(catalogue) if catalogue.stack.heartbeat else None
    wrong, pairs = prove_inhibition(rules, config, version, beat)
    return RoutingReport((*misrouted, *wrong), len(cases), pairs)


@dataclass(frozen=True, slots=True)
class _Case:
    """An alert's labels, and the receiver that it must reach."""

    labels: Mapping[str, str]
    receiver: str


def _cases(catalogue: Catalogue) -> Iterator[_Case]:
    routing = catalogue.routing
    teams = {service.team for service in catalogue.services.values()} | {catalogue.defaults.team, *routing.teams}
    for severity in SEVERITIES:
        default = routing.by_severity[severity].receiver
        for team in (*sorted(teams), _STRANGER):
            own = {str(key): receiver for key, receiver in routing.teams.get(team, {}).items()}
            yield _Case(_labels(catalogue, severity, team), own.get(severity, default))
        yield _Case({**_labels(catalogue, severity, ""), "service": f"{DRILL_PREFIX}{_SERVICE}"}, DRILL_RECEIVER)
        yield _Case({**_labels(catalogue, severity, ""), "service": f"{DRILL_NOTIFY_PREFIX}{_SERVICE}"}, default)
        yield _Case(_labels(catalogue, severity, ""), default)
    # Nothing is lost silently: an alert of a severity that nobody planned for reaches those who are always awake.
    yield _Case(_labels(catalogue, "unheard-of", _STRANGER), routing.critical.receiver)
    if catalogue.stack.heartbeat:
        yield _Case(_heartbeat(catalogue), HEARTBEAT_RECEIVER)
        # The beat alone goes there: an alert that bears its name or its severity is told to people.
        for severity in SEVERITIES:
            own = {**_labels(catalogue, severity, ""), "alertname": HEARTBEAT}
            yield _Case(own, routing.by_severity[severity].receiver)
        yield _Case({**_heartbeat(catalogue), "alertname": "Probe"}, routing.critical.receiver)


def _recorded(catalogue: Catalogue, case: _Case) -> _Case:
    """The same with the history before all others, which is told of everything but the heartbeat."""
    if catalogue.stack.history is None or case.labels["severity"] == HEARTBEAT_SEVERITY:
        return case
    return _Case(case.labels, f"{HISTORY_RECEIVER},{case.receiver}")


def _labels(catalogue: Catalogue, severity: str, team: str) -> dict[str, str]:
    labels = {"alertname": "Probe", "environment": catalogue.environment, "service": _SERVICE, "severity": severity}
    return {**labels, "team": team} if team else labels


def _heartbeat(catalogue: Catalogue) -> dict[str, str]:
    """The labels with which the heartbeat comes in; it is of no service."""
    labels = {"alertname": HEARTBEAT, "severity": HEARTBEAT_SEVERITY}
    return {**labels, "environment": catalogue.environment, "team": catalogue.defaults.team}


def _check(amtool: Path, config: Path) -> Problem | None:
    done = _run(amtool, "check-config", str(config))
    if done.returncode == 0:
        return None
    return Problem(
        "routing/refused",
        f"amtool refuses the configuration: {_said(done)}",
        "Alertmanager loads what `tapewatch generate` writes",
        "correct the receiver, route or time interval that it names in the catalogue",
        Place(file=str(config)),
    )


def _follow(amtool: Path, config: Path, case: _Case) -> Problem | None:
    labels = [f"{name}={value}" for name, value in case.labels.items()]
    verify = f"--verify.receivers={case.receiver}"
    done = _run(amtool, "config", "routes", "test", f"--config.file={config}", verify, *labels)
    if done.returncode == 0:
        return None
    reached = done.stdout.split("\n")[0].strip() or "nobody"
    return Problem(
        "routing/wrong-receiver",
        f"an alert with {', '.join(labels)} reaches {reached}",
        f"the catalogue sends it to {case.receiver}",
        "generate again; if the file was made by a plugin, mend its routes",
        Place(file=str(config), path="route"),
    )


def _run(amtool: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(amtool), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(
            [Problem("tool/broken", f"{amtool} did not run to its end: {error}", "amtool runs", "run `make servers`")]
        ) from error


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())[-400:]
