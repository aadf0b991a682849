"""How a drill hears that somebody was told, of a real Alertmanager."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from support.servers import Server, free_port, start_alertmanager
from support.waiting import wait_for
from support.webhook import WebhookReceiver
from tapewatch.drilling import ears
from tapewatch.drilling.ears import CountingEar, WebhookEar
from tapewatch.running.clients import Alertmanager
from tapewatch_sdk.errors import ProblemsError

LOOPBACK = "127.0.0.1"
SWITCH = {"alertname": "KillSwitchActivated", "service": "drill-a", "environment": "local", "severity": "critical"}
OTHER = {"alertname": "DrawdownHigh", "service": "drill-b", "environment": "local", "severity": "high"}


def start(folder: Path, receivers: dict[str, str], *flags: str) -> Server:
    """An Alertmanager that tells everybody at once; alerts are critical, but those whose severity is a receiver's."""
    first = next(iter(receivers))
    route = {
        "receiver": first,
        "group_by": ["alertname"],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "1h",
        "routes": [{"receiver": name, "matchers": [f'severity="{name}"']} for name in receivers if name != first],
    }
    told = [{"name": name, "webhook_configs": [{"url": url}]} for name, url in receivers.items()]
    return start_alertmanager(yaml.safe_dump({"route": route, "receivers": told}), folder, *flags)


def send(server: Server, labels: dict[str, str], *, ended: bool = False) -> None:
    """What Prometheus would send of an alert."""
    now = datetime.now(UTC)
    ends = now - timedelta(milliseconds=1) if ended else now + timedelta(minutes=5)
    alert = {"labels": labels, "annotations": {"summary": "look"}, "endsAt": ends.isoformat()}
    server.post("/api/v2/alerts", [{**alert, "startsAt": (now - timedelta(seconds=5)).isoformat()}])


@pytest.fixture
def ear() -> Iterator[WebhookEar]:
    with WebhookEar((LOOPBACK, 0)) as listening:
        yield listening


def answer(ear: WebhookEar, body: bytes) -> int:
    """The status with which the ear answers."""
    try:
        with urlopen(Request(f"http://{LOOPBACK}:{ear.port}/", data=body), timeout=10) as response:
            return int(response.status)
    except HTTPError as error:
        return error.code


def message(**changes: object) -> bytes:
    """What Alertmanager would send, but for the changes."""
    alert = {"status": "firing", "labels": SWITCH, "annotations": {}, **changes}
    return json.dumps({"version": "4", "receiver": "drill", "alerts": [alert]}).encode()


@pytest.mark.needs("alertmanager")
def test_the_ear_hears_an_alert_fire_and_resolve(ear: WebhookEar, tmp_path: Path) -> None:
    began = time.monotonic()
    with start(tmp_path, {"drill": f"http://{LOOPBACK}:{ear.port}/"}) as alertmanager:
        send(alertmanager, SWITCH)
        fires = wait_for("it fires", lambda: ear.heard(SWITCH, "firing", began), 20, alertmanager.log_tail)
        assert ear.heard(SWITCH, "resolved", began) is None

        send(alertmanager, SWITCH, ended=True)
        ends = wait_for("it resolves", lambda: ear.heard(SWITCH, "resolved", began), 20, alertmanager.log_tail)

    assert (fires.receiver, fires.labels, fires.annotations) == ("drill", SWITCH, {"summary": "look"})
    assert began < fires.at < ends.at < time.monotonic()


def test_the_ear_tells_alerts_apart_and_forgets_what_came_before(ear: WebhookEar) -> None:
    began = time.monotonic()
    assert answer(ear, message()) == 200

    assert ear.heard(SWITCH, "firing", began) is not None
    assert ear.heard({**SWITCH, "service": "drill-b"}, "firing", began) is None
    assert ear.heard(SWITCH, "resolved", began) is None
    assert ear.heard(SWITCH, "firing", time.monotonic()) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"\xff\xfe{}",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"alerts": 1, "receiver": "drill"}',
        b'{"alerts": [1], "receiver": "drill"}',
        b'{"alerts": [{"status": "firing"}], "receiver": "drill"}',
        message(labels="service=drill-a"),
        message(labels=None),
        message(annotations=7),
        message().replace(b'"receiver"', b'"sender"'),
    ],
)
def test_garbage_is_refused_and_harms_nothing(body: bytes, ear: WebhookEar) -> None:
    began = time.monotonic()

    assert answer(ear, body) == 400
    assert ear.heard({}, "firing", began) is None

    assert answer(ear, message()) == 200
    assert ear.heard(SWITCH, "firing", began) is not None


def test_of_a_message_that_is_half_garbage_nothing_is_taken(ear: WebhookEar) -> None:
    whole = json.loads(message())
    whole["alerts"].append({"status": "firing"})

    assert answer(ear, json.dumps(whole).encode()) == 400
    assert ear.messages == []


