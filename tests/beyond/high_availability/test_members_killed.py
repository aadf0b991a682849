"""Each member is killed in turn while alerts fire: every drill is delivered, soon, and once while nobody is missing.

What is watched is what a person would get: the notifications at the receivers, with the time at which each came.
"""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import pytest
from rich.console import Console

from faults.kernel import cut_off
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

GROUP = 54_321

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
    # The last Alertmanager is alone in its group, by which the kernel can tell its packets from the others'.
    alone = ["setpriv", "--regid", str(GROUP), "--clear-groups"] if os.geteuid() == 0 else []
    with running_cluster(tmp_path_factory.mktemp("cluster"), wrap={2: alone}) as running:
        yield running


@pytest.mark.skipif(not os.environ.get("TAPEWATCH_NIGHTLY"), reason="takes two minutes; TAPEWATCH_NIGHTLY=1 runs it")
def test_every_drill_is_delivered_while_each_member_is_killed_in_turn(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    every = scenarios(cluster.project.rules, cluster.catalogue, notify=True, pace=Scale(FACTOR).pace)
    assert len({each.rule.alert for each in every}) == 29
    # The first of the pair is the last one: through it the other drills are watched.
    members = [*cluster.alertmanagers, *reversed(cluster.prometheus)]
    kills: list[Kill] = []
    # The longest first: what comes last is waited for.
    every.sort(key=lambda each: each.duration, reverse=True)
    parts = [every[number * len(every) // 5 : (number + 1) * len(every) // 5] for number in range(5)]
    with ThreadPoolExecutor() as playing:
        plays = [playing.submit(_played, cluster, parts[0], "0")]

        def go_on() -> None:
            """A drill fires ten seconds after it begins at the soonest, when the member that came back has settled."""
            if len(plays) < len(parts):
                plays.append(playing.submit(_played, cluster, parts[len(plays)], str(len(plays))))

        for number, (member, fault) in enumerate(zip(members, FAULTS, strict=True)):
            _wait_until_told(cluster, parts[number])
            kills.append(_kill(cluster, member, *fault, go_on))
        outcomes = [outcome for each in plays for outcome in each.result(120)]

    told = cluster.told()
    with capsys.disabled():
        _report(outcomes, kills, told, began)
    wanted = {(track.labels["alertname"], track.labels["service"]) for each in outcomes for track in each.tracks}
    assert len({alert for alert, _ in wanted}) == 29
    assert [each for each in wanted if not any(one.tells(*each) for one in told)] == []
    assert {kill.member: kill.first for kill in kills if kill.first > WITHIN} == {}
    assert _twice(told, kills) == []


def test_one_that_is_cut_off_delivers_and_heals(cluster: Cluster) -> None:
    cluster.wait_until_whole()
    switch, since = ("KillSwitchActivated", "risk-manager"), time.monotonic()
    first, second, last = cluster.cluster_ports()

    def told(status: str) -> list[Told]:
        return [each for each in cluster.told() if each.at > since and each.tells(*switch, status)]

    with cut_off(GROUP, last, [first, second]):
        wait_for("each side is alone", lambda: (cluster.peers(0), cluster.peers(2)) == (2, 1), 60, cluster.log_tail)
        cluster.fault("kill-switch")
        wait_for("each side has told it", lambda: len(told("firing")) == 2, WITHIN, cluster.log_tail)
        senders = [each.sender for each in told("firing")]
        assert senders.count(cluster.sender(2)) == 1

    cluster.wait_until_whole()
    cluster.fault("kill-switch", on=False)
    wait_for("the end is told", lambda: told("resolved"), 2 * SETTLED, cluster.log_tail)
    end = time.monotonic() + SETTLED  # the last of the three waits for two others, and then looks again
    wait_for("everybody has looked", lambda: time.monotonic() > end, SETTLED + 1)
    assert len(told("firing")) == 2
    assert len(told("resolved")) == 1


def _played(cluster: Cluster, part: Sequence[Scenario], name: str) -> list[Outcome]:
    return play(part, cluster.venue(), cluster.catalogue, Ear(cluster.webhook), name=name)


def _wait_until_told(cluster: Cluster, part: Sequence[Scenario]) -> None:
    """Until the first drill of a part is delivered; the others follow."""
    services = frozenset[str]().union(*(each.services for each in part))

    def told() -> bool:
        return any(service in services for each in cluster.told() for _, service, *_ in each.state)

    wait_for("the first drills are delivered", told, 60, cluster.log_tail)


def _kill(
    cluster: Cluster, member: Server, fault: str, value: str, alert: str, service: str, then: Callable[[], None]
) -> Kill:
    """Kill a member in the moment in which something goes wrong, and start it again."""
    member.stop(signal.SIGKILL)
    at = time.monotonic()
    cluster.fault(fault, value)

    def delivered() -> list[float]:
        return [each.at for each in cluster.told() if each.at > at and each.tells(alert, service)]

    first = wait_for(f"{alert} is delivered", delivered, 3 * WITHIN, cluster.log_tail)[0]
    wait_for("the others have noticed", lambda: time.monotonic() > at + DOWN, DOWN + 1)
    member.start()
    then()
    return Kill(member.name, at, first - at, cluster.wait_until_whole())


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
