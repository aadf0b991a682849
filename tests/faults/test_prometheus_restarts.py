"""Prometheus crashes and comes back: it knows of its alerts what it knew, and nobody is told a second time."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from support.stack import INTERVAL, Stack, running_stack

pytestmark = pytest.mark.needs("prometheus", "alertmanager")

FOR = 14
"""Seconds that the feed must be disconnected: long enough for some before the crash, and some after it."""

BEFORE = 6
"""Seconds that the alert is pending before the crash."""

LATE = 4 * INTERVAL
"""Seconds by which an evaluation may be late on a busy machine."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(
        tmp_path_factory.mktemp("restarts"),
        alerts={"MarketDataWebsocketDisconnected": {"for": f"{FOR}s"}},
    ) as running:
        yield running


def test_the_time_for_which_an_alert_was_pending_is_not_lost(stack: Stack) -> None:
    name = "MarketDataWebsocketDisconnected"
    stack.targets["market-data"].set("market_data_websocket_connected", 0)
    stack.wait(f"it was pending for {BEFORE} s", lambda: any(mark.age >= BEFORE for mark in _marks(stack, name)))

    before, after = _restart(stack, signal.SIGKILL, name)

    # The time that it was down counts neither for nor against: it is as old after the gap as it was before.
    assert before.age - 1 <= after.age <= before.age + LATE
    fired_at = stack.wait("it fires", lambda: _fired(stack, name, after.when))
    assert FOR <= fired_at - after.active_at <= FOR + LATE
    stack.wait("it is delivered", lambda: stack.told(name) == ["firing"])

    stack.targets["market-data"].set("market_data_websocket_connected", 1)
    stack.wait("it is resolved", lambda: stack.told(name) == ["firing", "resolved"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_an_alert_that_fires_goes_on_as_if_nothing_had_been(stack: Stack, how: signal.Signals) -> None:
    name = "KillSwitchActivated"
    earlier = stack.told(name)
    stack.targets["risk-manager"].set("risk_kill_switch_active", 1)
    stack.wait("it is delivered", lambda: stack.told(name) == [*earlier, "firing"])
    started_at = stack.held(name)[0]["startsAt"]
    firing, resolved = _received(stack, "firing"), _received(stack, "resolved")

    before, after = _restart(stack, how, name)
    stack.wait("Alertmanager hears of it again", lambda: _received(stack, "firing") > firing)
    stack.wait_for_groups()

    assert after.active_at == before.active_at
    assert stack.alerts(name)[0]["state"] == "firing"
    assert stack.held(name)[0]["startsAt"] == started_at
    assert stack.told(name) == [*earlier, "firing"]
    assert _received(stack, "resolved") == resolved

    stack.targets["risk-manager"].set("risk_kill_switch_active", 0)
    stack.wait("it is resolved", lambda: stack.told(name) == [*earlier, "firing", "resolved"])


class Mark(NamedTuple):
    """What an evaluation stored about an active alert, and what Prometheus restores its state from."""

    when: float
    """Unix time of the evaluation."""
    active_at: float
    """Unix time, in whole seconds, at which the alert became active."""

    @property
    def age(self) -> float:
        """Seconds that it had been active."""
        return self.when - self.active_at


def _marks(stack: Stack, name: str) -> list[Mark]:
    return [Mark(*sample) for sample in stack.samples(f'ALERTS_FOR_STATE{{alertname="{name}"}}[5m]')]


def _restart(stack: Stack, how: signal.Signals, name: str) -> tuple[Mark, Mark]:
    """Ends Prometheus and starts it again; gives an active alert's last mark before and its first mark after.

    Prometheus stores no mark before it has restored the alert's state.
    """
    stack.prometheus.stop(how)
    between = time.time()
    stack.prometheus.start()
    stack.wait(f"{name} is evaluated again", lambda: [mark for mark in _marks(stack, name) if mark.when > between])
    marks = _marks(stack, name)
    before = [mark for mark in marks if mark.when < between]
    return before[-1], marks[len(before)]


def _fired(stack: Stack, name: str, since: float) -> float | None:
    """Unix time of the first evaluation since then that found the alert firing."""
    found = stack.samples(f'ALERTS{{alertname="{name}", alertstate="firing"}}[5m]')
    return next((when for when, _ in found if when > since), None)


def _received(stack: Stack, status: str) -> float:
    """How many alerts of this status Alertmanager was sent."""
    return stack.metric(stack.alertmanager, "alertmanager_alerts_received_total", f'status="{status}"')