def test_a_length_that_is_no_number_is_refused(ear: WebhookEar) -> None:
    with socket.create_connection((LOOPBACK, ear.port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.0 400")

    assert answer(ear, message()) == 200


def test_a_port_that_somebody_has_is_a_problem_that_names_it() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ProblemsError, match=str(port)) as error:
            WebhookEar((LOOPBACK, port))

    assert [problem.code for problem in error.value.problems] == ["drill/port"]


def test_the_port_is_free_again_after_the_drill() -> None:
    port = free_port()
    for _ in range(2):
        with WebhookEar((LOOPBACK, port)) as ear:
            assert answer(ear, message()) == 200


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[tuple[Server, WebhookReceiver, WebhookReceiver]]:
    """An Alertmanager as docker-compose.yml starts it, and the two real receivers that it tells."""
    with WebhookReceiver() as pager, WebhookReceiver() as chat:
        flag = "--enable-feature=receiver-name-in-metrics"
        with start(tmp_path, {"pager": pager.url, "high": chat.url}, flag) as alertmanager:
            yield alertmanager, pager, chat


@pytest.mark.needs("alertmanager")
def test_where_real_receivers_are_told_the_counters_say_that_they_took_it(
    counted: tuple[Server, WebhookReceiver, WebhookReceiver],
) -> None:
    alertmanager, pager, _ = counted
    send(alertmanager, {**SWITCH, "service": "earlier"})
    pager.wait_for_alert("KillSwitchActivated")
    began, ear = time.monotonic(), CountingEar(Alertmanager(alertmanager.url))
    assert ear.heard(SWITCH, "firing", began) is None

    send(alertmanager, SWITCH)
    told = wait_for("it is told", lambda: ear.heard(SWITCH, "firing", began), 20, alertmanager.log_tail)
    assert ear.heard(SWITCH, "resolved", began) is None

    send(alertmanager, SWITCH, ended=True)
    wait_for("its end is told", lambda: ear.heard(SWITCH, "resolved", began), 20, alertmanager.log_tail)
    assert (told.receiver, told.status, told.labels) == ("pager", "firing", SWITCH)
    assert pager.wait_for_alert("KillSwitchActivated", "resolved")["labels"]["service"] == "drill-a"


@pytest.mark.needs("alertmanager")
def test_a_receiver_that_answers_500_was_not_told(counted: tuple[Server, WebhookReceiver, WebhookReceiver]) -> None:
    alertmanager, pager, _ = counted
    pager.status = 500
    began, ear = time.monotonic(), CountingEar(Alertmanager(alertmanager.url))

    send(alertmanager, SWITCH)
    wait_for("it was tried and tried again", lambda: len(pager.payloads) > 2, 30, alertmanager.log_tail)
    assert ear.heard(SWITCH, "firing", began) is None

    pager.status = 200
    wait_for("it is told", lambda: ear.heard(SWITCH, "firing", began), 30, alertmanager.log_tail)


@pytest.mark.needs("alertmanager")
def test_what_its_receiver_was_told_of_others_before_does_not_count(
    counted: tuple[Server, WebhookReceiver, WebhookReceiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    alertmanager, pager, _ = counted
    monkeypatch.setattr(ears, "MARGIN", 0.3)
    began, ear = time.monotonic(), CountingEar(Alertmanager(alertmanager.url))
    earlier = {**SWITCH, "service": "drill-earlier"}

    send(alertmanager, earlier)
    wait_for("another is told", lambda: ear.heard(earlier, "firing", began), 20, alertmanager.log_tail)
    pager.status = 500
    told = time.monotonic()
    wait_for("that is some time ago", lambda: time.monotonic() > told + 0.6)
    send(alertmanager, SWITCH)
    wait_for("it is tried", lambda: pager.statuses[-1:] == [500], 20, alertmanager.log_tail)

    assert Alertmanager(alertmanager.url).alerts('service="drill-a"')
    assert ear.heard(SWITCH, "firing", began) is None


@pytest.mark.needs("alertmanager")
def test_a_silenced_alert_is_told_to_nobody_whatever_its_receiver_is_told(
    counted: tuple[Server, WebhookReceiver, WebhookReceiver],
) -> None:
    alertmanager, pager, _ = counted
    began, ear = time.monotonic(), CountingEar(Alertmanager(alertmanager.url))
    now = datetime.now(UTC)
    matcher = {"name": "service", "value": "drill-a", "isRegex": False}
    times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(minutes=5)).isoformat()}
    alertmanager.post("/api/v2/silences", {"matchers": [matcher], "createdBy": "test", "comment": "test", **times})

    send(alertmanager, SWITCH)
    send(alertmanager, {**SWITCH, "service": "drill-loud"})
    pager.wait_for_alert("KillSwitchActivated")

    assert ear.heard({**SWITCH, "service": "drill-loud"}, "firing", began) is not None
    assert ear.heard(SWITCH, "firing", began) is None


@pytest.mark.needs("alertmanager")
def test_what_another_receiver_is_told_does_not_count(counted: tuple[Server, WebhookReceiver, WebhookReceiver]) -> None:
    alertmanager, pager, chat = counted
    pager.status = 500
    began, ear = time.monotonic(), CountingEar(Alertmanager(alertmanager.url))

    send(alertmanager, SWITCH)
    send(alertmanager, OTHER)
    chat.wait_for_alert("DrawdownHigh")

    wait_for("the other is told", lambda: ear.heard(OTHER, "firing", began), 20, alertmanager.log_tail)
    assert ear.heard(SWITCH, "firing", began) is None


@pytest.mark.needs("alertmanager")
def test_without_receivers_names_in_its_counters_only_an_alert_that_it_has_is_told(tmp_path: Path) -> None:
    with WebhookReceiver() as pager, start(tmp_path, {"pager": pager.url}) as alertmanager:
        began, ear = time.monotonic(), CountingEar(Alertmanager(alertmanager.url))

        send(alertmanager, OTHER)
        pager.wait_for_alert("DrawdownHigh")
        assert ear.heard(SWITCH, "firing", began) is None

        send(alertmanager, SWITCH)
        told = wait_for("it is told", lambda: ear.heard(SWITCH, "firing", began), 20, alertmanager.log_tail)
        assert told.receiver == "pager"
