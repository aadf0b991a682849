"""A service's line to its supervisor."""

from __future__ import annotations

import socket

from tapewatch.simulating.control import Channel


def test_a_service_ends_when_its_supervisor_is_gone() -> None:
    supervisors, services = socket.socketpair()
    supervisors.sendall(b"{}\n")
    channel = Channel(services)
    channel.faults(lambda faults: None)

    supervisors.close()

    assert channel.stop.wait(10)


def test_a_service_ends_when_its_supervisor_is_gone_before_it_read_all() -> None:
    supervisors, services = socket.socketpair()
    supervisors.sendall(b"{}\n")
    channel = Channel(services)
    channel.faults(lambda faults: None)
    channel.ready()

    supervisors.close()  # with unread bytes, so the kernel answers the service with a reset

    assert channel.stop.wait(10)
