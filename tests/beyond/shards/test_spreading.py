"""Four Prometheus over 400 services, on the generated files: who scrapes whom, and a fifth while alerts fire.

What is watched is what a person would get: Alertmanager's alerts and the notifications at the receivers.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from support.sharded import Sharded, running_shards
from support.waiting import wait_for
from tapewatch.history.api.alerting import Prometheus, Shards
from tapewatch.planning import compare_files
from tapewatch.planning.render import to_text
from tapewatch.rules.parameters import format_duration
from tapewatch.schema import seconds
from tapewatch.sharding.hashing import shard_of

pytestmark = [pytest.mark.needs("prometheus", "alertmanager"), pytest.mark.alone]

SERVICES, SHARDS = 400, 4

FACTOR = 600.0
"""How many times as fast rules and routes are: an hour is 6 s, and nothing is below 4 s."""

ILL = 40
"""Services at which something is wrong while the fifth shard comes."""

LOOK = 0.5
"""Seconds from one look at Alertmanager to the next."""

VALID = 4 * 4.0
"""Seconds for which Alertmanager takes an alert to go on without news: four times the copy's delay of sending again."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharded]:
    folder = tmp_path_factory.mktemp("shards")
    with running_shards(folder, services=SERVICES, shards=SHARDS, factor=FACTOR, spare=1) as running:
        yield running


def scraped(stack: Sharded) -> list[dict[str, str]]:
    return [stack.scraped(number) for number in range(len(stack.prometheus))]


def all_scraped(stack: Sharded, count: int) -> list[dict[str, str]]:
    found = scraped(stack)
    return found if sum(map(len, found)) == count else []


def test_each_target_is_on_the_one_shard_of_its_service(stack: Sharded) -> None:
    found = wait_for("every service is scraped", lambda: all_scraped(stack, SERVICES), 30, stack.log_tail)

    for number, services in enumerate(found):
        assert {shard_of(service, SHARDS) for service in services} == {number}
    urls = Counter(url for services in found for url in services.values())
    assert (len(urls), set(urls.values())) == (SERVICES, {1})
    assert min(map(len, found)) > SERVICES / SHARDS / 2


def test_each_shard_expects_its_own_services_alone_and_answers_for_no_other(stack: Sharded) -> None:
    found = wait_for("all are scraped", lambda: all_scraped(stack, SERVICES), 30, stack.log_tail)
    for number, services in enumerate(found):
        own = set(services)
        wait_for("it expects its own", lambda: series(stack, number, "tapewatch_expected") == own, 20)  # noqa: B023
        wait_for("it has seen its own", lambda: series(stack, number, 'up{job="services"}') == own, 20)  # noqa: B023


def series(stack: Sharded, shard: int, name: str) -> set[str]:
    query = quote(f"group by (service) ({name})")
    found = stack.prometheus[shard].get_json(f"/api/v1/query?query={query}")
    return {each["metric"]["service"] for each in found["data"]["result"]}


