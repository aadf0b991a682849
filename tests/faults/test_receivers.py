"""A receiver is away for a while: what fired meanwhile is delivered once it is back, and once only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from support.stack import RECEIVER, Stack, running_stack

pytestmark = pytest.mark.needs("prometheus", "alertmanager")

ALERT = "KillSwitchActivated"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("receivers"), proxied=[RECEIVER]) as running:
        yield running


def refuses(stack: Stack) -> AbstractContextManager[None]:
    """Its process is gone."""
    return stack.proxies[RECEIVER].refusing()


def never_answers(stack: Stack) -> AbstractContextManager[None]:
    """Its machine takes what comes and says nothing; Alertmanager gives up after 10 s, and begins anew."""
    return stack.proxies[RECEIVER].dropping()


@contextmanager
def answers_503(stack: Stack) -> Iterator[None]:
    """It says itself that it cannot just now."""
    stack.webhook.status = 503
    try:
        yield
    finally:
        stack.webhook.status = 200


Away = Callable[[Stack], AbstractContextManager[None]]


@pytest.mark.parametrize("away", [refuses, answers_503, never_answers])
def test_what_fired_while_it_was_away_is_delivered_once(stack: Stack, away: Away) -> None:
    told, failed = stack.told(ALERT), _failed(stack)
    with away(stack):
        stack.targets["risk-manager"].set("risk_kill_switch_active", 1)
        stack.wait("it is tried, in vain", lambda: _failed(stack) > failed)
        assert stack.told(ALERT) == told

    stack.wait("it is delivered", lambda: stack.told(ALERT) == [*told, "firing"])
    stack.wait_for_groups()
    assert stack.told(ALERT) == [*told, "firing"]

    stack.targets["risk-manager"].set("risk_kill_switch_active", 0)
    stack.wait("it is resolved", lambda: stack.told(ALERT) == [*told, "firing", "resolved"])


@pytest.mark.parametrize("away", [refuses, answers_503])
def test_what_resolved_while_it_was_away_is_delivered_as_resolved(stack: Stack, away: Away) -> None:
    told = stack.told(ALERT)
    stack.targets["risk-manager"].set("risk_kill_switch_active", 1)
    stack.wait("it is delivered", lambda: stack.told(ALERT) == [*told, "firing"])
    failed = _failed(stack)
    with away(stack):
        stack.targets["risk-manager"].set("risk_kill_switch_active", 0)
        stack.wait("it is tried, in vain", lambda: _failed(stack) > failed)

    stack.wait("it is resolved", lambda: stack.told(ALERT) == [*told, "firing", "resolved"])


def _failed(stack: Stack) -> float:
    """How many attempts at a receiver failed."""
    return stack.metric(stack.alertmanager, "alertmanager_notification_requests_failed_total")
