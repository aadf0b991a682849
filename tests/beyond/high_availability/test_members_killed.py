"""Each member is killed in turn while alerts fire: every drill is delivered, soon, and once while nobody is missing.

What is watched is what a person would get: the notifications at the receivers, with the time at which each came.
"""

from __future__ import annotations

import math
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from rich.console import Console

from support.cluster import FACTOR, Cluster, Ear, Told, running_cluster
from support.servers import Server
from support.waiting import wait_for
from tapewatch.drilling.play import play
from tapewatch.drilling.report import as_table
from tapewatch.drilling.scale import Scale
from tapewatch.drilling.scenario import Scenario, scenarios
from tapewatch.drilling.steps import Outcome

pytestmark = [pytest.mark.needs("prometheus", "alertmanager"), pytest.mark.alone]

WITHIN = 15.0
"""Seconds after a kill within which what begins to fire then is delivered, by the issue."""

DOWN = 6.0
"""Seconds that a member is away: longer than the others take to notice."""

SETTLED = 12.0
"""Seconds for which a member that came back may still tell what another told while it was away."""


@dataclass(frozen=True)
class Kill:
    """A member's death.

    Parameters:
        member: who.
        at: when.
        first: seconds until the alert that began to fire then was delivered.
        whole: when the cluster was whole again.
    """

    member: str
    at: float
    first: float
    whole: float


FAULTS = (
    ("breaker", "", "CircuitBreakerOpen", "risk-manager"),
    ("feed-disconnected", "", "MarketDataWebsocketDisconnected", "market-data"),
    ("reconciliation-break", "BTC-USD", "PositionReconciliationBreak", "position-tracker"),
    ("service-down", "live-trading", "ServiceDown", "live-trading"),
    ("daily-loss", "", "DailyLossLimitExceeded", "risk-manager"),
)
"""What goes wrong in the sample platform at each kill: its alert fires within seconds."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def test_every_drill_is_delivered_while_each_member_is_killed_in_turn(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    every = scenarios(cluster.project.rules, cluster.catalogue, notify=True, pace=Scale(FACTOR).pace)
    assert len({each.rule.alert for each in every}) == 29
    # The first of the pair is the last one: through it the other drills are watched.
    members = [*cluster.alertmanagers, *reversed(cluster.prometheus)]
    kills: list[Kill] = []
    with ThreadPoolExecutor() as playing:
        # Each part of the drills begins while the member before comes back, and fires when the next one is killed.
        plays = []
        for number, (member, fault) in enumerate(zip(members, FAULTS, strict=True)):
            part = every[number :: len(members)]
            watched = int(member is cluster.prometheus[0])
            plays.append(playing.submit(_played, cluster, part, watched, str(number)))
            _wait_until_told(cluster, part)
            if kills:
                kills[-1] = replace(kills[-1], whole=cluster.wait_until_whole())
            kills.append(_kill(cluster, member, *fault))
        outcomes = [outcome for each in plays for outcome in each.result(120)]
    kills[-1] = replace(kills[-1], whole=cluster.wait_until_whole())

    told = cluster.told()
    with capsys.disabled():
        _report(outcomes, kills, told, began)
    wanted = {(track.labels["alertname"], track.labels["service"]) for each in outcomes for track in each.tracks}
    assert len({alert for alert, _ in wanted}) == 29
    assert [each for each in wanted if not any(one.tells(*each) for one in told)] == []
    assert {kill.member: kill.first for kill in kills if kill.first > WITHIN} == {}
    assert _twice(told, kills) == []


def test_what_changes_while_nobody_is_missing_is_told_exactly_once(cluster: Cluster) -> None:
    cluster.wait_until_whole()
    service = ("KillSwitchActivated", "risk-manager")
    since = time.monotonic()

    for on, status in ((True, "firing"), (False, "resolved")) * 2:
        cluster.fault("kill-switch", on=on)
        done = sum(each.at > since for each in _about(cluster, *service))
        wait_for(
            f"it is {status}",
            lambda done=done, status=status: [  # type: ignore[misc]
                each
                for each in [each for each in _about(cluster, *service) if each.at > since][done:]
                if each.tells(*service, status)
            ],
            60,
            cluster.log_tail,
        )
    # The last in the cluster has looked by then, and so has its next look.
    end = time.monotonic() + 2 * SETTLED
    wait_for("everybody has looked again", lambda: time.monotonic() > end, 2 * SETTLED + 1)

    told = [each for each in _about(cluster, *service) if each.at > since]
    assert [each.tells(*service) for each in told] == [True, False, True, False]


def _about(cluster: Cluster, alert: str, service: str) -> list[Told]:
    return [each for each in cluster.told() if any(one[:2] == (alert, service) for one in each.state)]


def _played(cluster: Cluster, part: Sequence[Scenario], watched: int, name: str) -> list[Outcome]:
    return play(part, cluster.venue(watched), cluster.catalogue, Ear(cluster), name=name)


def _wait_until_told(cluster: Cluster, part: Sequence[Scenario]) -> None:
    """Until the first drill of a part is delivered; the others follow."""
    services = frozenset[str]().union(*(each.services for each in part))

    def told() -> bool:
        return any(service in services for each in cluster.told() for _, service, *_ in each.state)

    wait_for("the first drills are delivered", told, 60, cluster.log_tail)


def _kill(cluster: Cluster, member: Server, fault: str, value: str, alert: str, service: str) -> Kill:
    """Kill a member in the moment in which something goes wrong, and start it again."""
    member.stop(signal.SIGKILL)
    at = time.monotonic()
    cluster.fault(fault, value)

    def delivered() -> list[float]:
        return [each.at for each in cluster.told() if each.at > at and each.tells(alert, service)]

    first = wait_for(f"{alert} is delivered", delivered, 3 * WITHIN, cluster.log_tail)[0]
    wait_for("the others have noticed", lambda: time.monotonic() > at + DOWN, DOWN + 1)
    member.start()
    return Kill(member.name, at, first - at, math.inf)


def _twice(told: Sequence[Told], kills: Sequence[Kill]) -> list[tuple[float, str]]:
    """Notifications that say nothing new, although nobody was missing when they came and since the one before."""
    groups: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for each in told:
        groups[each.receiver, each.group].append(each)
    return [
        (round(after.at - kills[0].at, 1), after.group)
        for group in groups.values()
        for before, after in pairwise(group)
        if before.state == after.state and not any(_missing(kill, before.at, after.at) for kill in kills)
    ]


def _missing(kill: Kill, start: float, end: float) -> bool:
    return kill.at < end and start < kill.whole + SETTLED


def _report(outcomes: Sequence[Outcome], kills: Sequence[Kill], told: Sequence[Told], began: float) -> None:
    console = Console(width=110)
    console.print("", as_table(outcomes))
    for kill in kills:
        console.print(
            f"{kill.at - began:6.1f} s  {kill.member} killed; what began to fire then was delivered after"
            f" {kill.first:.1f} s; whole again after {kill.whole - kill.at:.1f} s"
        )
    console.print(f"{len(told)} notifications of {len({(each.receiver, each.group) for each in told})} groups")
