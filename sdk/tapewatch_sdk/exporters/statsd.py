"""Pushes to a StatsD server by datagrams, with tags in the form of DogStatsD. It needs the standard library alone."""

from __future__ import annotations

import math
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tapewatch_sdk.exporters._classic import singles
from tapewatch_sdk.exporters._pushing import PushExporter
from tapewatch_sdk.exporters._urls import bad_url
from tapewatch_sdk.exporters.contract import Batch, Connection, Destination, FamilyPoints, Point, PointsRefusedError
from tapewatch_sdk.families import MetricType

__all__ = ["PACKET", "StatsdConnection", "StatsdExporter"]

PACKET = 1432
"""Bytes of a datagram: what fits into one frame of an Ethernet, as DogStatsD advises."""

TIMEOUT = 2.0
"""Seconds that a full Unix socket is waited for."""

_BURST, _BREATH = 16, 0.001
"""So many datagrams are sent at once, and then so many seconds nothing: a receiver's buffer is small."""

_NOT_IN_NAMES = re.compile(r"[:|@#\s]")
_NOT_IN_TAGS = re.compile(r"[,|#\s]")


class StatsdExporter(PushExporter):
    """StatsD by UDP or a Unix socket, with DogStatsD's tags: `statsd+udp://HOST:8125`, `statsd+unix:///PATH`."""

    name = "statsd"

    def connect(self, destination: Destination) -> Connection:
        """Make a connection; the network is not asked yet."""
        parts = urlsplit(destination.url)
        if parts.scheme == "unix" and parts.path:
            return StatsdConnection(parts.path, 0)
        if parts.scheme == "udp" and parts.hostname:
            return StatsdConnection(parts.hostname, parts.port or 8125)
        raise bad_url(
            f"statsd+{destination.url}", "is no StatsD server", "statsd+udp://HOST:PORT or statsd+unix:///PATH"
        )


class StatsdConnection:
    """A way to a StatsD server. It remembers what was told of each counter: StatsD wants increments.

    Parameters:
        host: name or address; of a Unix socket the path.
        port: the port; 0 for a Unix socket.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._told: dict[str, float] = {}

    def send(self, batch: Batch) -> None:
        """Send a batch: counters as what came since the batch before, which for the first is all of it."""
        sender = self._socket = self._socket or self._connected()
        too_long = 0
        try:
            for number, (packet, told) in enumerate(self.packets(batch), 1):
                if len(packet) > PACKET:
                    too_long += 1
                    continue
                sender.send(packet)
                self._told.update(told)
                if number % _BURST == 0:
                    time.sleep(_BREATH)
        except OSError:
            self.close()
            raise
        for family in batch.gone:
            for key, _ in _values(family):
                self._told.pop(key, None)
        if too_long:
            raise PointsRefusedError(f"{too_long} series of it have more labels than fit into {PACKET} bytes")

    def packets(self, batch: Batch) -> Iterator[tuple[bytes, dict[str, float]]]:
        """The datagrams for a batch, each with what is told of counters by it."""
        return _packets(self._lines(batch))

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if not self._port:
            return _connect(socket.AF_UNIX, Path(self._host).as_posix())
        family, _, _, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
        return _connect(family, address)

    def _lines(self, batch: Batch) -> Iterator[tuple[str, str, float]]:
        """Lines, each with what is then told of a counter: its key, or an empty one, and its value."""
        for family in batch.families:
            counts = family.type is not MetricType.GAUGE
            for key, value in _values(family):
                name, _, tags = key.partition("\n")
                if not math.isfinite(value):
                    continue  # StatsD has no word for it
                if not counts or "quantile:" in tags:
                    # A sign would make it a change of what was there before; from zero, it is the value.
                    before = f"{name}:0|g{tags}\n" if value < 0 else ""
                    yield f"{before}{name}:{_number(value)}|g{tags}", "", 0.0
                    continue
                told = self._told.get(key)
                more = value if told is None or value < told else value - told
                if more or told is None:
                    yield f"{name}:{_number(more)}|c{tags}", key, value


def _connect(family: int, address: object) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.settimeout(TIMEOUT)
        made.connect(address)  # type: ignore[arg-type]
    except BaseException:
        made.close()
        raise
    return made


def _packets(lines: Iterator[tuple[str, str, float]]) -> Iterator[tuple[bytes, dict[str, float]]]:
    """Lines in datagrams, each with what is told by it."""
    packet, told = b"", dict[str, float]()
    for text, key, value in lines:
        line = text.encode()
        if packet and len(packet) + 1 + len(line) > PACKET:
            yield packet, told
            packet, told = b"", {}
        packet = packet + b"\n" + line if packet else line
        if key:
            told[key] = value
    if packet:
        yield packet, told


def _values(family: FamilyPoints) -> Iterator[tuple[str, float]]:
    """Each single value of a family, with its name and its tags, a line feed between them."""
    for point in family.points:
        tags = _tags(point)
        for suffix, label, label_value, value, _ in singles(point):
            name = _NOT_IN_NAMES.sub("_", family.name + suffix)
            more = [*tags, f"{label}:{label_value}"] if label else tags
            yield f"{name}\n|#{','.join(more)}" if more else f"{name}\n", value


def _tags(point: Point) -> list[str]:
    return [f"{_NOT_IN_NAMES.sub('_', name)}:{_NOT_IN_TAGS.sub('_', value)}" for name, value in point.labels.items()]


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
