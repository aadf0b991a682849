"""What each client is sent, and what one that is slow is not."""

from __future__ import annotations

import json

import pytest

from tapewatch.history.api.socket import Hub, frame
from tapewatch.history.api.socket import hub as hub_module


class Client:
    """Takes what it is sent; `held` lets it take nothing."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.held = 0
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.taken.append(data)

    def waiting(self) -> int:
        return self.held

    def abort(self) -> None:
        self.aborted = True

    @property
    def messages(self) -> list[str]:
        return [payload(each).decode() for each in self.taken]


def payload(data: bytes) -> bytes:
    """Of one frame, as RFC 6455 has it."""
    assert data[0] == 0x81
    assert data[1] < 128, "a server does not mask"
    if data[1] < 126:
        size, head = data[1], 2
    elif data[1] == 126:
        size, head = int.from_bytes(data[2:4]), 4
    else:
        size, head = int.from_bytes(data[2:10]), 10
    assert len(data) == head + size
    return data[head:]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_frame_tells_its_length_at_every_size(size: int) -> None:
    assert payload(frame(b"x" * size)) == b"x" * size


def test_a_client_gets_the_series_once_before_the_first_snapshot_of_their_version() -> None:
    hub, client = Hub(), Client()
    hub.join(client)
    hub.show(1, b"series 1", b"snapshot 1")
    hub.show(1, b"series 1", b"snapshot 2")
    hub.show(2, b"series 2", b"snapshot 3")

    assert client.messages[1:] == ["series 1", "snapshot 1", "snapshot 2", "series 2", "snapshot 3"]


def test_who_comes_later_is_told_the_newest_at_once() -> None:
    hub, client = Hub(), Client()
    hub.remember([b'{"id":1}'])
    hub.show(7, b"series", b"snapshot")
    hub.join(client)

    assert client.messages == ['{"type":"events","events":[{"id":1}]}', "series", "snapshot"]


def test_a_storm_of_events_is_several_messages_that_no_client_finds_too_long() -> None:
    hub, client, late = Hub(), Client(), Client()
    hub.join(client)
    storm = [b'"%05d%s"' % (number, b"x" * 9_000) for number in range(1_000)]
    hub.publish(storm)
    hub.join(late)

    told = [event for message in client.messages for event in json.loads(message)["events"]]
    assert told == [json.loads(each) for each in storm[-len(told) :]], "in their order, and the newest"
    for each in (client, late):
        assert max(map(len, each.messages)) < 300_000
        assert sum(map(len, each.messages)) <= hub_module.REMEMBERED


def test_a_slow_client_gets_the_newest_and_nothing_of_what_it_missed() -> None:
    hub, slow, fast = Hub(), Client(), Client()
    hub.join(slow)
    hub.join(fast)
    slow.held = 10
    for number in range(100):
        hub.show(1, b"series", b"%d" % number)
    slow.held = 0
    hub.show(1, b"series", b"100")

    assert slow.messages[1:] == ["series", "100"]
    assert len(fast.messages) == 1 + 1 + 101
    assert hub.skipped == 100


def test_a_slow_client_gets_the_series_of_a_version_that_came_while_it_was_held_up() -> None:
    hub, client = Hub(), Client()
    hub.join(client)
    hub.show(1, b"series 1", b"a")
    client.held = 10
    hub.show(2, b"series 2", b"b")
    client.held = 0
    hub.show(2, b"series 2", b"c")

    assert client.messages[-2:] == ["series 2", "c"]


def test_a_slow_client_gets_the_events_that_it_missed_in_their_order() -> None:
    hub, client = Hub(), Client()
    hub.join(client)
    client.held = 10
    hub.publish([b"1", b"2"])
    hub.publish([b"3"])
    client.held = 0
    hub.show(1, b"series", b"snapshot")

    told = [json.loads(each)["events"] for each in client.messages[:-2]]
    assert told == [[], [1, 2], [3]]


def test_the_events_that_are_kept_for_slow_clients_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "REMEMBERED", 1_000)
    hub, client = Hub(), Client()
    hub.join(client)
    client.held = 10
    for number in range(1_000):
        hub.publish([b"%d" % number])
    client.held = 0
    hub.show(1, b"series", b"snapshot")

    found = [json.loads(each)["events"] for each in client.messages[1:-2]]
    assert found[-1] == [999]
    assert 1 < len(found) < 50


def test_a_client_that_takes_nothing_for_long_is_ended() -> None:
    now = 0.0
    hub, client = Hub(clock=lambda: now), Client()
    hub.join(client)
    client.held = 10
    now = 1.0
    hub.show(1, b"series", b"a")
    now = 1.0 + hub_module.PATIENCE + 0.1
    hub.show(1, b"series", b"b")

    assert client.aborted
    assert len(hub) == 0


def test_it_says_when_it_takes_no_more_clients() -> None:
    hub = Hub(limit=2)
    clients = [Client(), Client()]
    for each in clients:
        hub.join(each)

    assert hub.full
    hub.leave(clients[0])
    assert not hub.full


def test_the_same_bytes_go_to_every_client() -> None:
    hub, clients = Hub(), [Client() for _ in range(3)]
    for each in clients:
        hub.join(each)
    hub.show(1, b"series", b"snapshot")

    assert len({id(each.taken[-1]) for each in clients}) == 1
