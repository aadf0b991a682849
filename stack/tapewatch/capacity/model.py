"""From the size of a platform to what its monitoring needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tapewatch.capacity.constants import Constants

__all__ = ["HEADROOM", "LOG_HOURS", "Load", "Needs", "Server", "needs"]

GB = 1e9

HEADROOM = 2.0
"""How much more memory and processor a server has than collecting takes: for rules, queries, new blocks, a start."""

DISK_HEADROOM = 1.25
"""How much more disk: blocks that are merged are there twice for a while."""

LOG_HOURS = 3.0
"""Hours that stand in the head's log: Prometheus cuts it every two hours, behind a head of up to three."""

_HOUR = 3600.0
_DAY = 24 * _HOUR

_BLOCK_AT_MOST = 31 * _DAY
"""The longest block that Prometheus makes; it makes none that is longer than a tenth of the retention."""

_STORED_BLOCK = _DAY
"""The blocks of Mimir in the object store; Thanos's are longer, and a little smaller for that."""


@dataclass(frozen=True, slots=True)
class Load:
    """The size of a platform.

    Parameters:
        services: targets.
        series: of each of them.
        interval: seconds between two scrapes.
        retention: seconds that Prometheus keeps.
        long_term: seconds that the object store keeps; 0 without one.
        replicas: Prometheus servers of the same configuration.
    """

    services: int
    series: int
    interval: float
    retention: float
    long_term: float = 0.0
    replicas: int = 2

    @property
    def all_series(self) -> int:
        """Of all services."""
        return self.services * self.series

    @property
    def rate(self) -> float:
        """Samples a second."""
        return self.all_series / self.interval


@dataclass(frozen=True, slots=True)
class Server:
    """The machine that one Prometheus may have.

    Parameters:
        memory: bytes.
        cores: processor cores.
    """

    memory: float = 64 * GB
    cores: float = 16.0


@dataclass(frozen=True, slots=True)
class Needs:
    """What is needed.

    Parameters:
        shards: groups of services that have a Prometheus each.
        servers: Prometheus servers: shards times replicas.
        memory, cores, disk: of one server, with headroom, in bytes, cores and bytes.
        objects: bytes in the object store, of every sample once.
        scraped: bytes a second from the services, to all servers together.
        sent: bytes a second to remote storage, from all servers together; 0 without an object store.
    """

    shards: int
    servers: int
    memory: float
    cores: float
    disk: float
    objects: float
    scraped: float
    sent: float


def needs(load: Load, constants: Constants, server: Server | None = None) -> Needs:
    """What a platform of a size needs.

    Parameters:
        load: the size.
        constants: what Prometheus takes.
        server: what one server may have; more is spread over shards.

    Raises:
        ValueError: the server is too small for a Prometheus without series.
    """
    server = server or Server()
    shards = max(_by_memory(load, constants, server), _by_cores(load, constants, server))
    series, rate = load.all_series / shards, load.rate / shards
    servers = shards * load.replicas
    sent = rate * servers * constants.remote_sample_bytes if load.long_term else 0.0
    return Needs(
        shards,
        servers,
        HEADROOM * (constants.memory_base_bytes + series * constants.memory_series_bytes),
        HEADROOM * (constants.cpu_base_cores + rate * constants.cpu_sample_seconds),
        _disk(series, rate, load.retention, constants),
        _blocks(load.all_series, load.rate, load.long_term, _STORED_BLOCK, constants),
        load.rate * load.replicas * constants.scrape_sample_bytes,
        sent,
    )


def _by_memory(load: Load, constants: Constants, server: Server) -> int:
    room = server.memory / HEADROOM - constants.memory_base_bytes
    return _spread(load.all_series * constants.memory_series_bytes, room)


def _by_cores(load: Load, constants: Constants, server: Server) -> int:
    room = server.cores / HEADROOM - constants.cpu_base_cores
    return _spread(load.rate * constants.cpu_sample_seconds, room)


def _spread(needed: float, room: float) -> int:
    if room <= 0:
        raise ValueError("a server of that size has no room for a Prometheus")
    return max(1, math.ceil(needed / room))


def _disk(series: float, rate: float, retention: float, constants: Constants) -> float:
    block = min(_BLOCK_AT_MOST, max(2 * _HOUR, retention / 10))
    log = rate * LOG_HOURS * _HOUR * constants.log_sample_bytes
    return DISK_HEADROOM * (_blocks(series, rate, retention, block, constants) + log)


def _blocks(series: float, rate: float, kept: float, block: float, constants: Constants) -> float:
    return kept * rate * constants.disk_sample_bytes + math.ceil(kept / block) * series * constants.disk_series_bytes
