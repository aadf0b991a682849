"""Alertmanager ends and comes back: what fires is delivered, and once unless it crashed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.stack import Stack, resent_after, running_stack

pytestmark = pytest.mark.needs("prometheus", "alertmanager")

ALERT = "KillSwitchActivated"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # Alertmanager keeps no alerts: after a restart it has those that Prometheus sends again.
    with running_stack(tmp_path_factory.mktemp("restarts"), prometheus_flags=[resent_after(2)]) as running:
        yield running


@pytest.fixture
def earlier(stack: Stack) -> list[str]:
    """What other tests were told of the alert."""
    return stack.told(ALERT)


def test_one_that_was_stopped_tells_nobody_twice(stack: Stack, earlier: list[str]) -> None:
    with _firing(stack):
        stack.wait("it is delivered", lambda: stack.told(ALERT) == [*earlier, "firing"])

        stack.wait_for_groups()  # what it told a moment ago stands in its notification log
        stack.alertmanager.stop(signal.SIGTERM)
        stack.alertmanager.start()
        stack.wait("Alertmanager holds it again", lambda: stack.held(ALERT))
        stack.wait_for_groups()

        assert stack.told(ALERT) == [*earlier, "firing"]
    stack.wait("it is resolved", lambda: stack.told(ALERT) == [*earlier, "firing", "resolved"])


def test_what_resolves_while_it_is_stopped_is_delivered_as_resolved(stack: Stack, earlier: list[str]) -> None:
    with _firing(stack):
        stack.wait("it is delivered", lambda: stack.told(ALERT) == [*earlier, "firing"])
        stack.wait_for_groups()
        stack.alertmanager.stop(signal.SIGTERM)
    stack.wait("it is resolved in Prometheus", lambda: not stack.alerts(ALERT))

    stack.alertmanager.start()

    stack.wait("it is resolved", lambda: stack.told(ALERT) == [*earlier, "firing", "resolved"])


def test_what_begins_to_fire_while_it_is_stopped_is_delivered_once(stack: Stack, earlier: list[str]) -> None:
    dropped = _dropped(stack)
    stack.alertmanager.stop(signal.SIGTERM)
    with _firing(stack):
        stack.wait("it fires", lambda: [alert for alert in stack.alerts(ALERT) if alert["state"] == "firing"])
        stack.wait("Prometheus could not send it", lambda: _dropped(stack) > dropped)

        stack.alertmanager.start()
        stack.wait("it is delivered", lambda: stack.told(ALERT) == [*earlier, "firing"])
        stack.wait_for_groups()

        assert stack.told(ALERT) == [*earlier, "firing"]
    stack.wait("it is resolved", lambda: stack.told(ALERT) == [*earlier, "firing", "resolved"])


def test_one_that_was_killed_tells_at_least_once(stack: Stack, earlier: list[str]) -> None:
    with _firing(stack):
        stack.wait("it is delivered", lambda: stack.told(ALERT) == [*earlier, "firing"])

        stack.alertmanager.stop(signal.SIGKILL)
        stack.alertmanager.start()
        stack.wait("Alertmanager holds it again", lambda: stack.held(ALERT))
        stack.wait_for_groups()

        # Its notification log, on disk every 15 minutes and at a stop, is lost: it tells again, and is not silent.
        assert stack.told(ALERT) == [*earlier, "firing", "firing"]
    stack.wait("it is resolved", lambda: stack.told(ALERT) == [*earlier, "firing", "firing", "resolved"])


def test_what_was_not_yet_delivered_when_it_was_killed_is_delivered(stack: Stack, earlier: list[str]) -> None:
    stack.webhook.status = 503
    with _firing(stack):
        tried = len(stack.webhook.payloads)
        stack.wait("it is tried", lambda: len(stack.webhook.payloads) > tried)
        stack.alertmanager.stop(signal.SIGKILL)
        stack.webhook.status = 200
        assert stack.told(ALERT) == earlier

        stack.alertmanager.start()

        stack.wait("it is delivered", lambda: stack.told(ALERT) == [*earlier, "firing"])
    stack.wait("it is resolved", lambda: stack.told(ALERT) == [*earlier, "firing", "resolved"])


@contextmanager
def _firing(stack: Stack) -> Iterator[None]:
    """The kill switch is on as long as the block lasts."""
    stack.targets["risk-manager"].set("risk_kill_switch_active", 1)
    try:
        yield
    finally:
        stack.targets["risk-manager"].set("risk_kill_switch_active", 0)


def _dropped(stack: Stack) -> float:
    """How many alerts Prometheus gave up sending; those that still fire are sent again later."""
    return stack.metric(stack.prometheus, "prometheus_notifications_dropped_total")