def test_a_fifth_shard_comes_while_alerts_fire_and_none_of_them_flaps(stack: Sharded) -> None:
    wait_for("every service is scraped", lambda: all_scraped(stack, SERVICES), 30, stack.log_tail)
    wanted = make_ill(stack)
    wait_for("everything is told", lambda: wanted <= told(stack, "firing"), 60, stack.log_tail)
    began = time.monotonic()
    watch = Watch(stack, wanted)

    old = stack.files(stack.write(shards=SHARDS))
    both = stack.write(shards=SHARDS + 1, shards_before=SHARDS)
    plan = to_text(compare_files(old, stack.files(both)))
    moved = {service for service in stack.platform.names if shard_of(service, 4) != shard_of(service, 5)}
    assert f"~ shards 4 -> 5 changed: {len(moved)} of {SERVICES} services begin to move" in plan
    overlap = seconds(plan.partition("keep it for ")[2].partition(" ")[0])
    stack.start(both.catalogue)
    stack.reload()
    watch.until("those that move are on both shards", lambda: bool(all_scraped(stack, SERVICES + len(moved))), 30)
    found = scraped(stack)
    assert all(service in found[shard_of(service, 4)] and service in found[shard_of(service, 5)] for service in moved)
    end = time.monotonic() + overlap
    watch.until(
        f"{format_duration(overlap)} have passed, as the plan says", lambda: time.monotonic() > end, overlap + 5
    )

    seen = seen_by_a_history(stack)
    assert len(seen) == len({frozenset(each.items()) for each in seen})  # each once, though two shards have it
    assert wanted <= {(each["alertname"], each["service"]) for each in seen}

    plan = to_text(compare_files(stack.files(both), stack.files(stack.write(shards=SHARDS + 1))))
    assert f"~ shards 5 changed: {len(moved)} of {SERVICES} services leave their old shard" in plan
    stack.reload()
    watch.until("each service is on one shard", lambda: bool(all_scraped(stack, SERVICES)), 30)
    # Whoever was told by the old shard alone would be over by then.
    gone = time.monotonic() + VALID + 6
    watch.until("what the old shard said is no longer valid", lambda: time.monotonic() > gone, VALID + 10)

    assert watch.missed == {}
    assert {each for each in told(stack, "resolved", began) if each in wanted} == set()
    make_well(stack)
    wait_for("every end is told", lambda: wanted <= told(stack, "resolved", began), 60, stack.log_tail)
    speakers = {service: port_of(stack, service) for _, service in wanted}
    assert speakers == {service: stack.prometheus[shard_of(service, 5)].port for _, service in wanted}


def seen_by_a_history(stack: Sharded) -> list[Mapping[str, str]]:
    """The labels of everything that fires, as a history that watches all shards sees it."""

    async def ask() -> list[Mapping[str, Any]]:
        servers = Shards([Prometheus(each.url) for each in stack.prometheus])
        try:
            assert await servers.rules() > 20
            return await servers.alerts()
        finally:
            await servers.close()

    return [each["labels"] for each in asyncio.run(ask()) if each["state"] == "firing"]


class Watch:
    """Looks again and again whether every alert is still there.

    Attributes:
        missed: the alerts that were not, with what was awaited then, and how often.
    """

    def __init__(self, stack: Sharded, wanted: set[tuple[str, str]]) -> None:
        self._stack = stack
        self._wanted = wanted
        self._again = 0.0
        self.missed: Counter[tuple[str, str, str]] = Counter()

    def until(self, awaited: str, look: Callable[[], bool], timeout: float) -> None:
        def both() -> bool:
            if time.monotonic() < self._again:
                return False
            self._again = time.monotonic() + LOOK
            self.missed.update((awaited, *each) for each in self._wanted - self._stack.active())
            return look()

        wait_for(awaited, both, timeout, self._stack.log_tail)


def make_ill(stack: Sharded) -> set[tuple[str, str]]:
    """Something goes wrong at every tenth service, by turns of four kinds; gives alert and service of each."""
    wanted = set()
    ill = [name for number, name in enumerate(stack.platform.names) if number % (SERVICES // ILL) == 3]
    for number, name in enumerate(ill):
        match number % 4:
            case 0:
                stack.platform.expose(name, risk_kill_switch_active="1")
                wanted.add(("KillSwitchActivated", name))
            case 1:
                stack.platform.expose(name, market_data_websocket_connected="0")
                wanted.add(("MarketDataWebsocketDisconnected", name))
            case 2:
                stack.platform.silence(name)
                wanted.add(("ServiceDown", name))
            case _:
                stack.platform.expose(name, risk_max_drawdown="0.9")
                wanted.add(("DrawdownHigh", name))
    assert len(wanted) == ILL
    return wanted


def make_well(stack: Sharded) -> None:
    for name in stack.platform.names:
        stack.platform.expose(name, risk_max_drawdown="0")


def told(stack: Sharded, status: str, since: float = 0.0) -> set[tuple[str, str]]:
    return {each[:2] for message in stack.told() if message.at > since for each in message.state if each[3] == status}


def port_of(stack: Sharded, service: str) -> int:
    """The port of the Prometheus that told of a service last."""
    urls = [
        alert["generatorURL"]
        for payload in list(stack.webhook.payloads)
        for alert in payload["alerts"]
        if alert["labels"].get("service") == service
    ]
    return int(urls[-1].split("/")[2].rpartition(":")[2])
